// SPDX-License-Identifier: Apache-2.0
#include "crypto/exchange.h"

#include "crypto/native.h"

namespace lagan {

static_assert(SecretKey::kSize == crypto_scalarmult_curve25519_SCALARBYTES);
static_assert(sizeof(PublicKey) == crypto_scalarmult_curve25519_BYTES);

PublicKey exchange_public_key(const SecretKey& secret) {
  start_sodium();
  PublicKey key;
  const int status = crypto_scalarmult_curve25519_base(output(key), input(secret.span()));
  LAGAN_ASSERT(status == 0);
  return key;
}

Result<SecretKey> exchange_secret(const SecretKey& secret, const PublicKey& other) {
  start_sodium();
  SecretKey shared;
  if (crypto_scalarmult_curve25519(output(shared.span()), input(secret.span()), input(other)) !=
      0) {
    return fail(ErrorCode::corrupt, "public key of small order");
  }
  return shared;
}

}  // namespace lagan
