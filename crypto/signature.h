// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ed25519 (RFC 8032) through libsodium.

#include <array>

#include "crypto/secret.h"
#include "util/bytes.h"

namespace lagan {

using SigningPublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

SigningPublicKey signing_public_key(const SecretKey& seed);
Signature sign(const SecretKey& seed, ByteSpan message);
bool verify(const SigningPublicKey& key, ByteSpan message, const Signature& signature);

}  // namespace lagan
