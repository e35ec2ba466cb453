// SPDX-License-Identifier: Apache-2.0
#include "src/engine/filter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "src/engine/source_folder.h"
#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

using Fate = Decision::Fate;

Filter filter_of(const FilterOptions& options) {
  auto filter = Filter::create(options);
  REQUIRE_MESSAGE(filter, filter.error().message);
  return *std::move(filter);
}

Filter filter_of(const std::vector<std::string>& patterns) {
  FilterOptions options;
  for (const std::string& text : patterns) options.patterns.push_back({text});
  return filter_of(options);
}

SourceStatus status_of(EntryKind kind) {
  SourceStatus status;
  status.kind = kind;
  return status;
}

// Of a file that no rule of a folder above concerns.
Fate fate(const std::vector<std::string>& patterns, std::string_view path) {
  return filter_of(patterns).judge({}, path, status_of(EntryKind::file)).fate;
}

TEST_CASE("of several patterns the last that matches decides") {
  CHECK(fate({"*.o"}, "/src/a.o") == Fate::leave_out);
  CHECK(fate({"*.o", "!keep.o"}, "/src/keep.o") == Fate::keep);
  CHECK(fate({"*.o", "!keep.o"}, "/src/other.o") == Fate::leave_out);
  CHECK(fate({"!keep.o", "*.o"}, "/src/keep.o") == Fate::leave_out);
  CHECK(fate({"*.o", "!keep.o", "/tmp/keep.o"}, "/tmp/keep.o") == Fate::leave_out);
  CHECK(fate({"!keep.o"}, "/src/keep.o") == Fate::keep);
  CHECK(fate({}, "/src/keep.o") == Fate::keep);
}

TEST_CASE("a folder that is left out is searched only if a later pattern may take back below it") {
  const auto of_folder = [](const std::vector<std::string>& patterns, std::string_view path) {
    return filter_of(patterns).judge({}, path, status_of(EntryKind::directory)).fate;
  };
  CHECK(of_folder({"cache"}, "/cache") == Fate::leave_out);
  CHECK(of_folder({"cache", "!keep"}, "/cache") == Fate::search);
  CHECK(of_folder({"!keep", "cache"}, "/cache") == Fate::leave_out);
  CHECK(of_folder({"cache", "!/cache/keep"}, "/cache") == Fate::search);
  CHECK(of_folder({"cache", "!/other/keep"}, "/cache") == Fate::leave_out);
  CHECK(fate({"cache", "!keep"}, "/cache") == Fate::leave_out);  // a file has nothing below it
}

TEST_CASE("what no pattern matches shares the fate of its folder") {
  const Filter filter = filter_of({"*.o", "cache", "!keep"});
  const Decision cache = filter.judge({}, "/cache", status_of(EntryKind::directory));
  REQUIRE(cache.fate == Fate::search);
  const FolderRules inside = filter.inside({}, cache, -1, "/cache", {}, [](const auto&) {});
  const auto in_cache = [&](std::string_view path) {
    return filter.judge(inside, path, status_of(EntryKind::file)).fate;
  };
  CHECK(in_cache("/cache/other") == Fate::leave_out);
  CHECK(in_cache("/cache/keep") == Fate::keep);
  // Within what is taken back the earlier patterns hold as they do everywhere.
  const Decision keep = filter.judge(inside, "/cache/keep", status_of(EntryKind::directory));
  const FolderRules kept = filter.inside(inside, keep, -1, "/cache/keep", {}, [](const auto&) {});
  CHECK(filter.judge(kept, "/cache/keep/a", status_of(EntryKind::file)).fate == Fate::keep);
  CHECK(filter.judge(kept, "/cache/keep/a.o", status_of(EntryKind::file)).fate == Fate::leave_out);
}

