// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/engine/memory_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

struct Archived {
  std::string bytes;
  std::vector<std::string> trouble, left_out;
};

Archived archive(const MemoryTree& tree, const Entry& top, const std::string& path,
                 ArchiveFormat format = ArchiveFormat::tar) {
  Archived archived;
  const TemporaryFolder folder;
  const File file = *open_file(folder / "archive", O_RDWR | O_CREAT);
  const ArchiveOptions options{
      .format = format,
      .trouble = [&](const std::string& where, const Error&) { archived.trouble.push_back(where); },
      .left_out = [&](const std::string& where) { archived.left_out.push_back(where); }};
  REQUIRE(write_archive(tree.source, top, path, file.descriptor(), options));
  archived.bytes = as_text(*read_file(folder / "archive", std::size_t{1} << 30));
  return archived;
}

// The tests of the program extract archives; these look at what a file system rarely has.

TEST_CASE("content that cannot be read is told and its room filled, so the rest stays readable") {
  MemoryTree tree;
  const Entry broken = tree.chunked_file("broken", {"first", "second"});
  const Entry top = tree.folder("top", {broken, file_entry("whole", "content of the last")});
  tree.chunks.chunks.erase(MemoryChunks::id_of(ChunkKind::data, as_bytes("second")));
  const Archived archived = archive(tree, top, "/top");
  CHECK(archived.trouble == std::vector<std::string>{"/top/broken"});
  CHECK(archived.bytes.find(std::string("first\0\0\0\0\0\0", 11)) != std::string::npos);
  CHECK(archived.bytes.find("content of the last") != std::string::npos);
  CHECK(archived.bytes.size() % 512 == 0);
}

TEST_CASE("what no archive can hold is left out") {
  MemoryTree tree;
  Entry socket = file_entry("socket", ""), fifo = file_entry("fifo", "");
  socket.kind = EntryKind::socket;
  fifo.kind = EntryKind::fifo;
  Entry unread = file_entry("unread", "");
  unread.size = 5;
  unread.state = EntryState::unreadable;
  const Entry top = tree.folder("top", {socket, fifo, unread});
  CHECK(archive(tree, top, "/top").left_out == std::vector<std::string>{"/top/socket"});
  CHECK(archive(tree, top, "/top").trouble == std::vector<std::string>{"/top/unread"});
  CHECK(archive(tree, top, "/top", ArchiveFormat::zip).left_out ==
        std::vector<std::string>{"/top/fifo", "/top/socket"});
}

TEST_CASE("attributes are written in the form that GNU tar reads") {
  MemoryTree tree;
  Entry file = file_entry("file", "x");
  file.xattrs.push_back({"user.color", "blue", {}});
  file.mtime = 1'600'000'000;
  file.mtime_ns = 5;
  const Archived archived = archive(tree, tree.folder("top", {file}), "/top");
  CHECK(archived.bytes.find("SCHILY.xattr.user.color=blue\n") != std::string::npos);
  CHECK(archived.bytes.find("mtime=1600000000.000000005\n") != std::string::npos);
  CHECK(archived.bytes.find("hdrcharset") == std::string::npos);
}

TEST_CASE("a full disk ends it") {
  MemoryTree tree;
  const Entry top = tree.folder("top", {file_entry("file", "x")});
  const File full = *open_file("/dev/full", O_WRONLY);
  const ArchiveOptions options{.trouble = no_trouble, .left_out = [](const std::string&) {}};
  const auto written = write_archive(tree.source, top, "/top", full.descriptor(), options);
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::no_space);
}

}  // namespace
}  // namespace lagan
