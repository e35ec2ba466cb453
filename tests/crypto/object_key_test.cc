// SPDX-License-Identifier: Apache-2.0
#include "crypto/object_key.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/crypto/fixtures.h"

namespace lagan {

namespace {

constexpr ObjectKind kKinds[] = {
    ObjectKind::config,    ObjectKind::snapshot,  ObjectKind::session,   ObjectKind::index_segment,
    ObjectKind::condemned, ObjectKind::data_pack, ObjectKind::tree_pack, ObjectKind::fence,
    ObjectKind::verified,  ObjectKind::forgotten};

const RepositoryId kRepository{array_of<16>("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")};
const Bytes kParameters = bytes_of("000102030405060708090a0b0c0d0e0f");

// Secrets 00 01 02 …, see keys_test.cc.
const EpochKeys& test_keys() {
  static const EpochKeys keys = MasterKeys::generate(counting_random()).epoch;
  return keys;
}

SecretKey test_hedge() {
  return hedge(counting_random(), test_keys().index_key, hash(as_bytes("body")));
}

NewObject make(ObjectKind kind, Suite suite = Suite::chacha20_poly1305) {
  Result<NewObject> made = new_object(kind, suite, kRepository, test_keys(), test_hedge());
  REQUIRE(made);
  return std::move(*made);
}

NewObject make_slot() {
  return new_slot(kRepository, key_filled_with(0x5a), kParameters, test_hedge());
}

bool same(const ObjectKey& a, const ObjectKey& b) {
  return equal_in_constant_time(a.aead.span(), b.aead.span()) &&
         equal_in_constant_time(a.nonce.span(), b.nonce.span()) && a.commitment == b.commitment;
}

template <typename T>
void check_code(const Result<T>& result, ErrorCode code) {
  REQUIRE(!result);
  CHECK(result.error().code == code);
}

// "hello" under nonce (0, 1) with the header as associated data.
std::string sealed_hello(const NewObject& object) {
  Aead aead(object.header.suite(), object.key.aead);
  Bytes out(5 + kTagSize);
  aead.seal(make_nonce(0, std::uint64_t{1}), object.header.bytes, as_bytes("hello"), out.span());
  return to_hex(out);
}

}  // namespace

TEST_CASE("an object's key is found again from its header, for each kind and suite") {
  for (const ObjectKind kind : kKinds) {
    for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes256_gcm}) {
      INFO("kind ", static_cast<int>(kind));
      const NewObject made = make(kind, suite);
      const Result<Header> header = Header::decode(made.header.bytes);
      REQUIRE(header);
      CHECK(*header == made.header);
      CHECK(header->kind() == kind);
      CHECK(header->suite() == suite);
      CHECK(header->epoch() == 1);
      CHECK(header->repository() == kRepository);
      CHECK(std::ranges::equal(header->commitment(), made.key.commitment));
      const Result<ObjectKey> key = open_object(*header, kRepository, test_keys());
      REQUIRE(key);
      CHECK(same(*key, made.key));
    }
  }
}

