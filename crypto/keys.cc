// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

namespace lagan {

namespace {

SecretKey random_key(const Random& random) {
  SecretKey key;
  random(key.span());
  return key;
}

}  // namespace

MasterKeys MasterKeys::generate(const Random& random) {
  MasterKeys keys;
  keys.id_key = random_key(random);
  keys.chunk_key = random_key(random);
  keys.sign_seed = random_key(random);
  keys.owner_public = signing_public_key(keys.sign_seed);
  keys.epoch.data_secret = random_key(random);
  keys.epoch.data_public = exchange_public_key(keys.epoch.data_secret);
  keys.epoch.meta_secret = random_key(random);
  keys.epoch.meta_public = exchange_public_key(keys.epoch.meta_secret);
  keys.epoch.shared = random_key(random);
  keys.epoch.index_key = random_key(random);
  return keys;
}

Result<void> MasterKeys::check_public_keys() const {
  if (owner_public != signing_public_key(sign_seed)) {
    return fail(ErrorCode::corrupt, "owner's public key does not belong to its seed");
  }
  if (epoch.data_public != exchange_public_key(epoch.data_secret)) {
    return fail(ErrorCode::corrupt, "data public key does not belong to its secret");
  }
  if (epoch.meta_public != exchange_public_key(epoch.meta_secret)) {
    return fail(ErrorCode::corrupt, "meta public key does not belong to its secret");
  }
  return {};
}

}  // namespace lagan
