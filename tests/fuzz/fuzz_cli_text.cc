// SPDX-License-Identifier: Apache-2.0

// Text that people paste or mail: base64 and armoured keys. The first byte chooses. What is written
// must be read back, wherever white space gets into it.

#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/hash.h"
#include "crypto/object_key.h"
#include "util/base64.h"
#include "src/cli/key_armour.h"
#include "tests/repo/samples.h"

namespace lagan::cli {
namespace {

void try_base64(std::string_view text) {
  const auto bytes = from_base64(text);
  if (!bytes) return;
  LAGAN_ASSERT(bytes->size() * 4 / 3 <= text.size());
  LAGAN_ASSERT(from_base64(to_base64(*bytes)) == *bytes);
}

void write_base64(std::string_view bytes) {
  const std::string text = to_base64(bytes);
  LAGAN_ASSERT(text.size() == (bytes.size() + 2) / 3 * 4);
  LAGAN_ASSERT(from_base64(text) == bytes);
  const std::size_t half = text.size() / 2;
  LAGAN_ASSERT(from_base64(" " + text.substr(0, half) + "\r\n\t" + text.substr(half)) == bytes);
  LAGAN_ASSERT(!from_base64(text + "="));
  LAGAN_ASSERT(!from_base64(text.substr(0, half) + "-" + text.substr(half)));
}

void try_armour(std::string_view text) {
  const auto key = read_armour(text);
  if (!key) return LAGAN_ASSERT(!key.error().message.empty());
  const std::string written = write_armour(key->repository, key->id, key->object);
  const auto again = read_armour(written);
  LAGAN_ASSERT(again && again->repository == key->repository && again->id == key->id);
  LAGAN_ASSERT(as_text(again->object) == as_text(key->object));
}

// The input as what follows the header of a slot whose checksum is right.
void write_armoured(std::string_view rest) {
  const RepositoryId repository = samples::id<RepositoryId>(0x10);
  SecretKey kek, salt;
  std::string object(
      as_text(new_slot(repository, kek, as_bytes(std::string(16, '\0')), salt).header.bytes));
  object += rest;
  object += as_text(hash(as_bytes(object)));
  const std::string id(32, 'a');
  const std::string written = write_armour(repository, id, as_bytes(object));
  const auto key = read_armour("Dear Ann,\n" + written + "Yours\n");
  if (key) LAGAN_ASSERT(as_text(key->object) == object && key->id == id);
  std::string with_returns;
  for (const char c : written) with_returns += c == '\n' ? std::string("\r\n") : std::string(1, c);
  LAGAN_ASSERT(read_armour(with_returns).has_value() == key.has_value());
}

void run(unsigned choice, std::string_view text) {
  switch (choice % 4) {
    case 0:
      return try_base64(text);
    case 1:
      return write_base64(text);
    case 2:
      return try_armour(text);
    default:
      return write_armoured(text);
  }
}

}  // namespace
}  // namespace lagan::cli

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lagan;
  if (size > 0) cli::run(data[0], as_text(std::as_bytes(std::span(data + 1, size - 1))));
  return 0;
}
