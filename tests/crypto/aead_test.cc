// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

namespace {

constexpr Suite kSuites[] = {Suite::chacha20_poly1305, Suite::aes256_gcm};
constexpr Nonce kNonce{std::byte{1}, std::byte{2}, std::byte{3}};

Bytes seal(Aead& aead, const Nonce& nonce, ByteSpan associated, ByteSpan plain) {
  Bytes out(plain.size() + kTagSize);
  const SealedSpan sealed = aead.seal(nonce, associated, plain, out.span());
  CHECK(sealed.span().data() == out.data());
  CHECK(sealed.size() == out.size());
  return out;
}

Result<Bytes> open(Aead& aead, const Nonce& nonce, ByteSpan associated, ByteSpan sealed) {
  Bytes out(sealed.size() - kTagSize);
  std::ranges::fill(out.span(), std::byte{0x77});
  const Result<void> opened = aead.open(nonce, associated, sealed, out.span());
  if (!opened) {
    CHECK(is_zero(out));
    return fail(opened.error());
  }
  return out;
}

void check_corrupt(const Result<Bytes>& opened) {
  REQUIRE(!opened);
  CHECK(opened.error().code == ErrorCode::corrupt);
}

struct Vector {
  Suite suite;
  const char *key, *nonce, *associated, *plain, *sealed;
};

constexpr Vector kVectors[] = {
    // RFC 8439, section 2.8.2.
    {Suite::chacha20_poly1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620492"
     "063"
     "6f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756"
     "e73"
     "637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da927"
     "28b"
     "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d"
     "7bc"
     "3ff4def08e4b7a9de576d26586cec64b6116"
     "1ae10b594f09e26a7e902ecbd0600691"},
    // The Galois/Counter Mode of Operation (McGrew and Viega), test cases 13, 14 and 16.
    {Suite::aes256_gcm, "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {Suite::aes256_gcm, "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {Suite::aes256_gcm, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
     "525"
     "b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "838"
     "c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

}  // namespace

TEST_CASE("both suites agree with their published vectors") {
  for (const Vector& vector : kVectors) {
    INFO(vector.sealed);
    Aead aead(vector.suite, key_of(vector.key));
    const Nonce nonce = array_of<12>(vector.nonce);
    const Bytes associated = bytes_of(vector.associated);
    CHECK(to_hex(seal(aead, nonce, associated, bytes_of(vector.plain))) == vector.sealed);
    const Result<Bytes> opened = open(aead, nonce, associated, bytes_of(vector.sealed));
    REQUIRE(opened);
    CHECK(to_hex(*opened) == vector.plain);
  }
}

TEST_CASE("one cipher state serves many messages in both directions") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(1));
    for (std::uint8_t i = 0; i < 20; ++i) {
      const Nonce nonce{std::byte{i}};
      Bytes plain(std::size_t{i} * 5000);
      std::ranges::fill(plain.span(), std::byte{i});
      const ByteSpan associated = as_bytes("header").first(i % 7U);
      const Bytes sealed = seal(aead, nonce, associated, plain);
      Aead fresh(suite, key_filled_with(1));
      CHECK(std::ranges::equal(sealed.span(), seal(fresh, nonce, associated, plain).span()));
      Bytes bent = Bytes::copy_of(sealed);
      bent.data()[0] ^= std::byte{1};
      check_corrupt(open(aead, nonce, associated, bent));
      const Result<Bytes> opened = open(aead, nonce, associated, sealed);
      REQUIRE(opened);
      CHECK(std::ranges::equal(opened->span(), plain.span()));
    }
  }
}

TEST_CASE("sealing and opening work in place") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(2));
    for (const std::size_t size_bytes : {0U, 1U, 15U, 16U, 17U, 63U, 64U, 65U, 300'000U}) {
      INFO(size_bytes, " bytes");
      Bytes buffer(size_bytes + kTagSize);
      const MutableByteSpan text = buffer.span().first(size_bytes);
      std::ranges::fill(text, std::byte{0x5a});
      const Bytes apart = seal(aead, kNonce, as_bytes("a"), text);
      aead.seal(kNonce, as_bytes("a"), text, buffer.span());
      CHECK(std::ranges::equal(buffer.span(), apart.span()));
      REQUIRE(aead.open(kNonce, as_bytes("a"), buffer, text));
      CHECK(std::ranges::all_of(text, [](std::byte b) { return b == std::byte{0x5a}; }));
    }
  }
}

TEST_CASE("a sealed message with any bit of any byte changed is corrupt") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(3));
    const Bytes sealed = seal(aead, kNonce, as_bytes("associated"), as_bytes("hello"));
    for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
      INFO("bit ", bit);
      Bytes bent = Bytes::copy_of(sealed);
      bent.data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      check_corrupt(open(aead, kNonce, as_bytes("associated"), bent));
    }
  }
}

TEST_CASE("another key, nonce, suite or associated data is corrupt") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(4));
    const Bytes sealed = seal(aead, kNonce, as_bytes("associated"), as_bytes("hello"));
    Aead other_key(suite, key_filled_with(5));
    check_corrupt(open(other_key, kNonce, as_bytes("associated"), sealed));
    Aead other_suite(suite == kSuites[0] ? kSuites[1] : kSuites[0], key_filled_with(4));
    check_corrupt(open(other_suite, kNonce, as_bytes("associated"), sealed));
    Nonce other_nonce = kNonce;
    other_nonce[11] ^= std::byte{1};
    check_corrupt(open(aead, other_nonce, as_bytes("associated"), sealed));
    check_corrupt(open(aead, kNonce, as_bytes("associate"), sealed));
    check_corrupt(open(aead, kNonce, {}, sealed));
  }
}

TEST_CASE("a message cut at any length is corrupt") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(6));
    const Bytes sealed = seal(aead, kNonce, {}, as_bytes("hello"));
    for (std::size_t size_bytes = 0; size_bytes < sealed.size(); ++size_bytes) {
      INFO(size_bytes, " bytes");
      Bytes out(size_bytes < kTagSize ? 3 : size_bytes - kTagSize);
      std::ranges::fill(out.span(), std::byte{0x77});
      const auto opened = aead.open(kNonce, {}, sealed.span().first(size_bytes), out.span());
      REQUIRE(!opened);
      CHECK(opened.error().code == ErrorCode::corrupt);
      CHECK(is_zero(out));
    }
  }
}

TEST_CASE("a failed opening in place leaves zeros, not half a plaintext") {
  for (const Suite suite : kSuites) {
    Aead aead(suite, key_filled_with(7));
    Bytes buffer = seal(aead, kNonce, {}, as_bytes("something private"));
    buffer.data()[buffer.size() - 1] ^= std::byte{1};
    const MutableByteSpan text = buffer.span().first(buffer.size() - kTagSize);
    CHECK(!aead.open(kNonce, {}, buffer, text));
    CHECK(is_zero(text));
  }
}

TEST_CASE("a moved cipher keeps its key") {
  Aead first(Suite::aes256_gcm, key_filled_with(8));
  const Bytes sealed = seal(first, kNonce, {}, as_bytes("hello"));
  Aead second(std::move(first));
  CHECK(open(second, kNonce, {}, sealed));
  Aead third(Suite::chacha20_poly1305, key_filled_with(9));
  third = std::move(second);
  CHECK(open(third, kNonce, {}, sealed));
}

TEST_CASE("the preferred suite is one that works here") {
  Aead aead(preferred_suite(), key_filled_with(1));
  CHECK(open(aead, kNonce, {}, seal(aead, kNonce, {}, as_bytes("hello"))));
}

}  // namespace lagan
