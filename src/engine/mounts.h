// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is mounted where, as /proc/self/mountinfo tells.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lagan {

struct Mount {
  std::uint64_t device = 0;
  std::string root;  // what of the file system is mounted: "/", "/@home"
  std::string point;
  std::string type, source;
};

std::vector<Mount> parse_mountinfo(std::string_view text);
std::vector<Mount> list_mounts();

// The whole of a file of the kernel, whose size is not known before; "" if it cannot be read.
std::string read_kernel_file(const std::string& path);

}  // namespace lagan
