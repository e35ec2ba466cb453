// SPDX-License-Identifier: Apache-2.0
#include "util/base64.h"

#include <algorithm>
#include <cstdint>

namespace lagan {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8) | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j)
      out.push_back(j <= count ? kDigits[(group >> (18 - 6 * j)) & 63] : '=');
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t group = 0;
  std::size_t digits = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    ++digits;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kDigits.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    group = (group << 6) | static_cast<std::uint32_t>(value);
    if (digits % 4 == 1) continue;  // six bits are no byte yet
    const std::size_t spare = 6 - 2 * ((digits - 1) % 4);
    out.push_back(static_cast<char>((group >> spare) & 0xff));
  }
  // The bits of the last digit that belong to no byte are zero: each text stands for itself alone.
  const std::uint32_t spare = padding == 0 ? 0 : padding == 1 ? 3 : 15;
  const bool is_whole = digits % 4 == 0 && padding <= 2 && (group & spare) == 0;
  return is_whole ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace lagan
