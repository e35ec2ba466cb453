// SPDX-License-Identifier: Apache-2.0
#include "repo/key_slot.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "tests/repo/hostile.h"
#include "tests/repo/samples.h"
#include "tests/repo/test_repository.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::string_view kName = "keys/0123456789abcdef0123456789abcdef";

std::string seal(const Credential& credential, std::string_view label = "attic",
                 PasswordCost cost = kCheapCost) {
  const auto sealed = seal_slot(kName, samples::bundle(), credential, cost, label, fixed_random(3));
  REQUIRE_MESSAGE(sealed, sealed.error().message);
  return std::string(as_text(sealed->span()));
}

ErrorCode failure(std::string_view object, const Credential& credential,
                  std::string_view name = kName) {
  const auto opened = open_slot(name, as_bytes(object), credential);
  REQUIRE_FALSE(opened);
  return opened.error().code;
}

// With a checksum that fits again.
std::string mended(std::string object) {
  object.resize(object.size() - 32);
  object += as_text(hash(as_bytes(object)));
  return object;
}

TEST_CASE("a slot gives the whole bundle to who has the password") {
  const std::string slot = seal(Credential::password("open sesame"));
  CHECK(slot.size() == 96 + 16 + 5 + 2048 + 16 + 32);
  const auto bundle = open_slot(kName, as_bytes(slot), Credential::password("open sesame"));
  REQUIRE_MESSAGE(bundle, bundle.error().message);
  CHECK(as_text(encode(*bundle).span()) == as_text(encode(samples::bundle()).span()));

  CHECK(failure(slot, Credential::password("open sesami")) == ErrorCode::wrong_key);
  CHECK(failure(slot, Credential::password("")) == ErrorCode::wrong_key);
  CHECK(failure(slot, Credential::password("open sesame ")) == ErrorCode::wrong_key);
  CHECK(failure(slot, Credential::code(Bytes(32))) == ErrorCode::wrong_key);
}

TEST_CASE("a slot gives the bundle to who has the code") {
  const Bytes code = random_content(32, 8), other = random_content(32, 9);
  const std::string slot = seal(Credential::code(code));
  REQUIRE(open_slot(kName, as_bytes(slot), Credential::code(code)));
  CHECK(failure(slot, Credential::code(other)) == ErrorCode::wrong_key);
  CHECK(failure(slot, Credential::code(code.span().first(31))) == ErrorCode::wrong_key);
  CHECK(failure(slot, Credential::password(as_text(code))) == ErrorCode::wrong_key);
}

TEST_CASE("the storage sees label, method and costs of a slot, nothing of the secrets") {
  const std::string slot = seal(Credential::password("open sesame"), "Ann's laptop", {16, 2});
  const auto info = read_slot(as_bytes(slot));
  REQUIRE(info);
  CHECK(info->label == "Ann's laptop");
  CHECK(info->kind == Credential::Kind::password);
  CHECK(info->cost.memory_kib == 16);
  CHECK(info->cost.passes == 2);
  CHECK(info->header.repository() == samples::bundle().repository);
  CHECK(slot.find("open sesame") == std::string::npos);
  CHECK(slot.find(as_text(samples::keys().id_key.span())) == std::string::npos);

  const auto code = read_slot(as_bytes(seal(Credential::code(Bytes(32)))));
  REQUIRE(code);
  CHECK(code->kind == Credential::Kind::code);
  CHECK(code->cost.memory_kib == 0);
}

TEST_CASE("a label of more than 64 bytes is refused") {
  CHECK(seal(Credential::password("x"), std::string(64, 'l')).size() == 96 + 16 + 64 + 2096);
  CHECK(seal(Credential::password("x"), "").size() == 2208);
  CHECK_FALSE(seal_slot(kName, samples::bundle(), Credential::password("x"), kCheapCost,
                        std::string(65, 'l'), fixed_random(3)));
}

TEST_CASE("damage to a slot is told apart from a wrong password") {
  const Credential right = Credential::password("open sesame");
  const std::string slot = seal(right);
  for (std::size_t i = 0; i < slot.size(); ++i) {
    std::string changed = slot;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_MESSAGE(failure(changed, right) == ErrorCode::corrupt, i);
  }
  for (std::size_t size = 0; size < slot.size(); ++size) {
    CHECK_MESSAGE(failure(slot.substr(0, size), right) == ErrorCode::corrupt, size);
  }
  survives_damage(slot.substr(0, 200), [](ByteSpan bytes) { return read_slot(bytes); });
}