TEST_CASE("a decision names the flag, or the file and its line") {
  const TemporaryFolder folder;
  write_file(folder / "patterns", "# what is made again\n*.o\r\n\n  \n!keep.o  \n/tmp");
  write_file(folder / "any case", "*.BAK\n");
  FilterOptions options;
  options.patterns = {{"first"}, {folder / "patterns", true}, {folder / "any case", true, true}};
  options.larger_than = 10;
  const Filter filter = filter_of(options);
  const auto why = [&](std::string_view path, EntryKind kind = EntryKind::file) {
    SourceStatus status = status_of(kind);
    status.size = 11;
    return std::string(filter.judge({}, path, status).why());
  };
  CHECK(why("/x/first") == "--exclude 'first'");
  CHECK(why("/x/a.o") == (folder / "patterns") + ":2 '*.o'");
  CHECK(why("/x/keep.o", EntryKind::symlink) == (folder / "patterns") + ":5 '!keep.o'");
  CHECK(why("/tmp") == (folder / "patterns") + ":6 '/tmp'");
  CHECK(why("/x/a.bak") == (folder / "any case") + ":1 '*.BAK'");
  CHECK(why("/x/a.O") == "--exclude-larger-than");
  CHECK(why("/x/other", EntryKind::symlink).empty());
}

TEST_CASE("what cannot be understood names its flag") {
  const TemporaryFolder folder;
  write_file(folder / "patterns", "good\nb[ad\n");
  const auto message = [](PatternFlag flag) {
    FilterOptions options;
    options.patterns = {std::move(flag)};
    const auto filter = Filter::create(options);
    REQUIRE_FALSE(filter);
    return filter.error().message;
  };
  CHECK(message({"["}).starts_with("--exclude: "));
  CHECK(message({"[", false, true}).starts_with("--iexclude: "));
  CHECK(message({folder / "patterns", true})
            .starts_with("--exclude-file: " + (folder / "patterns") + ":2: "));
  CHECK(message({folder / "none", true, true}).starts_with("--iexclude-file: "));
}

TEST_CASE("files above the limit are left out, and only files") {
  FilterOptions options;
  options.larger_than = 1000;
  const Filter filter = filter_of(options);
  CHECK_FALSE(filter.keeps_all_in({}));
  SourceStatus status;
  status.size = 1000;
  CHECK(filter.judge({}, "/a", status).fate == Fate::keep);
  status.size = 1001;
  CHECK(filter.judge({}, "/a", status).fate == Fate::leave_out);
  status.kind = EntryKind::directory;
  CHECK(filter.judge({}, "/a", status).fate == Fate::keep);
  CHECK(filter_of(FilterOptions()).judge({}, "/a", status).fate == Fate::keep);
  CHECK(filter_of(FilterOptions()).keeps_all_in({}));
}

TEST_CASE("what has the nodump flag is left out if that is wished for") {
  FilterOptions options;
  options.exclude_nodump = true;
  SourceStatus status;
  CHECK(filter_of(options).judge({}, "/a", status).fate == Fate::keep);
  status.is_nodump = true;
  CHECK(filter_of(options).judge({}, "/a", status).fate == Fate::leave_out);
  CHECK(filter_of(FilterOptions()).judge({}, "/a", status).fate == Fate::keep);
}

