// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a terminal can do that a file cannot: colours and a width. Any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace lagan::cli {

enum class Style { plain, bold, error, warning, done };

// On a terminal that shows colours, unless NO_COLOR is set (https://no-color.org).
bool shows_colours(int descriptor);

// The text in this style if `descriptor` shows colours; else the text.
std::string painted(std::string_view text, Style style, int descriptor);

// Columns of the terminal; `otherwise` of what is none.
std::size_t terminal_width(int descriptor, std::size_t otherwise);

}  // namespace lagan::cli
