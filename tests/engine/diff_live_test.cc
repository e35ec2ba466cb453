// SPDX-License-Identifier: Apache-2.0
#include "src/engine/diff_live.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "src/engine/source_entry.h"
#include "tests/engine/memory_tree.h"
#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

using Changes = std::map<std::string, std::string>;

// A folder of the disk and what a snapshot has of it. Files have the same time in both.
class Live {
 public:
  static constexpr std::int64_t kTime = 1'600'000'000;

  void write(const std::string& name, const std::string& content, std::int64_t mtime = kTime) {
    write_file(path(name), content);
    set_mtime(path(name), mtime);
  }
  std::string path(const std::string& name = "") const {
    return folder_.path().string() + (name.empty() ? "" : "/" + name);
  }
  Entry file(const std::string& name, const std::string& content) {
    Entry entry = file_entry(name, content);
    entry.mtime = kTime;
    return entry;
  }
  Entry chunked(const std::string& name, const std::vector<std::string>& pieces) {
    Entry entry = tree.chunked_file(name, pieces);
    entry.mtime = kTime;
    return entry;
  }

  Changes compare_with(const std::string& at, const Entry& before,
                       const LiveDiffOptions& options = {}) {
    Changes changes;
    trouble.clear();
    const DiffVisitor visitor{
        .change = [&](const std::string& where, const std::string& modifier) -> Result<void> {
          CHECK(where.starts_with(path()));
          changes[where.substr(path().size())] = modifier;
          return {};
        },
        .trouble = [&](const std::string& where, const Error&) { trouble.push_back(where); }};
    const auto compared = diff_live(tree.source, key, before, at, options, visitor);
    REQUIRE(compared);
    result = *compared;
    return changes;
  }
  // What the snapshot has of the whole folder.
  Changes compare(const std::vector<Entry>& before, const LiveDiffOptions& options = {}) {
    return compare_with(path(), tree.folder("top", before), options);
  }

  MemoryTree tree;
  const SecretKey key{};
  DiffResult result;
  std::vector<std::string> trouble;

 private:
  TemporaryFolder folder_;
};

LiveDiffOptions reading() {
  LiveDiffOptions options;
  options.content = true;
  return options;
}

TEST_CASE("what was added to the disk, removed from it or changed is told") {
  Live live;
  live.write("same", "s");
  live.write("changed", "longer");
  live.write("new", "n");
  std::filesystem::create_directory(live.path("new folder"));
  live.write("new folder/inside", "i");
  std::filesystem::create_symlink("to", live.path("link"));
  live.write("kind", "now a file");
  Entry link = live.file("link", "");
  link.kind = EntryKind::symlink;
  link.link_target = "from";
  const auto changes = live.compare(
      {live.file("same", "s"), live.file("changed", "short"), live.file("gone", "g"), link,
       live.tree.folder("gone folder", {live.file("inside", "i")}), live.tree.folder("kind", {})});
  CHECK(changes == Changes{{"/changed", "M"},
                           {"/gone", "-"},
                           {"/gone folder/", "-"},
                           {"/gone folder/inside", "-"},
                           {"/kind", "T"},
                           {"/link", "M"},
                           {"/new", "+"},
                           {"/new folder/", "+"},
                           {"/new folder/inside", "+"}});
  CHECK(live.result.changed_files == 1);
  CHECK(live.result.added.files == 3);
  CHECK(live.result.added.dirs == 1);
  CHECK(live.result.added.bytes == 2 + std::string("now a file").size());
  CHECK(live.result.removed.files == 2);
  CHECK(live.result.removed.dirs == 2);
  CHECK(live.trouble.empty());
}

TEST_CASE("a file that was only touched is the same") {
  Live live;
  live.write("touched", "abc", Live::kTime + 1);
  live.write("rewritten", "abd", Live::kTime + 1);
  CHECK(live.compare({live.file("touched", "abc"), live.file("rewritten", "abc")}) ==
        Changes{{"/rewritten", "M"}});
}

TEST_CASE("a change that size and time hide is found by reading") {
  Live live;
  live.write("hidden", "abd");
  live.write("same", "abc");
  const std::vector<Entry> before = {live.file("hidden", "abc"), live.file("same", "abc")};
  CHECK(live.compare(before).empty());
  CHECK(live.compare(before, reading()) == Changes{{"/hidden", "M?"}});
}

TEST_CASE("chunks and holes are compared, also parts of chunks") {
  Live live;
  const std::string hole(100'000, '\0');
  live.write("same", "one" + hole + "two");
  live.write("other hole", "one" + std::string(100'000, 'x') + "two");
  live.write("other end", "one" + hole + "twO");
  live.write("part", "ne");
  Entry part = live.chunked("part", {"one"});
  part.slices[0].offset = 1;
  part.slices[0].length = part.size = 2;
  CHECK(live.compare({live.chunked("same", {"one", "", "two"}),
                      live.chunked("other hole", {"one", "", "two"}),
                      live.chunked("other end", {"one", "", "two"}), part},
                     reading()) == Changes{{"/other end", "M?"}, {"/other hole", "M?"}});
  CHECK(live.trouble.empty());
}

TEST_CASE("equal chunks are known by their ids and not fetched") {
  Live live;
  live.write("same", "content");
  Entry file = live.file("same", "");
  file.size = 7;
  file.slices = {{chunk_id(live.key, ChunkKind::data, as_bytes("content")), 0, 7}};
  CHECK(live.compare({file}, reading()).empty());
  CHECK(live.trouble.empty());  // The chunk is nowhere.
}

TEST_CASE("attributes are told when asked for") {
  Live live;
  live.write("file", "a");
  OwnerNames owners;
  const auto status = source_status(AT_FDCWD, live.path("file").c_str());
  REQUIRE(status);
  Entry file = entry_of("file", *status, owners);
  file.inline_content = "a";
  const auto opened = open_file(live.path("file"), O_RDONLY);
  REQUIRE(opened);
  read_inode_flags(opened->descriptor(), file);
  LiveDiffOptions options;
  options.metadata = true;
  CHECK(live.compare({file}, options).empty());
  REQUIRE(::chmod(live.path("file").c_str(), 0600) == 0);
  file.mode = 0644;
  CHECK(live.compare({file}, options) == Changes{{"/file", "U"}});
  CHECK(live.compare({file}).empty());
}

TEST_CASE("a single file compares with a single file") {
  Live live;
  live.write("file", "new");
  CHECK(live.compare_with(live.path("file"), live.file("other name", "old!")) ==
        Changes{{"/file", "M"}});
}

TEST_CASE("folders and files that are not there are an error") {
  Live live;
  const DiffVisitor none{.change = {}, .trouble = {}};
  CHECK(
      diff_live(live.tree.source, live.key, live.tree.folder("x", {}), live.path("none"), {}, none)
          .error()
          .message.find("none") != std::string::npos);
  CHECK_FALSE(
      diff_live(live.tree.source, live.key, live.file("x", ""), live.path("none"), {}, none));
}

TEST_CASE("what cannot be read is told, and the rest compared") {
  Live live;
  live.write("a", "1", Live::kTime + 1);
  live.write("b", "longer");
  Entry lost = live.file("a", "");
  lost.size = 1;
  lost.slices = {{ChunkId{}, 0, 1}};
  CHECK(live.compare({lost, live.file("b", "b")}) == Changes{{"/b", "M"}});
  CHECK(live.trouble == std::vector<std::string>{live.path("a")});
}

}  // namespace
}  // namespace lagan
