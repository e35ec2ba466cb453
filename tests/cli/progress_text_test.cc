// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_text.h"

#include <doctest/doctest.h>

namespace lagan::cli {
namespace {

constexpr std::size_t kWide = 200;

ProgressNumbers half_way() {
  return {.phase = Phase::files,
          .seconds = 10,
          .files_done = 1'204,
          .bytes_done = std::uint64_t{1} << 30,
          .files_total = 1'940,
          .bytes_total = std::uint64_t{2} << 30,
          .errors = 0,
          .is_over = false};
}

TEST_CASE("a line has name, bar, share, time left, bytes, files and rate") {
  CHECK(progress_text(half_way(), BarStyle::ascii, kWide) ==
        "files    ##########..........   50 %  0:10 left  1.00 GiB of 2.00 GiB  1,204 of 1,940 "
        "files  102 MiB/s  after 0:10");
  CHECK(progress_text(half_way(), BarStyle::none, kWide) ==
        "files:  50 %, 0:10 left, 1.00 GiB of 2.00 GiB, 1,204 of 1,940 files, 102 MiB/s, after "
        "0:10");
}

TEST_CASE("a line fits into its columns, whatever they are") {
  const std::string line = progress_text(half_way(), BarStyle::blocks, 60);
  CHECK(line.find("50 %") != std::string::npos);
  CHECK(line.find("░") != std::string::npos);
  for (std::size_t columns = 8; columns < kWide; ++columns) {
    const std::string text = progress_text(half_way(), BarStyle::ascii, columns);
    CHECK(text.size() <= columns);
    CHECK(text.starts_with("files"));
  }
}

TEST_CASE("what is over says how long it took") {
  ProgressNumbers done = half_way();
  done.bytes_done = done.bytes_total;
  done.files_done = done.files_total;
  done.is_over = true;
  CHECK(progress_text(done, BarStyle::none, kWide) ==
        "files: 100 %, 2.00 GiB, 1,940 files, 205 MiB/s, in 0:10");
}

TEST_CASE("without totals there is neither bar nor share, and so if more was done than expected") {
  ProgressNumbers unknown = half_way();
  unknown.bytes_total = unknown.files_total = 0;
  CHECK(progress_text(unknown, BarStyle::ascii, kWide) ==
        "files    1.00 GiB  1,204 files  102 MiB/s  after 0:10");
  ProgressNumbers more = half_way();
  more.bytes_done = 3 * more.bytes_total;
  CHECK_FALSE(done_share(more));
  CHECK_FALSE(seconds_left(more));
}

TEST_CASE("files count where bytes are not known") {
  ProgressNumbers trees;
  trees.phase = Phase::trees;
  trees.files_done = 3;
  trees.files_total = 4;
  trees.errors = 1;
  CHECK(progress_text(trees, BarStyle::none, kWide) ==
        "trees:  75 %, 0:00 left, 3 of 4 snapshots, 1 error, after 0:00");
}

TEST_CASE("a phase that counts nothing shows its time only") {
  ProgressNumbers commit = half_way();
  commit.phase = Phase::commit;
  CHECK(progress_text(commit, BarStyle::ascii, kWide) == "commit   after 0:10");
}

TEST_CASE("numbers are written for people") {
  CHECK(count_text(0) == "0");
  CHECK(count_text(999) == "999");
  CHECK(count_text(1'000) == "1,000");
  CHECK(count_text(1'234'567) == "1,234,567");
  CHECK(short_bytes(0) == "0 B");
  CHECK(short_bytes(1023) == "1023 B");
  CHECK(short_bytes(1536) == "1.50 KiB");
  CHECK(short_bytes(150 * 1024) == "150 KiB");
  CHECK(clock_text(59.9) == "0:59");
  CHECK(clock_text(3'723) == "1:02:03");
  CHECK(clock_text(1e30) == "1000000:00:00");
}

}  // namespace
}  // namespace lagan::cli
