// SPDX-License-Identifier: Apache-2.0
#include "crypto/object_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "util/coding.h"

namespace lagan {

namespace {

constexpr std::string_view kMagic = "LGN1";
constexpr std::size_t kSuiteAt = 5, kFlagsAt = 6, kEpochAt = 8, kReservedAt = 12;
constexpr std::size_t kRepositoryAt = 16, kSaltAt = 32, kCommitmentAt = 64;

constexpr std::uint32_t kEpoch = 1;  // v1 has one
constexpr std::uint32_t kSlotEpoch = 0;
constexpr std::size_t kSlotParametersSize = 16;

bool is_known(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::key_slot:
    case ObjectKind::config:
    case ObjectKind::snapshot:
    case ObjectKind::session:
    case ObjectKind::index_segment:
    case ObjectKind::condemned:
    case ObjectKind::data_pack:
    case ObjectKind::tree_pack:
    case ObjectKind::fence:
    case ObjectKind::verified:
    case ObjectKind::forgotten:
      return true;
  }
  return false;
}

// Whose X25519 key an object is sealed to: none for the kinds that a backup-only host must read.
enum class Recipient { none, data, meta };

Recipient recipient_of(ObjectKind kind) {
  if (kind == ObjectKind::data_pack) return Recipient::data;
  if (kind == ObjectKind::snapshot || kind == ObjectKind::tree_pack) return Recipient::meta;
  return Recipient::none;
}

const PublicKey& public_key_of(Recipient recipient, const EpochKeys& keys) {
  return recipient == Recipient::data ? keys.data_public : keys.meta_public;
}

const SecretKey& secret_key_of(Recipient recipient, const EpochKeys& keys) {
  return recipient == Recipient::data ? keys.data_secret : keys.meta_secret;
}

// D(label, all parts one after the other).
SecretKey derive_from(std::string_view label, std::initializer_list<ByteSpan> parts) {
  std::array<std::byte, 160> material;  // the longest: ss ‖ psk ‖ pk ‖ header[0..64)
  std::size_t used = 0;
  for (const ByteSpan part : parts) {
    LAGAN_ASSERT(part.size() <= material.size() - used);
    std::memcpy(material.data() + used, part.data(), part.size());
    used += part.size();
  }
  SecretKey key = derive_key(label, std::span(material).first(used));
  wipe(material);
  return key;
}

SecretKey sealed_key(const SecretKey& shared_point, const EpochKeys& keys,
                     const PublicKey& recipient, const Header& header) {
  return derive_from("sealed",
                     {shared_point.span(), keys.shared.span(), recipient, header.bound()});
}

SecretKey symmetric_key(const EpochKeys& keys, const Header& header) {
  return derive_from("symmetric", {keys.index_key.span(), header.bound()});
}

SecretKey slot_key(const SecretKey& kek, const Header& header, ByteSpan parameters) {
  return derive_from("slot", {kek.span(), header.bound(), parameters});
}

// A header without its commitment.
Header begin_header(ObjectKind kind, Suite suite, std::uint32_t epoch,
                    const RepositoryId& repository, ByteSpan salt) {
  Header header;
  std::byte* bytes = header.bytes.data();
  std::memcpy(bytes, kMagic.data(), kMagic.size());
  bytes[4] = static_cast<std::byte>(kind);
  bytes[kSuiteAt] = static_cast<std::byte>(suite);
  store_le(epoch, bytes + kEpochAt);
  std::memcpy(bytes + kRepositoryAt, repository.bytes.data(), RepositoryId::kSize);
  LAGAN_ASSERT(salt.size() == kCommitmentAt - kSaltAt);
  std::memcpy(bytes + kSaltAt, salt.data(), salt.size());
  return header;
}

NewObject commit(Header header, const SecretKey& object_key) {
  ObjectKey key = ObjectKey::from_secret(object_key);
  std::memcpy(header.bytes.data() + kCommitmentAt, key.commitment.data(), key.commitment.size());
  return NewObject{header, std::move(key)};
}

}  // namespace

std::uint32_t Header::epoch() const { return load_le<std::uint32_t>(bytes.data() + kEpochAt); }

RepositoryId Header::repository() const {
  RepositoryId id;
  std::memcpy(id.bytes.data(), bytes.data() + kRepositoryAt, RepositoryId::kSize);
  return id;
}

Result<Header> Header::decode(ByteSpan bytes) {
  if (bytes.size() < kHeaderSize) return fail(ErrorCode::corrupt, "shorter than a header");
  Header header;
  std::memcpy(header.bytes.data(), bytes.data(), kHeaderSize);

  if (as_text(bytes.first(kMagic.size())) != kMagic) {
    return fail(ErrorCode::corrupt, "does not begin with LGN1");
  }
  if (!is_known(header.kind())) {
    return fail(ErrorCode::corrupt,
                fmt::format("unknown object kind {}", static_cast<unsigned>(header.kind())));
  }
  if (header.suite() != Suite::chacha20_poly1305 && header.suite() != Suite::aes256_gcm) {
    return fail(ErrorCode::unsupported,
                fmt::format("unknown encryption suite {}", static_cast<unsigned>(header.suite())));
  }
  if (load_le<std::uint16_t>(bytes.data() + kFlagsAt) != 0) {
    return fail(ErrorCode::unsupported, "unknown flags in the header");
  }
  if (load_le<std::uint32_t>(bytes.data() + kReservedAt) != 0) {
    return fail(ErrorCode::corrupt, "reserved bytes of the header are not zero");
  }
  if (header.kind() == ObjectKind::key_slot) {
    if (header.suite() != Suite::chacha20_poly1305 || header.epoch() != kSlotEpoch) {
      return fail(ErrorCode::corrupt, "key slot with a foreign suite or epoch");
    }
    return header;
  }
  if (header.epoch() == kSlotEpoch) {
    return fail(ErrorCode::corrupt, "epoch 0 outside of a key slot");
  }
  if (header.epoch() != kEpoch) {
    return fail(ErrorCode::unsupported, fmt::format("unknown key epoch {}", header.epoch()));
  }
  return header;
}

