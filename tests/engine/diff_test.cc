// SPDX-License-Identifier: Apache-2.0
#include "src/engine/diff.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

using Changes = std::map<std::string, std::string>;

struct Compared {
  Changes changes;
  DiffResult result;
  std::vector<std::string> trouble;
};

Compared compare(MemoryTree& tree, const std::vector<Entry>& before,
                 const std::vector<Entry>& after, bool metadata = false) {
  Compared compared;
  const DiffVisitor visitor{
      .change = [&](const std::string& path, const std::string& modifier) -> Result<void> {
        CHECK_FALSE(compared.changes.contains(path));
        compared.changes[path] = modifier;
        return {};
      },
      .trouble = [&](const std::string& path, const Error&) { compared.trouble.push_back(path); }};
  DiffOptions options;
  options.metadata = metadata;
  const Subtree old_root = tree.subtree(before), new_root = tree.subtree(after);
  tree.chunks.gets = 0;
  const auto result = diff(tree.source, old_root, new_root, options, visitor);
  REQUIRE(result);
  compared.result = *result;
  return compared;
}

TEST_CASE("added, removed and changed entries are told with their paths") {
  MemoryTree tree;
  const auto [changes, result, trouble] =
      compare(tree,
              {file_entry("changed", "1"), file_entry("gone", "x"), file_entry("same", "s"),
               tree.folder("gone folder", {file_entry("inside", "y")})},
              {file_entry("changed", "2"), file_entry("new", "z"), file_entry("same", "s"),
               tree.folder("new folder", {file_entry("inside", "y")})});
  CHECK(changes == Changes{{"/changed", "M?"},
                           {"/gone", "-"},
                           {"/gone folder/", "-"},
                           {"/gone folder/inside", "-"},
                           {"/new", "+"},
                           {"/new folder/", "+"},
                           {"/new folder/inside", "+"}});
  CHECK(result.changed_files == 1);
  CHECK(result.added.files == 2);
  CHECK(result.added.dirs == 1);
  CHECK(result.removed.files == 2);
  CHECK(result.removed.dirs == 1);
  CHECK(trouble.empty());
}

TEST_CASE("equal trees are equal without opening anything") {
  MemoryTree tree;
  const std::vector<Entry> same = {tree.folder("folder", {file_entry("file", "x")})};
  CHECK(compare(tree, same, same).changes.empty());
  CHECK(tree.chunks.gets == 0);
}

TEST_CASE("attributes are told only when asked for") {
  MemoryTree tree;
  Entry before = file_entry("file", "x"), after = before;
  after.mtime = 5;
  CHECK(compare(tree, {before}, {after}).changes.empty());
  CHECK(compare(tree, {before}, {after}, true).changes == Changes{{"/file", "U"}});
  after.inline_content = "y";
  CHECK(compare(tree, {before}, {after}, true).changes == Changes{{"/file", "M"}});
}

TEST_CASE("content that changed though nothing else did is suspicious") {
  MemoryTree tree;
  CHECK(compare(tree, {file_entry("file", "x")}, {file_entry("file", "y")}).changes ==
        Changes{{"/file", "M?"}});
}

TEST_CASE("another type is told once, and with it what lay below") {
  MemoryTree tree;
  Entry link = file_entry("it", "");
  link.kind = EntryKind::symlink;
  link.link_target = "there";
  CHECK(compare(tree, {link}, {tree.folder("it", {file_entry("inside", "x")})}).changes ==
        Changes{{"/it/", "T"}, {"/it/inside", "+"}});
  Entry elsewhere = link;
  elsewhere.link_target = "elsewhere";
  CHECK(compare(tree, {link}, {elsewhere}).changes == Changes{{"/it", "M"}});
}

TEST_CASE("chunks count that only one side has") {
  MemoryTree tree;
  const auto compared = compare(tree, {tree.chunked_file("old name", {"shared", "old only"})},
                                {tree.chunked_file("new name", {"shared", "new"})});
  CHECK(compared.result.added.data_chunks == 1);
  CHECK(compared.result.removed.data_chunks == 1);
  const std::string old_node = tree.chunks.chunks.at(
      *tree.subtree({tree.chunked_file("old name", {"shared", "old only"})}).id);
  CHECK(compared.result.removed.bytes == 8 + old_node.size());
}

std::vector<Entry> many_files(std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i)
    entries.push_back(file_entry("file " + std::to_string(i), std::string(100, 'x')));
  return entries;
}

TEST_CASE("in a large folder only the nodes that differ are opened") {
  MemoryTree tree;
  std::vector<Entry> before = many_files(20'000), after = before;
  after[12'345].inline_content[7] = 'y';
  after.erase(after.begin() + 17);
  after.push_back(file_entry("file 12345 and a half", "new"));
  const auto compared = compare(tree, before, after);
  CHECK(compared.changes ==
        Changes{{"/file 12345", "M?"}, {"/file 12345 and a half", "+"}, {"/file 17", "-"}});
  CHECK(tree.chunks.chunks.size() > 50);
  CHECK(tree.chunks.gets < 20);
}

TEST_CASE("a large folder against an empty one and against one half as large") {
  MemoryTree tree;
  const std::vector<Entry> large = many_files(5'000), half = many_files(2'500);
  CHECK(compare(tree, {}, large).result.added.files == 5'000);
  CHECK(compare(tree, large, {}).result.removed.files == 5'000);
  CHECK(compare(tree, large, half).result.removed.files == 2'500);
  CHECK(compare(tree, half, large).result.added.files == 2'500);
}

TEST_CASE("what cannot be read is told, and the rest is compared") {
  MemoryTree tree;
  Entry lost = tree.folder("lost", {file_entry("a", "1")});
  const std::vector<Entry> before = {lost, file_entry("z", "1")};
  const std::vector<Entry> after = {tree.folder("lost", {file_entry("a", "2")}),
                                    file_entry("z", "2")};
  tree.chunks.chunks.erase(*lost.subtree.id);
  const auto compared = compare(tree, before, after);
  CHECK(compared.trouble == std::vector<std::string>{"/lost"});
  CHECK(compared.changes.at("/z") == "M?");
}

}  // namespace
}  // namespace lagan