// Rules of ignore files in a folder, for entries called as if it were "/top".
class IgnoreFolder {
 public:
  explicit IgnoreFolder(bool git, const std::vector<std::string>& patterns = {}) {
    FilterOptions options;
    options.git_ignore = git;
    for (const std::string& text : patterns) options.patterns.push_back({text});
    filter_ = filter_of(options);
  }
  void write(const std::string& name, std::string_view content) {
    write_file(folder_ / name, content);
  }
  void make_folder(const std::string& name) {
    REQUIRE(::mkdir((folder_ / name).c_str(), 0755) == 0);
  }
  // Down the folders of a path to what it names, a folder if it ends in '/'.
  Decision decide(std::string path) {
    notes_.clear();
    const bool is_folder = path.ends_with('/');
    if (is_folder) path.pop_back();
    FolderRules rules;
    Decision decision;
    for (std::size_t end = 0;; end = path.find('/', end + 1)) {
      const std::string here = path.substr(0, end);
      if (end != 0) {
        const bool is_last = end == std::string::npos;
        decision = filter_->judge(
            rules, "/top" + here,
            status_of(is_last && !is_folder ? EntryKind::file : EntryKind::directory));
        if (is_last || decision.fate == Fate::leave_out) return decision;
      }
      const File open = *open_file(folder_ / ("." + here), O_RDONLY | O_DIRECTORY);
      rules = filter_->inside(rules, decision, open.descriptor(), "/top" + here,
                              *list_names(open.descriptor()),
                              [&](const std::string& note) { notes_.push_back(note); });
      held_.push_back(rules);
    }
  }
  bool keeps(const std::string& path) { return decide(path).fate == Fate::keep; }
  const std::vector<std::string>& notes() const { return notes_; }
  std::string path(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
  std::optional<Filter> filter_;
  std::vector<FolderRules> held_;  // what decisions point into
  std::vector<std::string> notes_;
};

TEST_CASE("a .laganignore file holds below its folder, an inner one over the outer") {
  IgnoreFolder top(false);
  top.make_folder("sub");
  top.write(".laganignore", "*.o\n/build\nsub/only\ndocs/\n");
  top.write("sub/.laganignore", "!keep.o\nbuild\n");
  CHECK_FALSE(top.keeps("/a.o"));
  CHECK_FALSE(top.keeps("/sub/a.o"));
  CHECK(top.keeps("/sub/keep.o"));
  CHECK_FALSE(top.keeps("/keep.o"));
  CHECK_FALSE(top.keeps("/build"));
  CHECK_FALSE(top.keeps("/sub/build"));
  CHECK_FALSE(top.keeps("/sub/only"));
  CHECK_FALSE(top.keeps("/docs/"));
  CHECK(top.keeps("/docs"));
  CHECK(top.decide("/sub/build").why() == "/top/sub/.laganignore:2 'build'");
}

TEST_CASE("the command line has the last word, then .laganignore, then .gitignore") {
  IgnoreFolder top(true, {"!wanted", "unwanted"});
  top.write(".laganignore", "wanted\nb\n!c\n!unwanted\n");
  top.write(".gitignore", "a\n!b\nc\n");
  CHECK(top.keeps("/wanted"));
  CHECK_FALSE(top.keeps("/unwanted"));
  CHECK_FALSE(top.keeps("/a"));
  CHECK_FALSE(top.keeps("/b"));
  CHECK(top.keeps("/c"));
}

TEST_CASE(".gitignore files count only if that is wished for") {
  IgnoreFolder top(false);
  top.write(".gitignore", "a\n");
  CHECK(top.keeps("/a"));
}

TEST_CASE("what git ignores it does not take back below, but .laganignore does") {
  IgnoreFolder top(true);
  top.make_folder("made");
  top.make_folder("other");
  top.write(".gitignore", "made/\n!keep\nother/*\n!other/keep\n");
  CHECK_FALSE(top.keeps("/made/keep"));
  CHECK(top.keeps("/other/keep"));
  CHECK_FALSE(top.keeps("/other/drop"));
  top.write(".laganignore", "!made/keep\n");
  CHECK(top.keeps("/made/keep"));
  CHECK_FALSE(top.keeps("/made/drop"));
}

TEST_CASE("a git repository has its own excludes and knows nothing of the rules around it") {
  IgnoreFolder top(true);
  top.make_folder("repository");
  top.make_folder("repository/.git");
  top.make_folder("repository/.git/info");
  top.write(".gitignore", "a\n");
  top.write("repository/.git/info/exclude", "b\nc\n");
  top.write("repository/.gitignore", "!c\n");
  CHECK_FALSE(top.keeps("/a"));
  CHECK(top.keeps("/b"));
  CHECK(top.keeps("/repository/a"));
  CHECK_FALSE(top.keeps("/repository/b"));
  CHECK(top.keeps("/repository/c"));
}

TEST_CASE("an ignore file that makes no sense leaves nothing out and is told") {
  IgnoreFolder top(false);
  top.write(".laganignore", "a\nb[\n");
  CHECK_FALSE(top.keeps("/a"));
  CHECK(top.keeps("/b["));
  REQUIRE(top.notes().size() == 1);
  CHECK(top.notes().front().starts_with("/top/.laganignore:2: "));
  ::unlink(top.path(".laganignore").c_str());
  REQUIRE(::mkfifo(top.path(".laganignore").c_str(), 0600) == 0);
  CHECK(top.keeps("/a"));
  REQUIRE(top.notes().size() == 1);
  CHECK(top.notes().front().starts_with("/top/.laganignore: is no regular file"));
}

}  // namespace
}  // namespace lagan