ObjectKey ObjectKey::from_secret(const SecretKey& object_key) {
  ObjectKey key;
  derive_key("commit", object_key.span(), key.commitment);
  key.aead = derive_key("aead", object_key.span());
  key.nonce = derive_key("nonce", object_key.span());
  return key;
}

SecretKey hedge(const Random& random, const SecretKey& index_key, const Hash& bound) {
  SecretKey fresh;
  random(fresh.span());
  return derive_from("hedge", {fresh.span(), index_key.span(), bound});
}

Result<NewObject> new_object(ObjectKind kind, Suite suite, const RepositoryId& repository,
                             const EpochKeys& keys, const SecretKey& hedged) {
  LAGAN_ASSERT(is_known(kind) && kind != ObjectKind::key_slot);
  // What no v1 reader opens must not be written.
  if (keys.number != kEpoch) {
    return fail(ErrorCode::unsupported, fmt::format("unknown key epoch {}", keys.number));
  }
  const Recipient recipient = recipient_of(kind);
  if (recipient == Recipient::none) {
    const Header header = begin_header(kind, suite, keys.number, repository, hedged.span());
    return commit(header, symmetric_key(keys, header));
  }
  const PublicKey& to = public_key_of(recipient, keys);
  const SecretKey shared_point = TRY(exchange_secret(hedged, to));
  const Header header =
      begin_header(kind, suite, keys.number, repository, exchange_public_key(hedged));
  return commit(header, sealed_key(shared_point, keys, to, header));
}

Result<ObjectKey> open_object(const Header& header, const RepositoryId& repository,
                              const EpochKeys& keys) {
  if (header.kind() == ObjectKind::key_slot) {
    return fail(ErrorCode::corrupt, "key slot in place of another object");
  }
  if (header.repository() != repository) {
    return fail(ErrorCode::corrupt, "object of repository " + header.repository().short_hex());
  }
  if (header.epoch() != keys.number) {
    return fail(ErrorCode::corrupt, fmt::format("object of key epoch {}", header.epoch()));
  }

  const Recipient recipient = recipient_of(header.kind());
  SecretKey object_key;
  if (recipient == Recipient::none) {
    object_key = symmetric_key(keys, header);
  } else {
    PublicKey ephemeral;
    std::ranges::copy(header.salt(), ephemeral.begin());
    const SecretKey shared_point = TRY(exchange_secret(secret_key_of(recipient, keys), ephemeral));
    object_key = sealed_key(shared_point, keys, public_key_of(recipient, keys), header);
  }

  ObjectKey key = ObjectKey::from_secret(object_key);
  if (!equal_in_constant_time(key.commitment, header.commitment())) {
    return fail(ErrorCode::corrupt, "header is damaged or was made with another key");
  }
  return key;
}

NewObject new_slot(const RepositoryId& repository, const SecretKey& kek, ByteSpan parameters,
                   const SecretKey& salt) {
  LAGAN_ASSERT(parameters.size() == kSlotParametersSize);
  const Header header = begin_header(ObjectKind::key_slot, Suite::chacha20_poly1305, kSlotEpoch,
                                     repository, salt.span());
  return commit(header, slot_key(kek, header, parameters));
}

Result<ObjectKey> open_slot(const Header& header, const SecretKey& kek, ByteSpan parameters) {
  if (header.kind() != ObjectKind::key_slot) {
    return fail(ErrorCode::corrupt, "another object in place of a key slot");
  }
  if (parameters.size() != kSlotParametersSize) {
    return fail(ErrorCode::corrupt, "key slot parameters of a wrong size");
  }
  ObjectKey key = ObjectKey::from_secret(slot_key(kek, header, parameters));
  if (!equal_in_constant_time(key.commitment, header.commitment())) {
    return fail(ErrorCode::wrong_key, "key slot does not open with this key");
  }
  return key;
}

Nonce make_nonce(std::uint32_t ordinal, std::span<const std::byte, 8> tail) {
  Nonce nonce;
  store_le(ordinal, nonce.data());
  std::ranges::copy(tail, nonce.begin() + sizeof ordinal);
  return nonce;
}

Nonce make_nonce(std::uint32_t ordinal, std::uint64_t tail) {
  std::array<std::byte, 8> bytes;
  store_le(tail, bytes.data());
  return make_nonce(ordinal, bytes);
}

}  // namespace lagan
