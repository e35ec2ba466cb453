// SPDX-License-Identifier: Apache-2.0
#include "src/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace lagan::cli {

bool shows_colours(int descriptor) {
  if (::isatty(descriptor) != 1) return false;
  const char* refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string painted(std::string_view text, Style style, int descriptor) {
  static constexpr const char* kCodes[] = {"", "1", "1;31", "33", "32"};
  const char* code = kCodes[static_cast<std::size_t>(style)];
  if (*code == '\0' || !shows_colours(descriptor)) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::size_t terminal_width(int descriptor, std::size_t otherwise) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

}  // namespace lagan::cli
