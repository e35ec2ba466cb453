// SPDX-License-Identifier: Apache-2.0
#include "repo/body.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "repo/wire.h"
#include "tests/repo/samples.h"
#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

constexpr std::string_view kName = "config/0123456789abcdef0123456789abcdef";
constexpr std::size_t kLargest = limits::kSegmentBytes;

// Everything that sealing needs, in one place.
struct Keys {
  MasterKeys keys = samples::keys();
  Sealing sealing{samples::id<RepositoryId>(0x10), &keys, Suite::chacha20_poly1305,
                  fixed_random(1)};
};

bool opens(const Sealing& sealing, ObjectKind kind, std::string_view name, ByteSpan object) {
  const auto opened = open_body(sealing, kind, name, object, kLargest);
  if (!opened) CHECK(!opened.error().message.empty());
  return opened.has_value();
}

TEST_CASE("a body of every kind and suite survives the round trip") {
  Keys keys;
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes256_gcm}) {
    keys.sealing.suite = suite;
    for (const ObjectKind kind :
         {ObjectKind::config, ObjectKind::snapshot, ObjectKind::session, ObjectKind::index_segment,
          ObjectKind::condemned, ObjectKind::fence, ObjectKind::verified, ObjectKind::forgotten}) {
      CAPTURE(static_cast<int>(kind));
      const std::string_view name = kind == ObjectKind::index_segment ? "" : kName;
      for (const std::size_t size :
           {std::size_t{0}, std::size_t{1}, std::size_t{2044}, std::size_t{2045},
            (std::size_t{1} << 20) - 4, (std::size_t{1} << 20) - 3, std::size_t{2'500'000}}) {
        CAPTURE(size);
        const std::string message(as_text(random_content(size, size).span()));
        const SealedObject object = seal_body(keys.sealing, kind, name, message);
        const auto opened = open_body(keys.sealing, kind, name, object.span(), kLargest);
        REQUIRE_MESSAGE(opened, opened.error().message);
        CHECK(*opened == message);
      }
    }
  }
}

TEST_CASE("a body opens only as what, where and for whom it was sealed") {
  Keys keys;
  const SealedObject object = seal_body(keys.sealing, ObjectKind::session, kName, "hello");
  REQUIRE(opens(keys.sealing, ObjectKind::session, kName, object.span()));

  SUBCASE("not under another name") {
    CHECK_FALSE(opens(keys.sealing, ObjectKind::session, "config/other", object.span()));
    CHECK_FALSE(opens(keys.sealing, ObjectKind::session, "", object.span()));
  }
  SUBCASE("not as another kind") {
    CHECK_FALSE(opens(keys.sealing, ObjectKind::fence, kName, object.span()));
    CHECK_FALSE(opens(keys.sealing, ObjectKind::snapshot, kName, object.span()));
  }
  SUBCASE("not in another repository") {
    Sealing other = keys.sealing;
    other.repository = samples::id<RepositoryId>(0x11);
    CHECK_FALSE(opens(other, ObjectKind::session, kName, object.span()));
  }
  SUBCASE("not with another key") {
    const MasterKeys others = MasterKeys::generate(fixed_random(99));
    Sealing other = keys.sealing;
    other.keys = &others;
    CHECK_FALSE(opens(other, ObjectKind::session, kName, object.span()));
  }
  SUBCASE("not when it is larger than allowed") {
    CHECK_FALSE(open_body(keys.sealing, ObjectKind::session, kName, object.span(),
                          object.span().size() - 1));
  }
}

TEST_CASE("no byte of a body can change, and none can be missing or be added") {
  Keys keys;
  for (const ObjectKind kind :
       {ObjectKind::config, ObjectKind::snapshot, ObjectKind::index_segment}) {
    CAPTURE(static_cast<int>(kind));
    const std::string_view name = kind == ObjectKind::index_segment ? "" : kName;
    const SealedObject object = seal_body(keys.sealing, kind, name, "hello");
    Bytes changed = Bytes::copy_of(object.span());
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < changed.size(); ++i) {
      changed.span()[i] ^= static_cast<std::byte>(1 << (i % 8));
      accepted += opens(keys.sealing, kind, name, changed);
      // An attacker who knows the format mends the checksum.
      if (kind != ObjectKind::index_segment && i + 32 < changed.size()) {
        const Hash check = hash(changed.span().first(changed.size() - 32));
        Bytes mended = Bytes::copy_of(changed);
        std::ranges::copy(check, mended.span().last(32).begin());
        accepted += opens(keys.sealing, kind, name, mended);
      }
      changed.span()[i] ^= static_cast<std::byte>(1 << (i % 8));
    }
    CHECK(accepted == 0);
    for (std::size_t size = 0; size < changed.size(); ++size) {
      const Bytes cut = Bytes::copy_of(object.span().first(size));
      accepted += opens(keys.sealing, kind, name, cut);
    }
    CHECK(accepted == 0);
    const std::string longer = std::string(as_text(object.span())) + '\0';
    CHECK_FALSE(opens(keys.sealing, kind, name, as_bytes(longer)));
  }
}

