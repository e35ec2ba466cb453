// SPDX-License-Identifier: Apache-2.0
#include "src/engine/search.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

using Paths = std::vector<std::string>;

Entry dated(Entry entry, std::int64_t mtime) {
  entry.mtime = mtime;
  return entry;
}

struct Looking {
  SearchOptions options;
  Paths found;
  SearchVisitor visitor{.found = [this](const std::string& path, const Entry&) -> Result<void> {
                          found.push_back(path);
                          return {};
                        },
                        .trouble = no_trouble};

  explicit Looking(const std::string& pattern) {
    options.patterns.push_back(*PathPattern::parse(pattern));
  }
  Paths in(const MemoryTree& tree, const Snapshot& snapshot) {
    found.clear();
    REQUIRE(Search(tree.source, options, visitor).look_through(snapshot));
    return found;
  }
};

TEST_CASE("entries are found by name, by path and below a folder that fits") {
  MemoryTree tree;
  const Snapshot snapshot = tree.snapshot(
      {tree.folder("home", {file_entry("a.txt", "1"), tree.folder("sub", {file_entry("b", "2")})}),
       file_entry("a.txt", "3")});
  CHECK(Looking("*.txt").in(tree, snapshot) == Paths{"/a.txt", "/home/a.txt"});
  CHECK(Looking("/a.txt").in(tree, snapshot) == Paths{"/a.txt"});
  CHECK(Looking("sub").in(tree, snapshot) == Paths{"/home/sub", "/home/sub/b"});
  CHECK(Looking("nothing").in(tree, snapshot).empty());
}

TEST_CASE("age narrows it down") {
  MemoryTree tree;
  const Snapshot snapshot =
      tree.snapshot({dated(file_entry("f1", ""), 100), dated(file_entry("f2", ""), 200),
                     dated(file_entry("f3", ""), std::numeric_limits<std::int64_t>::max())});
  Looking looking("f*");
  looking.options.oldest = Nanoseconds{150} * 1'000'000'000;
  CHECK(looking.in(tree, snapshot) == Paths{"/f2", "/f3"});
  looking.options.newest = Nanoseconds{200} * 1'000'000'000;
  CHECK(looking.in(tree, snapshot) == Paths{"/f2"});
}

TEST_CASE("size narrows it down to files") {
  MemoryTree tree;
  const Snapshot snapshot = tree.snapshot({file_entry("f1", "1"), file_entry("f22", "22"),
                                           file_entry("f333", "333"), tree.folder("f", {})});
  Looking looking("f*");
  looking.options.larger_than = 1;
  CHECK(looking.in(tree, snapshot) == Paths{"/f22", "/f333"});
  looking.options.smaller_than = 3;
  CHECK(looking.in(tree, snapshot) == Paths{"/f22"});
}

TEST_CASE("folders without a match are not read again in the next snapshot") {
  MemoryTree tree;
  const Entry dull = tree.folder("dull", {file_entry("x", "1")});
  const Snapshot first = tree.snapshot({dull, file_entry("wanted", "1")});
  const Snapshot second = tree.snapshot({dull, file_entry("wanted", "2")});
  Looking looking("wanted");
  Search search(tree.source, looking.options, looking.visitor);
  REQUIRE(search.look_through(first));
  CHECK(tree.chunks.gets == 2);
  REQUIRE(search.look_through(second));
  CHECK(tree.chunks.gets == 3);
  CHECK(looking.found == Paths{"/wanted", "/wanted"});
}

TEST_CASE("the same folder elsewhere is another place to find something") {
  MemoryTree tree;
  const Entry inside = tree.folder("inside", {file_entry("x", "1")});
  const Snapshot snapshot = tree.snapshot({tree.folder("a", {inside}), tree.folder("b", {inside})});
  CHECK(Looking("/b/inside/x").in(tree, snapshot) == Paths{"/b/inside/x"});
}

}  // namespace
}  // namespace lagan
