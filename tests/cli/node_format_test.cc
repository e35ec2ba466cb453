// SPDX-License-Identifier: Apache-2.0
#include "src/cli/node_format.h"

#include <doctest/doctest.h>

#include "src/engine/entry_time.h"

namespace lagan::cli {
namespace {

Entry entry(EntryKind kind, std::uint32_t mode) {
  Entry made;
  made.kind = kind;
  made.mode = mode;
  return made;
}

TEST_CASE("permissions read as ls shows them") {
  CHECK(permissions_text(entry(EntryKind::file, 0644)) == "-rw-r--r--");
  CHECK(permissions_text(entry(EntryKind::directory, 01777)) == "drwxrwxrwt");
  CHECK(permissions_text(entry(EntryKind::directory, 01770)) == "drwxrwx--T");
  CHECK(permissions_text(entry(EntryKind::file, 06755)) == "-rwsr-sr-x");
  CHECK(permissions_text(entry(EntryKind::file, 04644)) == "-rwSr--r--");
  CHECK(permissions_text(entry(EntryKind::symlink, 0777)) == "lrwxrwxrwx");
  CHECK(permissions_text(entry(EntryKind::socket, 0)) == "s---------");
}

// What restic prints for such files.
TEST_CASE("mode is Go's number") {
  CHECK(mode_number(entry(EntryKind::file, 0644)) == 420);
  CHECK(mode_number(entry(EntryKind::directory, 0755)) == 2147484141);
  CHECK(mode_number(entry(EntryKind::symlink, 0777)) == 134218239);
  CHECK(mode_number(entry(EntryKind::file, 04755)) == 8389101);
  CHECK(mode_number(entry(EntryKind::character_device, 0600)) == 69206400);
}

TEST_CASE("a line tells size, time and where a link leads") {
  Entry link = entry(EntryKind::symlink, 0777);
  link.link_target = "there";
  CHECK(entry_line("/a", link, {}) == "/a");
  const std::string line = entry_line("/a", link, {.is_long = true});
  CHECK(line.starts_with("lrwxrwxrwx     0     0      0 "));
  CHECK(line.ends_with(" /a -> there"));
}

TEST_CASE("a line tells when something was born, if that is wanted and known") {
  Entry file = entry(EntryKind::file, 0644);
  CHECK(entry_line("/a", file, {.is_long = true, .birth = true})
            .ends_with(" -                   /a"));
  file.btime = file.mtime + 1;
  const std::string plain = entry_line("", file, {.is_long = true});
  const std::string line = entry_line("", file, {.is_long = true, .birth = true});
  CHECK(line == plain + format_time(nanoseconds(*file.btime, 0)) + " ");
}

TEST_CASE("bytes that are not UTF-8 come twice in JSON") {
  Entry file = entry(EntryKind::file, 0);
  const Json node = node_json("/\xff", file);
  CHECK(node["path_b64"] == "L/8=");
  CHECK_FALSE(node_json("/ü", file).contains("path_b64"));
}

}  // namespace
}  // namespace lagan::cli
