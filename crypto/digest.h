// SPDX-License-Identifier: Apache-2.0
#pragma once

// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and RS256 (RFC 7518), through libcrypto: what the
// signatures of requests to storage services are made of. Nothing that is stored depends on them.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

using Sha256 = std::array<std::byte, 32>;
using Md5 = std::array<std::byte, 16>;

Sha256 sha256(ByteSpan data);
Sha256 hmac_sha256(ByteSpan key, ByteSpan data);
// Where a protocol demands it; it protects against accidents only.
Md5 md5(ByteSpan data);
// RSASSA-PKCS1-v1_5 with SHA-256, by a private key in PEM. A key that is none is
// `invalid_argument`.
Result<Bytes> rs256(std::string_view private_key_pem, ByteSpan data);

}  // namespace lagan
