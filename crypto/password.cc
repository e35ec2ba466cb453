// SPDX-License-Identifier: Apache-2.0
#include "crypto/password.h"

#include <fmt/format.h>

#include "crypto/native.h"

namespace lagan {

static_assert(sizeof(PasswordSalt) == crypto_pwhash_argon2id_SALTBYTES);

Result<SecretKey> stretch_password(ByteSpan password, const PasswordSalt& salt, PasswordCost cost) {
  start_sodium();
  SecretKey key;
  const std::size_t memory_bytes = std::size_t{cost.memory_kib} * 1024;
  // An empty one may be nowhere, and libsodium wants a place.
  const auto* text =
      password.empty() ? "" : static_cast<const char*>(static_cast<const void*>(password.data()));
  if (crypto_pwhash_argon2id(output(key.span()), SecretKey::kSize, text, password.size(),
                             input(salt), cost.passes, memory_bytes,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot stretch the password with {} KiB of memory and {} passes",
                            cost.memory_kib, cost.passes));
  }
  return key;
}

}  // namespace lagan
