// SPDX-License-Identifier: Apache-2.0
#include "crypto/signature.h"

#include "crypto/native.h"

namespace lagan {

namespace {

static_assert(SecretKey::kSize == crypto_sign_ed25519_SEEDBYTES);
static_assert(sizeof(SigningPublicKey) == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(sizeof(Signature) == crypto_sign_ed25519_BYTES);

// libsodium's secret key: the seed and its public key. Recomputed from the seed each time, so the
// two always belong together; signing with a foreign public key would give the seed away.
struct SigningPair {
  explicit SigningPair(const SecretKey& seed) {
    start_sodium();
    crypto_sign_ed25519_seed_keypair(output(public_key), output(secret_key), input(seed.span()));
  }
  SigningPair(const SigningPair&) = delete;
  SigningPair& operator=(const SigningPair&) = delete;
  ~SigningPair() { wipe(secret_key); }

  SigningPublicKey public_key;
  std::array<std::byte, crypto_sign_ed25519_SECRETKEYBYTES> secret_key;
};

}  // namespace

SigningPublicKey signing_public_key(const SecretKey& seed) { return SigningPair(seed).public_key; }

Signature sign(const SecretKey& seed, ByteSpan message) {
  const SigningPair pair(seed);
  Signature signature;
  crypto_sign_ed25519_detached(output(signature), nullptr, input(message), message.size(),
                               input(pair.secret_key));
  return signature;
}

bool verify(const SigningPublicKey& key, ByteSpan message, const Signature& signature) {
  start_sodium();
  return crypto_sign_ed25519_verify_detached(input(signature), input(message), message.size(),
                                             input(key)) == 0;
}

}  // namespace lagan
