// SPDX-License-Identifier: Apache-2.0

// Trees that no backup writes. Round trips are in backup_test.cc.

#include "src/engine/restore.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/engine/engine_samples.h"
#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

Entry owned(Entry entry) {
  entry.uid = ::geteuid();
  entry.gid = ::getegid();
  entry.mtime = 1'500'000'000;
  return entry;
}

Entry file(std::string name, std::string content = "forged") {
  return owned(file_entry(std::move(name), std::move(content)));
}

Entry symlink_to(std::string name, std::string target) {
  Entry entry = file(std::move(name), "");
  entry.kind = EntryKind::symlink;
  entry.link_target = std::move(target);
  return entry;
}

// Trees written into a repository as they are, and a target beside which lies what nobody may
// touch.
class Forging {
 public:
  Forging() {
    REQUIRE(::mkdir(outside().c_str(), 0750) == 0);
    write_file(outside("/precious"), "precious");
    set_mtime(outside("/precious"), 1'400'000'000);
    REQUIRE(::mkdir(target().c_str(), 0755) == 0);
  }
  std::string outside(const std::string& path = "") const { return client_.work("outside") + path; }
  std::string target(const std::string& path = "") const { return client_.work("target") + path; }

  // Entries in this order under whatever names they claim.
  Entry folder(std::string name, const std::vector<Entry>& entries) {
    Entry entry = file(std::move(name), "");
    entry.kind = EntryKind::directory;
    entry.mode = 0755;
    DirectoryBuilder builder(PrfKey{}, writer_.tree_sink());
    int number = 1000;
    for (const Entry& inside : entries)
      REQUIRE(builder.add(std::to_string(number++), encode(inside)));
    const auto id = builder.finish();
    REQUIRE(id);
    entry.subtree.id = *id;
    return entry;
  }

  // Restores these, and finds everything outside the target as it was.
  std::vector<std::string> restore(const std::vector<Entry>& entries, RestoreOptions options = {}) {
    Snapshot snapshot;
    snapshot.root = folder("", entries).subtree;
    REQUIRE(writer_.flush());
    LocalIndex index = client_.repository.empty_index();
    REQUIRE(load_index(*client_.repository, index));
    const auto before = surroundings();
    CollectingObserver observer;
    options.target = target();
    options.threads = 2;
    const auto restored = lagan::restore(*client_.repository, index, snapshot, options, observer);
    REQUIRE_MESSAGE(restored, restored.error().message);
    CHECK(restored->errors == observer.troubles().size());
    CHECK(difference(before, surroundings()) == "");
    return observer.troubles();
  }

 private:
  std::map<std::string, std::string> surroundings() const {
    auto all = describe_tree(client_.work(""));
    std::erase_if(all, [](const auto& item) {
      return item.first.find("/target") != std::string::npos || item.first.find("target/") == 0 ||
             item.first == "target" || item.first.find("cache") != std::string::npos;
    });
    REQUIRE(all.size() >= 3);
    return all;
  }

  TestClient client_;
  LocalIndex index_ = client_.repository.empty_index();
  ChunkWriter writer_{*client_.repository, index_, samples::id<SessionId>(0x20), small_packs()};
};

TEST_CASE("a name that could lead elsewhere is refused, and the rest restored") {
  const std::string evil[] = {"..",
                              ".",
                              "",
                              "a/b",
                              "/",
                              "/no such folder/planted",
                              "../planted",
                              std::string("nul\0byte", 8),
                              "sub/../../planted"};
  for (const std::string& name : evil) {
    CAPTURE(name);
    Forging forging;
    Entry as_file = file(name), as_link = symlink_to(name, "x"),
          as_folder = forging.folder(name, {file("planted")});
    const auto troubles = forging.restore({as_file, as_link, as_folder, file("good", "good")});
    CHECK(troubles.size() == 3);
    CHECK(read_text(forging.target("/good")) == "good");
    CHECK(std::distance(std::filesystem::directory_iterator(forging.target()),
                        std::filesystem::directory_iterator()) == 1);
  }
}

TEST_CASE("evil names in a folder below do no more than at the top") {
  Forging forging;
  const auto troubles = forging.restore(
      {forging.folder("a", {file(".."), file("../planted"), file("/planted"),
                            forging.folder("..", {file("planted")}), file("good", "good")})});
  CHECK(troubles.size() == 4);
  for (const std::string& trouble : troubles) CHECK(trouble.starts_with("/a"));
  CHECK(read_text(forging.target("/a/good")) == "good");
  CHECK_FALSE(exists(forging.target("/planted")));
}

TEST_CASE("a folder with the name of a link before it does not lead where the link does") {
  for (const char* to : {"../outside", "..", "/tmp", "."}) {
    CAPTURE(to);
    Forging forging;
    const std::string leads = std::string(to) == "/tmp" ? forging.outside() : to;
    forging.restore(
        {symlink_to("way", leads), forging.folder("way", {file("planted"), file("precious")})});
    CHECK_FALSE(exists(forging.outside("/planted")));
    CHECK_FALSE(exists(forging.target("/planted")));
  }
}

TEST_CASE("nor does a link that takes the place of a folder whose attributes are still to come") {
  Forging forging;
  Entry empty = forging.folder("way", {});
  empty.mode = 0777;
  forging.restore({empty, symlink_to("way", "../outside")});
  forging.restore({forging.folder("way", {forging.folder("deep", {}), symlink_to("deep", "../.."),
                                          file("deep/planted")}),
                   symlink_to("way", "../outside"), forging.folder("way", {file("planted")})});
}

TEST_CASE("a file with the name of a link before it does not write through the link") {
  Forging forging;
  forging.restore({symlink_to("way", "../outside/precious"), file("way", "overwritten")});
  forging.restore({symlink_to("new", "../outside/planted"), file("new", "planted")});
}

TEST_CASE("a hard link to a link does not reach what the link leads to") {
  Forging forging;
  Entry first = file("a"), second = file("c");
  first.hardlink = second.hardlink = 7;
  forging.restore({first, symlink_to("a", "../outside/precious"), second});
  CHECK(std::filesystem::hard_link_count(forging.outside("/precious")) == 1);
  // The entry of a folder claims to be another name of a link, and so on.
  Entry link = symlink_to("l", "../outside"), folder = forging.folder("m", {file("planted")});
  link.hardlink = folder.hardlink = 8;
  forging.restore({link, folder, forging.folder("l", {file("planted")})});
  CHECK_FALSE(exists(forging.outside("/planted")));
}

// Its name was given to another file while it was saved.
TEST_CASE("a further name of a file that holds something else is a file of its own") {
  Forging forging;
  Entry first = file("a", "old"), same = file("b", "old"), other = file("c", "new");
  first.hardlink = same.hardlink = other.hardlink = 7;
  CHECK(forging.restore({first, same, other}).empty());
  CHECK(read_text(forging.target("/c")) == "new");
  CHECK(std::filesystem::hard_link_count(forging.target("/a")) == 2);
  CHECK(std::filesystem::hard_link_count(forging.target("/c")) == 1);
}

TEST_CASE("links that lie in the target already are replaced, not followed") {
  Forging forging;
  REQUIRE(::symlink("../outside", forging.target("/folder").c_str()) == 0);
  REQUIRE(::symlink("../outside/precious", forging.target("/file").c_str()) == 0);
  REQUIRE(::symlink("../outside/planted", forging.target("/new").c_str()) == 0);
  const auto troubles =
      forging.restore({file("file", "of the file"),
                       forging.folder("folder", {file("precious", "below")}), file("new", "new")});
  CHECK(troubles.empty());
  CHECK(read_text(forging.target("/file")) == "of the file");
  CHECK(read_text(forging.target("/folder/precious")) == "below");
  CHECK_FALSE(exists(forging.outside("/planted")));
}

// The second of two entries is refused only by the next restore.cc.
TEST_CASE("of two entries with one name the second is refused") {
  Forging forging;
  std::vector<Entry> entries = {file("first", "one")};
  SUBCASE("two files") {
    entries.push_back(file("twice", "one"));
    entries.push_back(file("twice", "two"));
  }
  SUBCASE("a file and a folder") {
    entries.push_back(file("twice", "one"));
    entries.push_back(forging.folder("twice", {file("planted")}));
  }
  SUBCASE("a link and a folder") {
    write_file(forging.target("/one"), "one");
    entries.push_back(symlink_to("twice", "one"));
    entries.push_back(forging.folder("twice", {file("planted")}));
  }
  SUBCASE("a folder and a file") {
    entries.push_back(forging.folder("twice", {file("inside", "one")}));
    entries.push_back(file("twice", "two"));
  }
  entries.push_back(file("zlast", "one"));
  const auto troubles = forging.restore(entries);
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].starts_with("/twice: "));
  const bool is_folder = exists(forging.target("/twice/inside"));
  CHECK(read_text(forging.target(is_folder ? "/twice/inside" : "/twice")) == "one");
  CHECK(read_text(forging.target("/first")) == "one");
  CHECK(read_text(forging.target("/zlast")) == "one");
}

