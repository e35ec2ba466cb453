// SPDX-License-Identifier: Apache-2.0
#include "src/engine/folder_markers.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/client_memory.h"
#include "src/engine/source_folder.h"
#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

bool marks(const FolderMarker& marker, const TemporaryFolder& folder) {
  const File open = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  return marker.marks(open.descriptor(), *list_names(open.descriptor()));
}

// A folder with this content in this file.
bool marks(const FolderMarker& marker, const std::string& name, std::string_view content) {
  const TemporaryFolder folder;
  write_file(folder / name, content);
  return marks(marker, folder);
}

constexpr std::string_view kSignature = "Signature: 8a477f597d28d172789f06886806bc55";

TEST_CASE("a cache is a folder whose CACHEDIR.TAG begins with the signature") {
  const FolderMarker marker = FolderMarker::cache_tag();
  CHECK(marks(marker, "CACHEDIR.TAG", kSignature));
  CHECK(marks(marker, "CACHEDIR.TAG", std::string(kSignature) + "\n# of somebody\n"));
  CHECK(marks(marker, "CACHEDIR.TAG", kCacheTag));
  CHECK_FALSE(marks(marker, "CACHEDIR.TAG", kSignature.substr(1)));
  CHECK_FALSE(marks(marker, "CACHEDIR.TAG", kSignature.substr(0, kSignature.size() - 1)));
  CHECK_FALSE(marks(marker, "CACHEDIR.TAG", ""));
  CHECK_FALSE(marks(marker, "cachedir.tag", kSignature));
}

TEST_CASE("a cache of lagan is told from those of others") {
  CHECK(marks(FolderMarker::own_cache_tag(), "CACHEDIR.TAG", kCacheTag));
  CHECK_FALSE(marks(FolderMarker::own_cache_tag(), "CACHEDIR.TAG", kSignature));
}

TEST_CASE("a marker leaves a folder out by its name or by how it begins") {
  const FolderMarker name = *FolderMarker::parse(".nobackup");
  const FolderMarker header = *FolderMarker::parse("tag:leave: me");
  CHECK(marks(name, ".nobackup", ""));
  CHECK_FALSE(marks(name, "other", ""));
  CHECK(marks(header, "tag", "leave: me, please"));
  CHECK_FALSE(marks(header, "tag", "leave"));
  CHECK_FALSE(marks(header, "tag", "do not leave: me"));
  CHECK(header.origin == "--exclude-if-present 'tag:leave: me'");
  for (const char* text : {"", ":header", "a/b"})
    CHECK(FolderMarker::parse(text).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("a marker that is a link or a pipe is not followed nor waited for") {
  const FolderMarker marker = *FolderMarker::parse("tag:leave");
  const TemporaryFolder folder;
  write_file(folder / "elsewhere", "leave");
  REQUIRE(::symlink("elsewhere", (folder / "tag").c_str()) == 0);
  CHECK_FALSE(marks(marker, folder));
  REQUIRE(::unlink((folder / "tag").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "tag").c_str(), 0600) == 0);
  CHECK_FALSE(marks(marker, folder));
}

}  // namespace
}  // namespace lagan
