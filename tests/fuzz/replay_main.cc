// SPDX-License-Identifier: Apache-2.0

// Runs a fuzz target over the files of the folders named on the command line, and over each of them
// cut short.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::vector<char> raw{std::istreambuf_iterator<char>(in), {}};
      const std::vector<std::uint8_t> input(raw.begin(), raw.end());
      for (std::size_t size = 0; size <= input.size(); size += 1 + size / 16) {
        LLVMFuzzerTestOneInput(input.data(), size);
        ++inputs;
      }
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++inputs;
    }
  }
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(&nothing, 0);
  std::printf("%zu inputs\n", inputs + 1);
  return 0;
}