TEST_CASE("an entry of unknown kind is left out and told") {
  Forging forging;
  Entry unknown = file("unknown");
  unknown.kind = static_cast<EntryKind>(8);
  const auto troubles = forging.restore({unknown, file("good", "good")});
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].starts_with("/unknown: "));
  CHECK_FALSE(exists(forging.target("/unknown")));
  CHECK(read_text(forging.target("/good")) == "good");
}

TEST_CASE("beside an entry of unknown kind nothing is taken for superfluous") {
  Forging forging;
  Entry unknown = file("unknown");
  unknown.kind = static_cast<EntryKind>(8);
  RestoreOptions options;
  options.delete_extra = true;
  write_file(forging.target("/extra"), "extra");
  REQUIRE(::mkdir(forging.target("/below").c_str(), 0755) == 0);
  write_file(forging.target("/below/extra"), "extra");
  const Entry below = forging.folder("below", {file("inside", "good")});
  CHECK(forging.restore({below, unknown, file("good", "good")}, options).size() == 1);
  CHECK(read_text(forging.target("/extra")) == "extra");
  CHECK_FALSE(exists(forging.target("/below/extra")));
  CHECK(forging.restore({below, file("good", "good")}, options).empty());
  CHECK_FALSE(exists(forging.target("/extra")));
}

