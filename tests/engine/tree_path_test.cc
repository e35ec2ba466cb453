// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_path.h"

#include <doctest/doctest.h>

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

struct Tree : MemoryTree {
  Entry link = file_entry("link", "");
  Snapshot snapshot;

  Tree() {
    link.kind = EntryKind::symlink;
    link.link_target = "folder";
    const Entry inner = folder("inner", {file_entry("deep", "deep"), folder("nothing", {})});
    snapshot = MemoryTree::snapshot({file_entry("file", "at the top"),
                                     folder("folder", {file_entry("file", "below"), inner}), link});
  }
  ErrorCode failure(std::string_view path) {
    const auto found = entry_at(source, snapshot, path);
    REQUIRE_FALSE(found);
    CHECK(found.error().message.find("'" + std::string(path) + "'") != std::string::npos);
    return found.error().code;
  }
};

TEST_CASE("a path leads to its entry") {
  Tree tree;
  const auto at = [&](std::string_view path) {
    const auto found = entry_at(tree.source, tree.snapshot, path);
    REQUIRE_MESSAGE(found, path);
    return *found;
  };
  CHECK(at("file").inline_content == "at the top");
  CHECK(at("/file").inline_content == "at the top");
  CHECK(at("/folder/file").inline_content == "below");
  CHECK(at("/folder/inner/deep").inline_content == "deep");
  CHECK(at("/folder").kind == EntryKind::directory);
  CHECK(at("/link").link_target == "folder");
}

TEST_CASE("slashes too many and dots mean nothing") {
  Tree tree;
  for (const char* path : {"//folder///inner//deep", "./folder/./inner/deep", "folder/inner/deep/"})
    CHECK(entry_at(tree.source, tree.snapshot, path)->inline_content == "deep");
}

TEST_CASE("the empty path is the root, a folder") {
  Tree tree;
  for (const char* path : {"", "/", ".", "//./"}) {
    const auto root = entry_at(tree.source, tree.snapshot, path);
    REQUIRE(root);
    CHECK(root->kind == EntryKind::directory);
    CHECK(root->subtree.id == tree.snapshot.root.id);
  }
}

TEST_CASE("a path with a part that is missing, or no folder, is not found by its name") {
  Tree tree;
  for (const char* path :
       {"missing", "/folder/missing", "/missing/file", "/folder/inner/missing/x", "/file/below",
        "/file/.x", "/link/file", "/folder/inner/nothing/x", "/folder/../file", "/Folder"})
    CHECK(tree.failure(path) == ErrorCode::not_found);
}

TEST_CASE("what is no folder leads nowhere, though it names a node") {
  MemoryTree tree;
  Entry forged = tree.folder("forged", {file_entry("below", "")});
  forged.kind = EntryKind::file;
  const Snapshot snapshot = tree.snapshot({forged});
  CHECK(entry_at(tree.source, snapshot, "/forged/below").error().code == ErrorCode::not_found);
}

TEST_CASE("an empty snapshot has nothing but its root") {
  MemoryTree tree;
  CHECK(entry_at(tree.source, Snapshot{}, "/"));
  CHECK(entry_at(tree.source, Snapshot{}, "/x").error().code == ErrorCode::not_found);
}

TEST_CASE("one node is read for each level of folder") {
  Tree tree;
  tree.chunks.gets = 0;
  REQUIRE(entry_at(tree.source, tree.snapshot, "/folder/inner/deep"));
  CHECK(tree.chunks.gets == 3);
}

TEST_CASE("a folder that cannot be read is an error, not a missing path") {
  Tree tree;
  const auto folder = entry_at(tree.source, tree.snapshot, "/folder");
  tree.chunks.chunks[*folder->subtree.id] = "no node";
  CHECK(entry_at(tree.source, tree.snapshot, "/folder/file").error().code == ErrorCode::corrupt);
  CHECK(entry_at(tree.source, tree.snapshot, "/file"));
}

// What a visitor is told, as "path" or "path!" for trouble.
std::vector<std::string> visited(const ChunkSource& source, const Subtree& root,
                                 const std::string& not_into = "") {
  std::vector<std::string> told;
  const TreeVisitor visitor{
      .each = [&](const std::string& path, const Entry&) -> Result<bool> {
        told.push_back(path);
        return path != not_into;
      },
      .trouble = [&](const std::string& path, const Error&) { told.push_back(path + "!"); }};
  REQUIRE(visit_tree(source, root, "", visitor));
  return told;
}

TEST_CASE("a walk tells of everything, folders before what they hold") {
  Tree tree;
  CHECK(visited(tree.source, tree.snapshot.root) ==
        std::vector<std::string>{"/file", "/folder", "/folder/file", "/folder/inner",
                                 "/folder/inner/deep", "/folder/inner/nothing", "/link"});
  CHECK(visited(tree.source, tree.snapshot.root, "/folder/inner") ==
        std::vector<std::string>{"/file", "/folder", "/folder/file", "/folder/inner", "/link"});
}

TEST_CASE("a walk goes on behind what cannot be read, and stops when told") {
  Tree tree;
  const auto inner = entry_at(tree.source, tree.snapshot, "/folder/inner");
  tree.chunks.chunks.erase(*inner->subtree.id);
  CHECK(visited(tree.source, tree.snapshot.root) ==
        std::vector<std::string>{"/file", "/folder", "/folder/file", "/folder/inner",
                                 "/folder/inner!", "/link"});
  int calls = 0;
  const TreeVisitor visitor{.each = [&](const std::string& path, const Entry&) -> Result<bool> {
                              ++calls;
                              if (path == "/folder/file") return fail(ErrorCode::cancelled, "stop");
                              return true;
                            },
                            .trouble = no_trouble};
  const auto stopped = visit_tree(tree.source, tree.snapshot.root, "", visitor);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  CHECK(calls == 3);
}

}  // namespace
}  // namespace lagan
