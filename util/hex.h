// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes as lower-case hex digits, and back.

#include <string>
#include <string_view>

#include "util/bytes.h"

namespace lagan {

std::string to_hex(ByteSpan bytes);

// Fills `out` from exactly 2 * out.size() digits, lower case only. False if `text` is anything
// else.
bool from_hex(std::string_view text, MutableByteSpan out);

}  // namespace lagan
