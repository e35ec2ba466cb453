// SPDX-License-Identifier: Apache-2.0
#include "src/engine/versions.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

// Snapshots that saved /home, one after the other.
class History {
 public:
  void add(const std::vector<Entry>& files, std::vector<std::string> paths = {"/home"}) {
    StoredSnapshot stored;
    stored.id.bytes[0] = static_cast<std::byte>(snapshots_.size() + 1);
    stored.snapshot = tree.snapshot({tree.folder("home", files)});
    stored.snapshot.paths = std::move(paths);
    snapshots_.push_back(std::move(stored));
  }

  std::vector<VersionSpan> of(const std::string& path, bool metadata = false) {
    VersionOptions options;
    options.metadata = metadata;
    options.trouble = [this](const std::string& where, const Error&) { trouble.push_back(where); };
    auto spans = versions_of(tree.source, key_, snapshots_, path, options);
    REQUIRE(spans);
    return *std::move(spans);
  }

  // "1x2" for two snapshots with version 1, "-x3" for three without.
  std::string line(const std::string& path, bool metadata = false) {
    std::string text;
    for (const VersionSpan& span : of(path, metadata)) {
      text += text.empty() ? "" : " ";
      text +=
          (span.entry ? std::to_string(span.number) : "-") + "x" + std::to_string(span.snapshots);
    }
    return text;
  }

  MemoryTree tree;
  std::vector<std::string> trouble;

 private:
  const SecretKey key_{};
  std::vector<StoredSnapshot> snapshots_;
};

TEST_CASE("stretches of equal content, of deletion and of what came back are told apart") {
  History history;
  history.add({});
  for (const char* content : {"a", "a", "b"}) history.add({file_entry("file", content)});
  history.add({});
  history.add({});
  history.add({file_entry("file", "a")});
  CHECK(history.line("/home/file") == "1x2 2x1 -x2 1x1");
  const auto spans = history.of("/home/file");
  CHECK(spans[0].first.id.bytes[0] == std::byte{2});
  CHECK(spans[0].last.id.bytes[0] == std::byte{3});
  CHECK(spans[0].content_id == spans[3].content_id);
  CHECK(spans[0].content_id != spans[1].content_id);
  CHECK(spans[1].entry->inline_content == "b");
  CHECK(history.trouble.empty());
}

TEST_CASE("attributes make a version only if asked for") {
  History history;
  Entry file = file_entry("file", "a");
  history.add({file});
  file.mode = 0600;
  history.add({file});
  CHECK(history.line("/home/file") == "1x2");
  CHECK(history.line("/home/file", true) == "1x1 2x1");
}

TEST_CASE("a folder has versions as well, and so has a link or another kind of entry") {
  History history;
  Entry link;
  link.name = "a";
  link.kind = EntryKind::symlink;
  link.link_target = "b";
  history.add({file_entry("a", "1")});
  history.add({file_entry("a", "1"), file_entry("b", "")});
  history.add({link});
  CHECK(history.line("/home") == "1x1 2x1 3x1");
  CHECK(history.line("/home/a") == "1x2 2x1");
  CHECK(history.line("/") == "1x1 2x1 3x1");
}

TEST_CASE("a snapshot of other folders does not mean deleted") {
  History history;
  history.add({file_entry("file", "a")});
  history.add({}, {"/etc"});
  history.add({}, {"/home/other"});
  history.add({}, {"/homes"});
  history.add({file_entry("file", "a")});
  CHECK(history.line("/home/file") == "1x2");
  history.add({}, {"/"});
  history.add({}, {"/home/file/in/it"});
  CHECK(history.line("/home/file") == "1x2 -x2");
}

TEST_CASE("a path that was never there, or leads through a file, has no versions") {
  History history;
  history.add({file_entry("file", "a")});
  CHECK(history.of("/home/none").empty());
  CHECK(history.of("/home/file/below").empty());
}

TEST_CASE("a snapshot that cannot be read is told and says nothing") {
  History history;
  history.add({file_entry("file", "a")});
  history.add({file_entry("file", "b")});
  const auto lost = history.of("/home")[1].entry->subtree.id;
  history.tree.chunks.chunks.erase(*lost);
  history.add({file_entry("file", "a")});
  CHECK(history.line("/home/file") == "1x2");
  CHECK(history.trouble == std::vector<std::string>{"snapshot 02000000"});
}

TEST_CASE("folders that snapshots share are opened once") {
  History history;
  for (int i = 0; i < 50; ++i) history.add({file_entry("file", "a")});
  history.tree.chunks.gets = 0;
  CHECK(history.line("/home/file") == "1x50");
  CHECK(history.tree.chunks.gets == 2);
}

}  // namespace
}  // namespace lagan
