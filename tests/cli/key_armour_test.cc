// SPDX-License-Identifier: Apache-2.0
#include "src/cli/key_armour.h"

#include <doctest/doctest.h>

#include "repo/key_slot.h"
#include "tests/repo/samples.h"

namespace lagan::cli {
namespace {

constexpr std::string_view kId = "000102030405060708090a0b0c0d0e0f";

std::string armour() {
  const std::string secret(32, 's');
  const auto slot = seal_slot("keys/" + std::string(kId), samples::bundle(),
                              Credential::code(as_bytes(secret)), {0, 0}, "attic", system_random);
  REQUIRE(slot);
  return write_armour(samples::bundle().repository, kId, slot->span());
}

TEST_CASE("a key comes back from text, whatever stands around it") {
  const std::string text = armour();
  const auto plain = read_armour(text);
  REQUIRE(plain);
  CHECK(plain->id == kId);
  CHECK(plain->repository == samples::bundle().repository);
  CHECK(read_slot(plain->object)->label == "attic");
  const auto mailed = read_armour("Dear me,\n\n" + text + "\nkeep this.\n");
  REQUIRE(mailed);
  CHECK(as_text(mailed->object) == as_text(plain->object));
  std::string windows = text;
  for (std::size_t at = 0; (at = windows.find('\n', at)) != std::string::npos; at += 2)
    windows.insert(at, "\r");
  CHECK(read_armour(windows));
}

TEST_CASE("a cut or changed key is refused, at every place") {
  const std::string text = armour();
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    INFO(length);
    CHECK_FALSE(read_armour(text.substr(0, length)));
  }
  const std::size_t digits = text.find("\n\n") + 2;
  for (std::size_t at = digits; at < text.find("\n-----END"); ++at) {
    if (text[at] == '\n') continue;
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    INFO(at);
    CHECK_FALSE(read_armour(changed));
  }
}

TEST_CASE("a key that claims another repository is refused") {
  std::string text = armour();
  const std::size_t at = text.find("Repository: ") + 12;
  text[at] = text[at] == '0' ? '1' : '0';
  CHECK_FALSE(read_armour(text));
}

}  // namespace
}  // namespace lagan::cli
