// SPDX-License-Identifier: Apache-2.0
#include "src/engine/untouchable_places.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

TEST_CASE("a folder of lagan's own is known by what it is, wherever it is seen") {
  const TemporaryFolder folder;
  REQUIRE(::mkdir((folder / "repository").c_str(), 0755) == 0);
  REQUIRE(::mkdir((folder / "repository/data").c_str(), 0755) == 0);
  REQUIRE(::mkdir((folder / "other").c_str(), 0755) == 0);
  REQUIRE(::symlink("repository", (folder / "link").c_str()) == 0);
  const UntouchablePlaces places({{folder / "link", "the repository"}, {folder / "none", "gone"}});
  const auto place = [&](std::string_view path, const std::string& real) {
    return places.own_folder(path, *source_status(AT_FDCWD, (folder / real).c_str()));
  };
  CHECK(place("/elsewhere", "repository") == "the repository");
  CHECK(place("/elsewhere", "other").empty());
  // In a snapshot of the file system it is another folder at the same place.
  CHECK(place(folder / "repository", "other") == "the repository");
  CHECK(places.own_place_of(folder / "repository") == "the repository");
  CHECK(places.own_place_of(folder / "link/data") == "the repository");
  CHECK(places.own_place_of(folder / "other").empty());
}

TEST_CASE("file systems of the kernel are known") {
  const File proc = *open_file("/proc", O_RDONLY | O_DIRECTORY);
  CHECK(UntouchablePlaces::mounted(proc.descriptor(), SourceStatus()) == "proc");
  const TemporaryFolder folder;
  const File ordinary = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  CHECK(UntouchablePlaces::mounted(ordinary.descriptor(), SourceStatus()).empty());
}

}  // namespace
}  // namespace lagan
