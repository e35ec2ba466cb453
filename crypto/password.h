// SPDX-License-Identifier: Apache-2.0
#pragma once

// A key from a password: Argon2id version 1.3 (RFC 9106), one lane, through libsodium.

#include <array>
#include <cstdint>

#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

struct PasswordCost {
  std::uint32_t memory_kib = 64 * 1024;
  std::uint32_t passes = 3;
};

using PasswordSalt = std::array<std::byte, 16>;

// Takes about 0.1 s and `memory_kib` of memory at the default cost. Costs that libsodium refuses
// (under 8 KiB, no passes) or memory that is not there: `invalid_argument`.
Result<SecretKey> stretch_password(ByteSpan password, const PasswordSalt& salt, PasswordCost cost);

}  // namespace lagan
