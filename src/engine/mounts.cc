// SPDX-License-Identifier: Apache-2.0
#include "src/engine/mounts.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "util/file.h"

namespace lagan {
namespace {

std::string_view next_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

// The kernel writes spaces and the like as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
      out += static_cast<char>(code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "8:1"
std::uint64_t device_of(std::string_view text) {
  unsigned major_number = 0, minor_number = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, major_number);
  if (first.ptr != end) std::from_chars(first.ptr + 1, end, minor_number);
  return makedev(major_number, minor_number);
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // 36 35 98:0 /root /mount/point options [optional fields] - type source options
    Mount mount;
    next_word(line), next_word(line);
    mount.device = device_of(next_word(line));
    mount.root = unescaped(next_word(line));
    mount.point = unescaped(next_word(line));
    while (!line.empty() && next_word(line) != "-") {
    }
    mount.type = next_word(line);
    mount.source = unescaped(next_word(line));
    if (!mount.type.empty()) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<Mount> list_mounts() {
  return parse_mountinfo(read_kernel_file("/proc/self/mountinfo"));
}

std::string read_kernel_file(const std::string& path) {
  auto file = open_file(path, O_RDONLY);
  std::string text;
  std::array<std::byte, 65536> piece;
  while (file) {
    const auto got = read_some_full(file->descriptor(), piece);
    if (!got || *got == 0) break;
    text += as_text(ByteSpan(piece).first(*got));
  }
  return text;
}

}  // namespace lagan
