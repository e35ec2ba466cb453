// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes as base64 text (RFC 4648, with padding), and back.

#include <optional>
#include <string>
#include <string_view>

namespace lagan {

std::string to_base64(std::string_view bytes);
// White space between the digits is passed over; nothing for anything else that is not base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace lagan
