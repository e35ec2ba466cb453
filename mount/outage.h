// SPDX-License-Identifier: Apache-2.0
#pragma once

// Damage is where it is, and what lies beside it can be read. A storage that is away is so for all:
// who goes on from one thing to the next waits for each of them in vain, and what was found until
// then must not be taken for all there is.

#include "util/result.h"

namespace lagan {

inline bool is_outage(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::cancelled;
}

}  // namespace lagan