// Computed from the format document alone by a Python program, with cryptography 48 for the curves
// and ciphers and b3sum for BLAKE3. A difference is a change of format, and old repositories no
// longer open.
TEST_CASE("headers, keys and ciphertexts are those of the format document") {
  CHECK(to_hex(test_hedge().span()) ==
        "fd628ab12a4ef6745f1071d10b1e4f008cbf08988ea7a2825eaa73427edf5048");
  SUBCASE("data pack") {
    const NewObject made = make(ObjectKind::data_pack);
    CHECK(to_hex(made.header.bytes) ==
          "4c474e31080100000100000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb19aff2820fbef3b24104119"
          "7d42d681"
          "17bd07812cd419ab28167851c567b37f056f46b6dfa315459bb1b9cf29443da0d0b27b11ee2e92f4d59619de"
          "10ea7974");
    CHECK(sealed_hello(made) == "82c9d06f59f5118314ff342c73228e9e050ecfa80f");
    CHECK(to_hex(made.key.nonce.span()) ==
          "962c1799b4735110dd96a633c918e04dab15456d7c937195b102eaca23663a01");
  }
  SUBCASE("tree pack") {
    const NewObject made = make(ObjectKind::tree_pack, Suite::aes256_gcm);
    CHECK(to_hex(made.header.bytes) ==
          "4c474e31090200000100000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb19aff2820fbef3b24104119"
          "7d42d681"
          "17bd07812cd419ab28167851c567b37fe575cb0ca3b86f4cdf116a7ed1aed3fb30be26948d4bc1ef73971d19"
          "23d1bd17");
    CHECK(sealed_hello(made) == "666ceef968a6cbaed42145c62bb42684fa5cf7f5a2");
    CHECK(to_hex(made.key.nonce.span()) ==
          "449e28ea773c9fd0b5a73096c4224ae28ffc2a2d7917eb1ca3a658e082727dde");
  }
  SUBCASE("snapshot") {
    const NewObject made = make(ObjectKind::snapshot, Suite::aes256_gcm);
    CHECK(to_hex(made.header.bytes) ==
          "4c474e31040200000100000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb19aff2820fbef3b24104119"
          "7d42d681"
          "17bd07812cd419ab28167851c567b37f132205a35d59cbf0b47ed039860d3dc9553456013a6b36d552675164"
          "514f468e");
    CHECK(sealed_hello(made) == "4bc909747243992f364bf15043a24d01f4675563cc");
    CHECK(to_hex(made.key.nonce.span()) ==
          "27e6791395b890425562758db683694383df44f5c015e472e32aabc7eb2e0e5a");
  }
  SUBCASE("session") {
    const NewObject made = make(ObjectKind::session);
    CHECK(to_hex(made.header.bytes) ==
          "4c474e31050100000100000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaffd628ab12a4ef6745f1071d1"
          "0b1e4f00"
          "8cbf08988ea7a2825eaa73427edf5048b6df1d94d086f2c93ab6367b2bd90bcb1203699224a754d2ccd7eff3"
          "831f8025");
    CHECK(sealed_hello(made) == "6b1de005282c7db273e0c21b34bacd0598b061e00b");
    CHECK(to_hex(made.key.nonce.span()) ==
          "1b5c2670d22e792e3518e16fae7ed76a9e0fdd9a68ceeed9ea58531a92365cbc");
  }
  SUBCASE("key slot") {
    const NewObject made = make_slot();
    CHECK(to_hex(made.header.bytes) ==
          "4c474e31020100000000000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaffd628ab12a4ef6745f1071d1"
          "0b1e4f00"
          "8cbf08988ea7a2825eaa73427edf5048dbc452ca2d279484cd03bc4d18a95b843fc7273581f7c15e413b187c"
          "fe370d73");
    CHECK(sealed_hello(made) == "b7843e477decefc25ac9bea6341a7aa8c480448a1b");
    CHECK(to_hex(made.key.nonce.span()) ==
          "beb030a0e18c7f2f06755dad28d3e66feaa566485b2785b1280e536f90b80e36");
  }
}

TEST_CASE("the same randomness gives another key for another body, kind, suite or repository") {
  const SecretKey& index_key = test_keys().index_key;
  const SecretKey first = hedge(counting_random(), index_key, hash(as_bytes("one")));
  const SecretKey again = hedge(counting_random(), index_key, hash(as_bytes("one")));
  const SecretKey second = hedge(counting_random(), index_key, hash(as_bytes("two")));
  const SecretKey other = hedge(counting_random(), key_filled_with(1), hash(as_bytes("one")));
  CHECK(equal_in_constant_time(first.span(), again.span()));
  CHECK(!equal_in_constant_time(first.span(), second.span()));
  CHECK(!equal_in_constant_time(first.span(), other.span()));

  std::vector<NewObject> objects;
  for (const ObjectKind kind : kKinds) {
    objects.push_back(make(kind));
    objects.push_back(make(kind, Suite::aes256_gcm));
  }
  auto elsewhere = new_object(ObjectKind::session, Suite::chacha20_poly1305, RepositoryId{},
                              test_keys(), test_hedge());
  REQUIRE(elsewhere);
  objects.push_back(std::move(*elsewhere));
  for (std::size_t i = 0; i < objects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(!equal_in_constant_time(objects[i].key.aead.span(), objects[j].key.aead.span()));
    }
  }
}

TEST_CASE("the keys of one object differ from each other and from its commitment") {
  const NewObject made = make(ObjectKind::session);
  CHECK(!equal_in_constant_time(made.key.aead.span(), made.key.nonce.span()));
  CHECK(!equal_in_constant_time(made.key.aead.span(), made.key.commitment));
}

