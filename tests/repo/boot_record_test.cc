// SPDX-License-Identifier: Apache-2.0
#include "repo/boot_record.h"

#include <doctest/doctest.h>

#include "storage/memory.h"
#include "tests/repo/hostile.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

TEST_CASE("a boot record says in plain text what it is") {
  const std::string record = encode_boot_record(samples::boot());
  CHECK(record.starts_with("lagan repository, format 1\n"));
  CHECK(record.size() == 89);
  const auto decoded = decode_boot_record(as_bytes(record));
  REQUIRE(decoded);
  CHECK(decoded->repository == samples::boot().repository);
  CHECK(decoded->created == samples::boot().created);
  CHECK(encode_boot_record(*decoded) == record);
}

TEST_CASE("a boot record of another format is unsupported, and the error says what to do") {
  std::string record = encode_boot_record(samples::boot());
  record.replace(record.find("format 1"), 8, "format 2");
  const auto decoded = decode_boot_record(as_bytes(record));
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::unsupported);
  CHECK(decoded.error().message.find("newer") != std::string::npos);
  // Longer numbers are other formats too.
  CHECK(decode_boot_record(as_bytes("lagan repository, format 10\nx")).error().code ==
        ErrorCode::unsupported);
}

TEST_CASE("every change of a boot record shows") {
  const std::string record = encode_boot_record(samples::boot());
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string changed = record;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_MESSAGE(!decode_boot_record(as_bytes(changed)), i);
    CHECK_MESSAGE(!decode_boot_record(as_bytes(record.substr(0, i))), i);
  }
  CHECK_FALSE(decode_boot_record(as_bytes(record + "x")));
  CHECK_FALSE(decode_boot_record(Bytes(5000)));
  survives_damage(record, [](ByteSpan bytes) { return decode_boot_record(bytes); });
}

TEST_CASE("a storage without a boot record holds no repository") {
  const auto storage = make_memory_storage();
  const auto missing = read_boot_record(*storage);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::no_repository);
}

}  // namespace
}  // namespace lagan
