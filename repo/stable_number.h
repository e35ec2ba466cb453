// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers for what has none of its own, as the nodes of mounted snapshots.

#include <cstdint>

#include "repo/derived_keys.h"

namespace lagan {

// The number that these bytes have whenever the repository is opened.
std::uint64_t stable_number(const PrfKey& split_key, ByteSpan bytes);

}  // namespace lagan
