// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <limits>

#include "crypto/native.h"

namespace lagan {

namespace {

// EVP counts in int.
constexpr std::size_t kMaxSize = std::numeric_limits<int>::max();

enum class Direction : int { open = 0, seal = 1 };

// Fetching takes libcrypto's locks and searches its providers: once for each suite and process.
const EVP_CIPHER* cipher_for(Suite suite) {
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return suite == Suite::aes256_gcm ? aes : chacha;
}

// Everything but the tag. The context keeps its key; only the nonce and the direction are new.
void transform(EVP_CIPHER_CTX* context, Direction direction, const Nonce& nonce,
               ByteSpan associated, ByteSpan from, MutableByteSpan to) {
  LAGAN_ASSERT(associated.size() <= kMaxSize && from.size() <= kMaxSize);
  int done = 0;
  bool fine = EVP_CipherInit_ex2(context, nullptr, nullptr, input(nonce),
                                 static_cast<int>(direction), nullptr) == 1;
  // EVP takes a null pointer for another kind of call, and empty spans have one.
  if (fine && !associated.empty()) {
    fine = EVP_CipherUpdate(context, nullptr, &done, input(associated),
                            static_cast<int>(associated.size())) == 1;
  }
  if (fine && !from.empty()) {
    fine = EVP_CipherUpdate(context, output(to), &done, input(from),
                            static_cast<int>(from.size())) == 1;
    fine = fine && static_cast<std::size_t>(done) == from.size();
  }
  LAGAN_ASSERT(fine);
}

// Completes the tag (seal) or compares it (open). Neither suite has bytes left to write.
bool finish(EVP_CIPHER_CTX* context) {
  std::array<std::byte, kTagSize> nothing;
  int done = 0;
  return EVP_CipherFinal_ex(context, output(nothing), &done) == 1;
}

}  // namespace

Suite preferred_suite() {
#if defined(__aarch64__) && defined(__linux__)
  const bool has_aes = (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
  start_sodium();
  const bool has_aes = sodium_runtime_has_aesni() != 0 && sodium_runtime_has_pclmul() != 0;
#endif
  return has_aes ? Suite::aes256_gcm : Suite::chacha20_poly1305;
}

struct Aead::State {
  State() : context(EVP_CIPHER_CTX_new()) { LAGAN_ASSERT(context != nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_CIPHER_CTX_free(context); }  // wipes the key

  EVP_CIPHER_CTX* context;
};

Aead::Aead(Suite suite, const SecretKey& key) : state_(std::make_unique<State>()) {
  const EVP_CIPHER* cipher = cipher_for(suite);
  LAGAN_ASSERT(cipher != nullptr);
  const int status = EVP_CipherInit_ex2(state_->context, cipher, input(key.span()), nullptr,
                                        static_cast<int>(Direction::seal), nullptr);
  LAGAN_ASSERT(status == 1);
}

Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

SealedSpan Aead::seal(const Nonce& nonce, ByteSpan associated, ByteSpan plain,
                      MutableByteSpan out) {
  LAGAN_ASSERT(out.size() == plain.size() + kTagSize);
  transform(state_->context, Direction::seal, nonce, associated, plain, out.first(plain.size()));
  const bool finished = finish(state_->context);
  LAGAN_ASSERT(finished);
  const int status = EVP_CIPHER_CTX_ctrl(state_->context, EVP_CTRL_AEAD_GET_TAG, kTagSize,
                                         output(out.last(kTagSize)));
  LAGAN_ASSERT(status == 1);
  return SealedSpan(out);
}

Result<void> Aead::open(const Nonce& nonce, ByteSpan associated, ByteSpan sealed,
                        MutableByteSpan out) {
  if (sealed.size() < kTagSize || sealed.size() - kTagSize > kMaxSize) {
    wipe(out);
    return fail(ErrorCode::corrupt, "sealed bytes of an impossible length");
  }
  LAGAN_ASSERT(out.size() == sealed.size() - kTagSize);
  transform(state_->context, Direction::open, nonce, associated, sealed.first(out.size()), out);

  std::array<std::byte, kTagSize> tag;  // EVP wants it writable
  std::memcpy(tag.data(), sealed.last(kTagSize).data(), kTagSize);
  const int status =
      EVP_CIPHER_CTX_ctrl(state_->context, EVP_CTRL_AEAD_SET_TAG, kTagSize, output(tag));
  LAGAN_ASSERT(status == 1);
  if (!finish(state_->context)) {
    // A stale entry in this thread's queue would surprise whoever uses TLS here next.
    ERR_clear_error();
    wipe(out);
    return fail(ErrorCode::corrupt, "authentication tag is wrong");
  }
  return {};
}

}  // namespace lagan
