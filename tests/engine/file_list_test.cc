// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_list.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

using Paths = std::vector<std::string>;

class ListFolder {
 public:
  ListFolder() {
    for (const char* name : {"one", "two"}) {
      REQUIRE(::mkdir((folder_ / name).c_str(), 0755) == 0);
      write_file(folder_ / (std::string(name) + "/docs"), "d");
    }
    write_file(folder_ / "a*b", "star");
    write_file(folder_ / ".hidden", "h");
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  Paths read(FileListKind kind, std::string_view content) {
    write_file(folder_ / "list", content);
    notes_.clear();
    auto paths = read_file_list(folder_ / "list", kind,
                                [&](const std::string& note) { notes_.push_back(note); });
    REQUIRE(paths);
    return *std::move(paths);
  }
  const Paths& notes() const { return notes_; }

 private:
  TemporaryFolder folder_;
  Paths notes_;
};

TEST_CASE("a list of patterns names what is there, with comments and empty lines") {
  ListFolder folder;
  CHECK(folder.read(FileListKind::patterns, "# which\n\n" + (folder / "*/docs") + "  \r\n") ==
        Paths{folder / "one/docs", folder / "two/docs"});
  CHECK(folder.read(FileListKind::patterns, folder / "[o]*") == Paths{folder / "one"});
  CHECK(folder.read(FileListKind::patterns, folder / "a\\*b") == Paths{folder / "a*b"});
  CHECK(folder.read(FileListKind::patterns, folder / ".h*") == Paths{folder / ".hidden"});
  CHECK(folder.notes().empty());
  // What is plainly named is missed by the backup itself.
  CHECK(folder.read(FileListKind::patterns, folder / "none") == Paths{folder / "none"});
  CHECK(folder.notes().empty());
  CHECK(folder.read(FileListKind::patterns, folder / "none*").empty());
  REQUIRE(folder.notes().size() == 1);
  CHECK(folder.notes().front().find("list:1: nothing fits") != std::string::npos);
}

TEST_CASE("verbatim and raw lists are taken as they stand") {
  ListFolder folder;
  CHECK(folder.read(FileListKind::verbatim, "/a*b\n\n#c \n /d\r") == Paths{"/a*b", "#c ", " /d\r"});
  CHECK(folder.read(FileListKind::raw, std::string_view("/a\nb\0/c\0\0/d", 11)) ==
        Paths{"/a\nb", "/c", "/d"});
  CHECK(folder.read(FileListKind::raw, "").empty());
}

TEST_CASE("a list that is missing is an error") {
  const auto none = read_file_list("/no/such/list", FileListKind::raw, [](const auto&) {});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::not_found);
}

}  // namespace
}  // namespace lagan