TEST_CASE("packs and snapshots open with what the owner has and not with less") {
  for (const ObjectKind kind :
       {ObjectKind::data_pack, ObjectKind::tree_pack, ObjectKind::snapshot}) {
    INFO("kind ", static_cast<int>(kind));
    const NewObject made = make(kind);
    const bool to_data = kind == ObjectKind::data_pack;
    const auto opens = [&](auto change) {
      EpochKeys keys = MasterKeys::generate(counting_random()).epoch;
      change(keys);
      return open_object(made.header, kRepository, keys).has_value();
    };
    const SecretKey other = key_filled_with(0x77);
    CHECK(opens([](EpochKeys&) {}));
    CHECK(opens([&](EpochKeys& keys) { keys.data_secret = other.copy(); }) == !to_data);
    CHECK(opens([&](EpochKeys& keys) { keys.meta_secret = other.copy(); }) == to_data);
    CHECK(!opens([&](EpochKeys& keys) { keys.shared = other.copy(); }));
    CHECK(opens([&](EpochKeys& keys) { keys.index_key = other.copy(); }));
  }
}

TEST_CASE("the other kinds open with the index key alone") {
  for (const ObjectKind kind : {ObjectKind::config, ObjectKind::session, ObjectKind::fence}) {
    const NewObject made = make(kind);
    EpochKeys only_index;
    only_index.index_key = test_keys().index_key.copy();
    CHECK(open_object(made.header, kRepository, only_index));
    only_index.index_key = key_filled_with(0x77);
    check_code(open_object(made.header, kRepository, only_index), ErrorCode::corrupt);
  }
}

