// SPDX-License-Identifier: Apache-2.0
#pragma once

// Any bytes as text in HTML and XML. Pure functions.

#include <string>
#include <string_view>

namespace lagan {

// For text and for attributes in double quotes. What is no UTF-8, and what neither language can
// hold, becomes U+FFFD.
std::string escape_markup(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace lagan
