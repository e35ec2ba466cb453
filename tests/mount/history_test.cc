// SPDX-License-Identifier: Apache-2.0
#include "mount/history.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

class Past {
 public:
  void add(const std::vector<Entry>& files) {
    roots_.push_back({0, 0, 1, tree.subtree({tree.folder("home", files)}).id, roots_.size()});
  }
  Histories histories() { return Histories(reader_, Numbers(PrfKey{}), roots_); }

  MemoryTree tree;

 private:
  TreeReader reader_{tree.source, 1'000'000};
  std::vector<SnapshotFolder> roots_;
};

Entry dated(std::string name, std::string content, std::int64_t mtime) {
  Entry entry = file_entry(std::move(name), std::move(content));
  entry.mtime = mtime;
  return entry;
}

TEST_CASE("each content of a file shows once, in the order of its time, deleted files too") {
  Past past;
  past.add({dated("thesis.tex", "old", 1'000'000'000), dated("gone", "gone", 5)});
  past.add({dated("thesis.tex", "new", 1'100'000'000)});
  past.add({dated("thesis.tex", "new", 1'200'000'000), file_entry("late", "late")});
  past.add({dated("thesis.tex", "old", 1'300'000'000)});
  Histories histories = past.histories();
  const auto thesis = histories.at("home/thesis.tex");
  REQUIRE(thesis);
  REQUIRE((*thesis)->versions.size() == 2);
  CHECK((*thesis)->folders.empty());
  const auto& [name, found, folder] = (*thesis)->versions[0];
  CHECK(name.starts_with("2001-09-09T01.46.40~"));
  CHECK(name.ends_with(".tex"));
  CHECK(found.entry.inline_content == "old");
  CHECK(folder.snapshot == 0);
  CHECK((*thesis)->versions[1].folder.snapshot == 1);
  CHECK((*histories.names_in("home"))->names ==
        std::vector<std::string>{"gone", "late", "thesis.tex"});
  CHECK((*histories.at("home/gone"))->versions.size() == 1);
  CHECK((*histories.at("home/never"))->is_empty());
  CHECK((*histories.at("home/gone/below"))->is_empty());
  CHECK((*histories.names_in(""))->names == std::vector<std::string>{"home"});
}

TEST_CASE("what was a file and became a folder is both") {
  Past past;
  past.add({file_entry("a", "file")});
  past.add({past.tree.folder("a", {file_entry("b", "inner")})});
  Histories histories = past.histories();
  const auto both = histories.at("home/a");
  REQUIRE(both);
  CHECK((*both)->versions.size() == 1);
  CHECK((*both)->folders.size() == 1);
  CHECK((*histories.at("home/a/b"))->versions.size() == 1);
}

TEST_CASE("a hundred snapshots that are alike are looked at once") {
  Past past;
  for (int i = 0; i < 100; ++i) past.add({file_entry("a", "same"), file_entry("b", "same")});
  Histories histories = past.histories();
  past.tree.chunks.gets = 0;
  CHECK((*histories.at("home/a"))->versions.size() == 1);
  CHECK((*histories.at("home/b"))->versions.size() == 1);
  CHECK(past.tree.chunks.gets == 2);
}

TEST_CASE("a snapshot that cannot be read costs only what it alone has") {
  Past past;
  past.add({file_entry("a", "kept")});
  past.add({file_entry("a", "lost"), file_entry("b", "lost")});
  past.tree.chunks.chunks.erase(
      *past.tree.folder("home", {file_entry("a", "lost"), file_entry("b", "lost")}).subtree.id);
  // The folder was stored again by asking for its id.
  const Entry folder = past.tree.folder("home", {file_entry("a", "lost"), file_entry("b", "lost")});
  past.tree.chunks.chunks.erase(*folder.subtree.id);
  Histories histories = past.histories();
  CHECK((*histories.at("home/a"))->versions.size() == 1);
  CHECK((*histories.at("home/a"))->missed);
  CHECK(!histories.at("home/b"));
  const auto names = histories.names_in("home");
  REQUIRE(names);
  CHECK((*names)->names == std::vector<std::string>{"a"});
  CHECK((*names)->missed);
  // It may have been the network.
  past.tree.folder("home", {file_entry("a", "lost"), file_entry("b", "lost")});
  CHECK((*histories.at("home/b"))->versions.size() == 1);
  CHECK_FALSE((*histories.names_in("home"))->missed);
  CHECK_FALSE((*histories.at("home/a"))->missed);
}

}  // namespace
}  // namespace lagan