TEST_CASE("a header with any bit changed is refused or opens nothing") {
  for (const ObjectKind kind : {ObjectKind::data_pack, ObjectKind::snapshot, ObjectKind::session}) {
    const NewObject made = make(kind);
    for (std::size_t bit = 0; bit < 8 * kHeaderSize; ++bit) {
      INFO("kind ", static_cast<int>(kind), ", bit ", bit);
      HeaderBytes bent = made.header.bytes;
      bent[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const Result<Header> header = Header::decode(bent);
      if (!header) {
        CHECK(bit / 8 < 16);
        continue;
      }
      const Result<ObjectKey> key = open_object(*header, kRepository, test_keys());
      // X25519 ignores the top bit of a public key, the derivation does not.
      check_code(key, ErrorCode::corrupt);
    }
  }
}

TEST_CASE("a slot's header or parameters with any bit changed open nothing") {
  const NewObject made = make_slot();
  for (std::size_t bit = 0; bit < 8 * (kHeaderSize + kParameters.size()); ++bit) {
    INFO("bit ", bit);
    Bytes slot(kHeaderSize + kParameters.size());
    std::ranges::copy(made.header.bytes, slot.data());
    std::ranges::copy(kParameters.span(), slot.data() + kHeaderSize);
    slot.data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const Result<Header> header = Header::decode(slot);
    if (!header) continue;
    CHECK(!open_slot(*header, key_filled_with(0x5a), slot.span().subspan(kHeaderSize)));
  }
}

TEST_CASE("a header cut at any length is corrupt, and what follows it is ignored") {
  const NewObject made = make(ObjectKind::session);
  for (std::size_t size_bytes = 0; size_bytes < kHeaderSize; ++size_bytes) {
    check_code(Header::decode(std::span(made.header.bytes).first(size_bytes)), ErrorCode::corrupt);
  }
  Bytes longer(kHeaderSize + 1);
  std::ranges::copy(made.header.bytes, longer.data());
  longer.data()[kHeaderSize] = std::byte{0xff};
  const Result<Header> header = Header::decode(longer);
  REQUIRE(header);
  CHECK(*header == made.header);
}

TEST_CASE("a header of the future is unsupported, a senseless one corrupt") {
  const auto decode_with = [](const NewObject& object, std::size_t at, unsigned value) {
    HeaderBytes bytes = object.header.bytes;
    bytes[at] = static_cast<std::byte>(value);
    return Header::decode(bytes);
  };
  const NewObject object = make(ObjectKind::session);
  check_code(decode_with(object, 3, '2'), ErrorCode::corrupt);  // magic
  for (const unsigned kind : {0U, 1U, 10U, 11U, 15U, 255U}) {
    check_code(decode_with(object, 4, kind), ErrorCode::corrupt);
  }
  check_code(decode_with(object, 5, 0), ErrorCode::unsupported);  // suite
  check_code(decode_with(object, 5, 3), ErrorCode::unsupported);
  check_code(decode_with(object, 6, 1), ErrorCode::unsupported);  // flags
  check_code(decode_with(object, 7, 0x80), ErrorCode::unsupported);
  check_code(decode_with(object, 8, 0), ErrorCode::corrupt);  // epoch
  check_code(decode_with(object, 8, 2), ErrorCode::unsupported);
  check_code(decode_with(object, 11, 1), ErrorCode::unsupported);
  for (std::size_t at = 12; at < 16; ++at) {
    check_code(decode_with(object, at, 1), ErrorCode::corrupt);  // reserved
  }

  const NewObject slot = make_slot();
  REQUIRE(Header::decode(slot.header.bytes));
  check_code(decode_with(slot, 5, 2), ErrorCode::corrupt);  // slots are always ChaCha20-Poly1305
  check_code(decode_with(slot, 8, 1), ErrorCode::corrupt);  // and of epoch 0
}

TEST_CASE("an object of a foreign repository or epoch is corrupt") {
  for (const ObjectKind kind : {ObjectKind::data_pack, ObjectKind::session}) {
    const NewObject made = make(kind);
    check_code(open_object(made.header, RepositoryId{}, test_keys()), ErrorCode::corrupt);
    EpochKeys later = MasterKeys::generate(counting_random()).epoch;
    later.number = 2;
    check_code(open_object(made.header, kRepository, later), ErrorCode::corrupt);
  }
}

TEST_CASE("no object of an epoch that readers refuse is started") {
  EpochKeys later = MasterKeys::generate(counting_random()).epoch;
  later.number = 2;
  check_code(new_object(ObjectKind::session, Suite::aes256_gcm, kRepository, later, test_hedge()),
             ErrorCode::unsupported);
}

TEST_CASE("an ephemeral key of small order is corrupt on both sides") {
  Header header = make(ObjectKind::data_pack).header;
  std::ranges::fill(std::span(header.bytes).subspan<32, 32>(), std::byte{0});
  check_code(open_object(header, kRepository, test_keys()), ErrorCode::corrupt);

  EpochKeys keys = MasterKeys::generate(counting_random()).epoch;
  keys.meta_public = PublicKey{};
  check_code(new_object(ObjectKind::snapshot, Suite::aes256_gcm, kRepository, keys, test_hedge()),
             ErrorCode::corrupt);
}

TEST_CASE("a key slot opens with its key and shows every other as wrong") {
  const NewObject made = make_slot();
  CHECK(made.header.kind() == ObjectKind::key_slot);
  CHECK(made.header.suite() == Suite::chacha20_poly1305);
  CHECK(made.header.epoch() == 0);
  CHECK(std::ranges::equal(made.header.salt(), test_hedge().span()));
  const Result<ObjectKey> key = open_slot(made.header, key_filled_with(0x5a), kParameters);
  REQUIRE(key);
  CHECK(same(*key, made.key));
  check_code(open_slot(made.header, key_filled_with(0x5b), kParameters), ErrorCode::wrong_key);
  check_code(open_slot(made.header, key_filled_with(0x5a), kParameters.span().first(15)),
             ErrorCode::corrupt);
}

TEST_CASE("a slot is no object and an object no slot") {
  check_code(open_object(make_slot().header, kRepository, test_keys()), ErrorCode::corrupt);
  check_code(open_slot(make(ObjectKind::session).header, key_filled_with(0x5a), kParameters),
             ErrorCode::corrupt);
}

TEST_CASE("a nonce is its ordinal and its tail, little-endian") {
  CHECK(to_hex(make_nonce(0xfffffffe, std::uint64_t{1})) == "feffffff0100000000000000");
  CHECK(to_hex(make_nonce(0x01020304, std::uint64_t{0x1112131415161718})) ==
        "040302011817161514131211");
  CHECK(to_hex(make_nonce(7, array_of<8>("a0a1a2a3a4a5a6a7"))) == "07000000a0a1a2a3a4a5a6a7");
}

}  // namespace lagan
