// SPDX-License-Identifier: Apache-2.0
#pragma once

// The secrets of a repository (docs/format.md, "Keys and sealing"). Whoever holds all of them is
// its owner. Nothing here is encoded: the bundle that carries them to a key slot is repo's
// business. Immutable once made; any thread may read.

#include <cstdint>

#include "crypto/exchange.h"
#include "crypto/prf.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/signature.h"
#include "util/result.h"

namespace lagan {

struct EpochKeys {
  std::uint32_t number = 1;
  SecretKey data_secret, meta_secret;  // X25519
  PublicKey data_public{}, meta_public{};
  SecretKey shared;  // "psk": keeps sealed objects closed even if X25519 falls
  SecretKey index_key;
};

struct MasterKeys {
  SecretKey id_key;     // chunk ids
  SecretKey chunk_key;  // cut points and node splits
  SecretKey sign_seed;  // signs whatever takes away
  SigningPublicKey owner_public{};
  EpochKeys epoch;

  static MasterKeys generate(const Random& random);

  // Recomputes the public keys from their secrets; a difference is `corrupt` (signing with a
  // mismatched public key would leak the secret).
  Result<void> check_public_keys() const;
};

}  // namespace lagan
