// SPDX-License-Identifier: Apache-2.0
#pragma once

// X25519 (RFC 7748) through libsodium.

#include <array>

#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

using PublicKey = std::array<std::byte, 32>;

PublicKey exchange_public_key(const SecretKey& secret);

// The shared secret. An all-zero one (a public key of small order) is `corrupt`. (A plain
// `exchange` would lose overload resolution to std::exchange, found through the array.)
Result<SecretKey> exchange_secret(const SecretKey& secret, const PublicKey& other);

}  // namespace lagan