TEST_CASE("a file that claims more than its content is told, and not taken for whole") {
  Forging forging;
  Entry missing = file("missing", "");
  missing.size = 600;
  missing.slices = {{samples::id<ChunkId>(1), 0, 600}};
  Entry short_one = file("short", "");
  short_one.size = 600;
  short_one.slices = {{std::nullopt, 0, 500}};
  const auto troubles = forging.restore({missing, short_one, file("whole", "whole")});
  CHECK(troubles.size() == 2);
  CHECK(read_text(forging.target("/whole")) == "whole");
}

TEST_CASE("what is left out by a pattern does not make its folders, what is chosen does") {
  Forging forging;
  const std::vector<Entry> entries = {
      forging.folder("a", {forging.folder("b", {file("z.o")}), file("x.o"), file("y.c", "y")}),
      forging.folder("c", {file("w.c", "w")})};
  RestoreOptions options;
  SUBCASE("excluded") {
    options.filter.excludes = *read_pattern_flags({{"*.o"}, {"/c"}}, "exclude");
    CHECK(forging.restore(entries, options).empty());
    CHECK(exists(forging.target("/a/b")));
    CHECK_FALSE(exists(forging.target("/c")));
  }
  SUBCASE("included") {
    options.filter.includes = *read_pattern_flags({{"y.c"}}, "include");
    CHECK(forging.restore(entries, options).empty());
    CHECK_FALSE(exists(forging.target("/a/b")));
    CHECK_FALSE(exists(forging.target("/c")));
  }
  CHECK_FALSE(exists(forging.target("/a/x.o")));
  CHECK(read_text(forging.target("/a/y.c")) == "y");
}

TEST_CASE("a dry run makes nothing") {
  Forging forging;
  RestoreOptions options;
  options.dry_run = true;
  CHECK(forging
            .restore({file("file"), forging.folder("folder", {file("x")}), symlink_to("link", "x")},
                     options)
            .empty());
  CHECK(std::filesystem::is_empty(forging.target()));
}

}  // namespace
}  // namespace lagan
