// SPDX-License-Identifier: Apache-2.0

// Prints the hex of docs/format.md, and with a folder writes the files of docs/examples/ into it.
// For who changes the format on purpose; the test only compares.

#include <cstdio>

#include "tests/docs/examples.h"
#include "util/file.h"

int main(int argc, char** argv) {
  for (const auto& [name, bytes] : lagan::examples::in_document())
    fmt::print("```hex {}\n{}```\n\n", name, lagan::examples::as_hex_lines(bytes));
  if (argc < 2) return 0;
  for (const auto& [name, bytes] : lagan::examples::in_files()) {
    const std::string path = fmt::format("{}/{}.hex", argv[1], name);
    const std::string text = lagan::examples::as_hex_lines(bytes);
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file) != text.size()) return 1;
    std::fclose(file);
  }
}