TEST_CASE("frames of a long body cannot be dropped, repeated or exchanged") {
  Keys keys;
  const std::string message(as_text(random_content(std::size_t{3} << 20, 5).span()));
  const SealedObject object = seal_body(keys.sealing, ObjectKind::index_segment, "", message);
  constexpr std::size_t kFrame = (std::size_t{1} << 20) + 16;
  const std::string whole(as_text(object.span()));
  REQUIRE(whole.size() > kHeaderSize + 3 * kFrame);
  const auto opens_as = [&](const std::string& bytes) {
    return opens(keys.sealing, ObjectKind::index_segment, "", as_bytes(bytes));
  };
  REQUIRE(opens_as(whole));
  const std::string first = whole.substr(kHeaderSize, kFrame),
                    second = whole.substr(kHeaderSize + kFrame, kFrame);
  CHECK_FALSE(opens_as(whole.substr(0, kHeaderSize + 3 * kFrame)));  // the last is gone
  CHECK_FALSE(opens_as(whole.substr(0, kHeaderSize + kFrame)));
  std::string without = whole;
  CHECK_FALSE(opens_as(without.erase(kHeaderSize, kFrame)));
  std::string exchanged = whole;
  CHECK_FALSE(opens_as(exchanged.replace(kHeaderSize, 2 * kFrame, second + first)));
  std::string repeated = whole;
  CHECK_FALSE(opens_as(repeated.insert(kHeaderSize, first)));
}

TEST_CASE("what a body's size tells is rounded") {
  Keys keys;
  const auto size = [&](ObjectKind kind, std::size_t message) {
    return seal_body(keys.sealing, kind, kName, std::string(message, 'x')).span().size();
  };
  // Header 96, plaintext, tag 16, check 32 (docs/format.md, "Worked example").
  CHECK(size(ObjectKind::config, 0) == 2192);
  CHECK(size(ObjectKind::config, 2044) == 2192);
  CHECK(size(ObjectKind::config, 2045) == 96 + 2112 + 16 + 32);
  CHECK(size(ObjectKind::session, 300) == 2192);
  CHECK(size(ObjectKind::index_segment, 300) == 2160);
  CHECK(size(ObjectKind::config, 5000) == 96 + 5120 + 16 + 32);
}

TEST_CASE("the same randomness seals another message under another key") {
  Keys keys;
  const auto header_of = [&](std::string_view name, std::string_view message) {
    Sealing rolled_back = keys.sealing;
    rolled_back.random = fixed_random(7);
    const SealedObject object = seal_body(rolled_back, ObjectKind::session, name, message);
    return std::string(as_text(object.span().first(kHeaderSize)));
  };
  CHECK(header_of(kName, "one") == header_of(kName, "one"));
  CHECK(header_of(kName, "one") != header_of(kName, "two"));
  CHECK(header_of(kName, "one") != header_of("config/other", "one"));
  CHECK(header_of(kName, "one") != header_of(kName, std::string("one\0", 4)));
}

TEST_CASE("a signed message is accepted as it was signed and in no other form") {
  Keys keys;
  const std::string message = encode(samples::config());
  const std::string made = sign_message(keys.sealing, ObjectKind::config, kName, message);
  const auto holds = [&](const std::string& text, ObjectKind kind = ObjectKind::config,
                         std::string_view name = kName) {
    return check_signature(keys.sealing, kind, name, text).has_value();
  };
  REQUIRE(holds(made));
  CHECK(*check_signature(keys.sealing, ObjectKind::config, kName, made) == message);

  SUBCASE("not without its signature") {
    CHECK_FALSE(holds(message));
    CHECK_FALSE(holds(""));
  }
  SUBCASE("not with a byte changed, removed or added") {
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < made.size(); ++i) {
      std::string changed = made;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      accepted += holds(changed);
      accepted += holds(made.substr(0, i));
    }
    CHECK(accepted == 0);
    CHECK_FALSE(holds(made + '\0'));
  }
  SUBCASE("not with a field behind the signature") {
    std::string longer = made;
    StringWriter(longer).present_u64(1, 77);
    CHECK_FALSE(holds(longer));
    StringWriter(longer).element(100, std::string(64, 's'));
    CHECK_FALSE(holds(longer));
  }
  SUBCASE("not signed twice") {
    CHECK_FALSE(holds(sign_message(keys.sealing, ObjectKind::config, kName, made)));
  }
  SUBCASE("not with a signature of another length") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{63}, std::size_t{65}}) {
      std::string other = message;
      StringWriter(other).element(100, std::string(size, 's'));
      CHECK_FALSE(holds(other));
    }
  }
  SUBCASE("not as another kind, under another name, or in another repository") {
    CHECK_FALSE(holds(made, ObjectKind::condemned));
    CHECK_FALSE(holds(made, ObjectKind::config, "config/other"));
    keys.sealing.repository = samples::id<RepositoryId>(0x11);
    CHECK_FALSE(holds(made));
  }
  SUBCASE("not by another owner") {
    const MasterKeys others = MasterKeys::generate(fixed_random(99));
    Sealing other = keys.sealing;
    other.keys = &others;
    CHECK_FALSE(holds(sign_message(other, ObjectKind::config, kName, message)));
  }
}

}  // namespace
}  // namespace lagan
