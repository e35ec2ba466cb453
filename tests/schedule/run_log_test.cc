// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run_log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/util/temporary_folder.h"

namespace lagan {

TEST_CASE("a log has times, and does not grow for ever") {
  const TemporaryFolder folder;
  auto log = LogFile::open(
      folder / "log", [] { return Nanoseconds{0}; }, 1000);
  REQUIRE(log);
  for (int i = 0; i < 500; ++i) REQUIRE(log->add("line " + std::to_string(i)));
  std::uintmax_t total = 0;
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    total += file.file_size();
    ++files;
  }
  CHECK(files == 5);
  CHECK(total < 6000);
  std::ifstream in(folder / "log");
  const std::string newest((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  CHECK(newest.ends_with(" line 499\n"));
  CHECK(newest.substr(4, 1) == "-");
  CHECK_FALSE(LogFile::open(folder / "missing/log", [] { return Nanoseconds{0}; }));
}

TEST_CASE("two who write to one log turn it once, and lose nothing") {
  const TemporaryFolder folder;
  const auto open = [&] {
    return LogFile::open(
        folder / "log", [] { return Nanoseconds{0}; }, 100);
  };
  auto one = open(), other = open();
  REQUIRE(one);
  REQUIRE(other);
  REQUIRE(one->add(std::string(100, 'x')));
  REQUIRE(one->add("first"));
  REQUIRE(other->add("second"));
  const auto content = [&](const char* name) {
    std::ifstream in(folder / name);
    return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  };
  CHECK(content("log.1").ends_with("x\n"));
  CHECK(content("log").find("first\n") != std::string::npos);
  CHECK(content("log").ends_with(" second\n"));
  CHECK_FALSE(std::filesystem::exists(folder / "log.2"));
}

}  // namespace lagan
