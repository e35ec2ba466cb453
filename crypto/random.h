// SPDX-License-Identifier: Apache-2.0
#pragma once

// Random bytes from the system (libsodium's generator). Tests that need fixed bytes pass another
// function.

#include <functional>

#include "util/bytes.h"

namespace lagan {

using Random = std::function<void(MutableByteSpan)>;

void system_random(MutableByteSpan out);

}  // namespace lagan