TEST_CASE("no byte of a slot can be changed by who mends the checksum") {
  const Credential right = Credential::code(random_content(32, 8));
  const std::string slot = seal(right);
  for (std::size_t i = 0; i + 32 < slot.size(); ++i) {
    std::string changed = slot;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_MESSAGE(!open_slot(kName, as_bytes(mended(changed)), right), i);
  }
  CHECK(failure(slot, right, "keys/00") != ErrorCode::internal);
}

TEST_CASE("absurd costs are refused before any memory is spent") {
  const std::string slot = seal(Credential::password("open sesame"));
  const auto with_cost = [&](std::uint32_t memory_kib, std::uint32_t passes) {
    std::string changed = slot;
    store_le(memory_kib, std::as_writable_bytes(std::span(changed)).data() + 100);
    store_le(passes, std::as_writable_bytes(std::span(changed)).data() + 104);
    return mended(changed);
  };
  const Credential right = Credential::password("open sesame");
  CHECK(failure(with_cost(0xFFFFFFFF, 1), right) == ErrorCode::corrupt);
  CHECK(failure(with_cost(limits::kArgonMemoryKib + 1, 1), right) == ErrorCode::corrupt);
  CHECK(failure(with_cost(8, 0xFFFFFFFF), right) == ErrorCode::corrupt);
  CHECK(failure(with_cost(8, limits::kArgonPasses + 1), right) == ErrorCode::corrupt);
  // Costs that differ from the sealed ones make another key.
  CHECK(failure(with_cost(16, 1), right) == ErrorCode::wrong_key);
  CHECK(failure(with_cost(0, 0), right) == ErrorCode::invalid_argument);
}

TEST_CASE("what a slot reserves must be zero, and its method known") {
  const Credential right = Credential::code(random_content(32, 8));
  const std::string slot = seal(right);
  const auto with = [&](std::size_t at, char value) {
    std::string changed = slot;
    changed[at] = value;
    return mended(changed);
  };
  CHECK(failure(with(96, 3), right) == ErrorCode::unsupported);
  CHECK(failure(with(97, 65), right) == ErrorCode::corrupt);
  CHECK(failure(with(98, 1), right) == ErrorCode::corrupt);
  CHECK(failure(with(99, 1), right) == ErrorCode::corrupt);
  CHECK(failure(with(108, 1), right) == ErrorCode::corrupt);
  CHECK(failure(with(111, 1), right) == ErrorCode::corrupt);
  CHECK_FALSE(read_slot(Bytes(limits::kSlotBytes + 1)));
}

TEST_CASE("a recovery code survives paper") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Bytes code = random_content(32, seed);
    const std::string text = format_recovery_code(code);
    CAPTURE(text);
    CHECK(text.size() == 56 + 7);
    CHECK(looks_like_recovery_code(text));
    const auto reads_back = [&](const std::string& typed) {
      const auto parsed = parse_recovery_code(typed);
      return parsed && as_text(parsed->span()) == as_text(code);
    };
    CHECK(reads_back(text));
    std::string upper = text;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(reads_back(upper));
    std::string other_form = text;
    std::erase(other_form, '-');
    CHECK(reads_back(other_form));
    CHECK(reads_back("  " + text + "\r\n"));
    std::string mistaken = text;  // as some people read some fonts
    std::ranges::replace(mistaken, '0', 'o');
    std::ranges::replace(mistaken, '1', 'l');
    CHECK(reads_back(mistaken));
    std::ranges::replace(mistaken, 'o', 'O');
    std::ranges::replace(mistaken, 'l', 'I');
    CHECK(reads_back(mistaken));
  }
}

TEST_CASE("typing mistakes in a recovery code are noticed") {
  const std::string text = format_recovery_code(random_content(32, 5));
  const auto refused = [](const std::string& typed) {
    const auto parsed = parse_recovery_code(typed);
    return !parsed && parsed.error().code == ErrorCode::invalid_argument;
  };
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') continue;
    std::string swapped = text;
    std::size_t next = i + 1;
    if (next < text.size() && text[next] == '-') ++next;
    if (next < text.size() && text[next] != text[i]) {
      std::swap(swapped[i], swapped[next]);
      accepted += !refused(swapped);
    }
    for (const char c : std::string_view("0123456789abcdefghjkmnpqrstvwxyz")) {
      if (c == text[i]) continue;
      std::string wrong = text;
      wrong[i] = c;
      accepted += !refused(wrong);
    }
    std::string missing = text;
    CHECK(refused(missing.erase(i, 1)));
    std::string doubled = text;
    CHECK(refused(doubled.insert(i, 1, text[i])));
  }
  CHECK(accepted == 0);
  CHECK(refused(""));
  CHECK(refused("correct horse battery staple"));
  CHECK(refused(text + "u"));
  CHECK_FALSE(looks_like_recovery_code("secret"));
}

}  // namespace
}  // namespace lagan
