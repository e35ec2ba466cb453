// SPDX-License-Identifier: Apache-2.0
#include "src/serve/markup.h"

#include <cstdint>

namespace lagan {
namespace {

constexpr std::uint32_t kNoCharacter = 0xffff'ffff;

// Takes one character off the front; of what is no UTF-8, one byte.
std::uint32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(0);
  const std::size_t size = first < 0x80           ? 1
                           : (first >> 5) == 0x06 ? 2
                           : (first >> 4) == 0x0e ? 3
                           : (first >> 3) == 0x1e ? 4
                                                  : 0;
  // The smallest that needs so many bytes.
  static constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x1'0000};
  std::uint32_t character = size == 1 ? first : first & (0xffU >> (size + 1));
  bool is_valid = size > 0 && size <= text.size();
  for (std::size_t i = 1; is_valid && i < size; ++i) {
    is_valid = (byte(i) & 0xc0) == 0x80;
    character = character << 6 | (byte(i) & 0x3f);
  }
  is_valid = is_valid && character >= kSmallest[size] && character <= 0x10'ffff &&
             (character < 0xd800 || character > 0xdfff);
  text.remove_prefix(is_valid ? size : 1);
  return is_valid ? character : kNoCharacter;
}

bool can_be_shown(std::uint32_t character) {
  if (character == '\t' || character == '\n' || character == '\r') return true;
  return character >= 0x20 && character != 0x7f && character != 0xfffe && character != 0xffff &&
         character != kNoCharacter;
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const std::uint32_t character = take_character(text);
    switch (character) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\r':  // else a reader makes a line end of it
        out += "&#13;";
        break;
      default:
        out += can_be_shown(character) ? before.substr(0, before.size() - text.size())
                                       : std::string_view("\uFFFD");
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_character(text) == kNoCharacter) return false;
  }
  return true;
}

}  // namespace lagan
