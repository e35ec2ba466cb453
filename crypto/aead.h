// SPDX-License-Identifier: Apache-2.0
#pragma once

// Authenticated encryption: ChaCha20-Poly1305 (RFC 8439) or AES-256-GCM through libcrypto. Key 32
// bytes, nonce 12, tag 16 at the end of the sealed bytes. Who calls sees to it that no (key, nonce)
// repeats. An Aead keeps its cipher state: one thread at a time.

#include <array>
#include <cstdint>
#include <memory>

#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

enum class Suite : std::uint8_t { chacha20_poly1305 = 1, aes256_gcm = 2 };

// The faster suite on this CPU: AES-256-GCM where it has AES instructions.
Suite preferred_suite();

using Nonce = std::array<std::byte, 12>;
constexpr std::size_t kTagSize = 16;

// Borrowed bytes that went through an AEAD. Only Aead::seal makes them, so what takes a SealedSpan
// cannot be handed plaintext by mistake.
class SealedSpan {
 public:
  ByteSpan span() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  friend class Aead;
  explicit SealedSpan(ByteSpan bytes) : bytes_(bytes) {}
  ByteSpan bytes_;
};

class Aead {
 public:
  Aead(Suite suite, const SecretKey& key);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  // Writes ciphertext and tag into `out`, exactly plain.size() + kTagSize bytes, which may start
  // where `plain` starts (in place) but must not overlap it otherwise.
  SealedSpan seal(const Nonce& nonce, ByteSpan associated, ByteSpan plain, MutableByteSpan out);

  // Writes the plaintext into `out`, exactly sealed.size() - kTagSize bytes; in place is allowed. A
  // wrong tag, or fewer bytes than a tag, is `corrupt`, and `out` then holds zeros.
  Result<void> open(const Nonce& nonce, ByteSpan associated, ByteSpan sealed, MutableByteSpan out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lagan
