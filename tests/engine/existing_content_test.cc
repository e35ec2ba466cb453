// SPDX-License-Identifier: Apache-2.0
#include "src/engine/existing_content.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "repo/pack_reader.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

// 1 MiB of noise, 1 MiB of hole, 1 MiB of zeros that were written.
struct Existing {
  static constexpr std::uint64_t kMiB = 1 << 20;
  TemporaryFolder folder;
  File file = *open_file(folder / "file", O_RDWR | O_CREAT);
  Bytes noise = random_content(kMiB, 1);
  TestRepository repository;
  const SecretKey& key = repository->bundle().keys.id_key;

  Existing() {
    REQUIRE(write_all_at(file.descriptor(), noise, 0));
    REQUIRE(write_all_at(file.descriptor(), as_bytes(std::string(kMiB, '\0')), 2 * kMiB));
  }
};

TEST_CASE("a chunk is held if it is all there, at its place, and equal") {
  Existing test;
  const int file = test.file.descriptor();
  const ChunkId id = chunk_id(test.key, ChunkKind::data, test.noise);
  CHECK(holds_chunk(file, 0, id, Existing::kMiB, test.key));
  CHECK_FALSE(holds_chunk(file, 1, id, Existing::kMiB, test.key));
  CHECK_FALSE(holds_chunk(file, 0, id, Existing::kMiB - 1, test.key));
  CHECK_FALSE(holds_chunk(file, 0, id, std::uint64_t{1} << 60, test.key));
  REQUIRE(write_all_at(file, as_bytes("x"), Existing::kMiB - 1));
  CHECK_FALSE(holds_chunk(file, 0, id, Existing::kMiB, test.key));
  REQUIRE(::ftruncate(file, Existing::kMiB - 1) == 0);
  CHECK_FALSE(holds_chunk(file, 0, id, Existing::kMiB, test.key));
}

TEST_CASE("holes are told from zeros") {
  Existing test;
  const int file = test.file.descriptor();
  constexpr std::uint64_t kMiB = Existing::kMiB;
  CHECK(is_hole(file, kMiB, kMiB));
  CHECK_FALSE(is_hole(file, kMiB, kMiB + 1));
  CHECK_FALSE(is_hole(file, 2 * kMiB, kMiB));
  CHECK(has_no_hole(file, 2 * kMiB, kMiB));
  CHECK_FALSE(has_no_hole(file, 2 * kMiB - 4096, kMiB));
  CHECK(holds_zeros(file, kMiB, 2 * kMiB));
  CHECK_FALSE(holds_zeros(file, kMiB - 1, kMiB));
  CHECK(holds_bytes(file, 0, test.noise));
  CHECK_FALSE(holds_bytes(file, 1, test.noise));
}

}  // namespace
}  // namespace lagan
