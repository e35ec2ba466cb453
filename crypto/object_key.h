// SPDX-License-Identifier: Apache-2.0
#pragma once

// The 96-byte header that every sealed object begins with, and the keys that belong to it. Every
// object has a fresh key: through X25519 to the repository's data or meta public key (packs,
// snapshots), from the index key (everything a backup-only host must read), or from a password (key
// slots). The header's commitment is collision resistant: an object opens under one key only. Byte
// table and derivation: docs/format.md, "Common header" and "Object keys".

#include <array>
#include <cstdint>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

// Numbers are part of the format.
enum class ObjectKind : std::uint8_t {
  key_slot = 2,
  config = 3,
  snapshot = 4,
  session = 5,
  index_segment = 6,
  condemned = 7,
  data_pack = 8,
  tree_pack = 9,
  fence = 12,
  verified = 13,  // snapshots/<s>.ok
  forgotten = 14,
};

constexpr std::size_t kHeaderSize = 96;
constexpr std::size_t kBoundHeaderSize = 64;  // the part that keys are derived from
using HeaderBytes = std::array<std::byte, kHeaderSize>;

// A header whose magic, kind, suite, flags and reserved bytes have been checked.
struct Header {
  HeaderBytes bytes{};

  ObjectKind kind() const { return static_cast<ObjectKind>(bytes[4]); }
  Suite suite() const { return static_cast<Suite>(bytes[5]); }
  std::uint32_t epoch() const;
  RepositoryId repository() const;
  std::span<const std::byte, 32> salt() const { return std::span(bytes).subspan<32, 32>(); }
  std::span<const std::byte, 32> commitment() const { return std::span(bytes).subspan<64, 32>(); }
  std::span<const std::byte, kBoundHeaderSize> bound() const {
    return std::span(bytes).first<64>();
  }

  // Reads the first 96 of `bytes`. `corrupt` for anything a reader must refuse, `unsupported` for
  // flags, suites or epochs of the future.
  static Result<Header> decode(ByteSpan bytes);

  friend bool operator==(const Header&, const Header&) = default;
};

// The three keys of one object.
struct ObjectKey {
  SecretKey aead;
  SecretKey nonce;
  Hash commitment{};

  static ObjectKey from_secret(const SecretKey& object_key);
};

struct NewObject {
  Header header;
  ObjectKey key;
};

// What a new object's salt or ephemeral secret is made from: D("hedge", random[32] ‖ index_key ‖
// bound). Same randomness and another `bound` gives another key, so a rolled-back machine repeats
// no (key, nonce).
SecretKey hedge(const Random& random, const SecretKey& index_key, const Hash& bound);

// Starts an object of any kind but key_slot: chooses the derivation by kind. `hedged` comes from
// hedge().
Result<NewObject> new_object(ObjectKind kind, Suite suite, const RepositoryId& repository,
                             const EpochKeys& keys, const SecretKey& hedged);

// The key of an existing object of any kind but key_slot. A foreign repository id, another epoch,
// or a commitment that does not match is `corrupt`; compared in constant time, before anything is
// opened.
Result<ObjectKey> open_object(const Header& header, const RepositoryId& repository,
                              const EpochKeys& keys);

// Key slots: key-encryption key `kek`, and the slot's 16 bytes of parameters. Suite is always
// ChaCha20-Poly1305, epoch 0. A wrong kek shows as a commitment that differs: `wrong_key`.
// `salt` is the hedged 32 bytes; the Argon2 salt is its first 16.
NewObject new_slot(const RepositoryId& repository, const SecretKey& kek, ByteSpan parameters,
                   const SecretKey& salt);
Result<ObjectKey> open_slot(const Header& header, const SecretKey& kek, ByteSpan parameters);

// u32 ordinal ‖ tail[8].
Nonce make_nonce(std::uint32_t ordinal, std::span<const std::byte, 8> tail);
Nonce make_nonce(std::uint32_t ordinal, std::uint64_t tail);

}  // namespace lagan
