// SPDX-License-Identifier: Apache-2.0
#include "src/engine/filter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

bool matches(std::string_view pattern, std::string_view path, bool ignore_case = false) {
  const auto parsed = PathPattern::parse(pattern, ignore_case);
  REQUIRE_MESSAGE(parsed, pattern);
  return parsed->matches(path);
}

Filter filter_of(const FilterOptions& options) {
  auto filter = Filter::create(options);
  REQUIRE_MESSAGE(filter, filter.error().message);
  return *std::move(filter);
}

bool excludes(const std::vector<std::string>& patterns, std::string_view path) {
  FilterOptions options;
  options.excludes = patterns;
  return filter_of(options).excludes(path, SourceStatus());
}

TEST_CASE("a component pattern matches the whole name") {
  CHECK(glob_matches("name", "name"));
  CHECK_FALSE(glob_matches("name", "names"));
  CHECK_FALSE(glob_matches("name", "nam"));
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("*.o", "a.o"));
  CHECK(glob_matches("*.o", ".o"));
  CHECK_FALSE(glob_matches("*.o", "a.oo"));
  CHECK(glob_matches("a*b*c", "abbbxc"));
  CHECK_FALSE(glob_matches("a*b*c", "acb"));
  CHECK(glob_matches("?", "x"));
  CHECK_FALSE(glob_matches("?", ""));
  CHECK_FALSE(glob_matches("?", "xy"));
  CHECK(glob_matches("\\*", "*"));
  CHECK_FALSE(glob_matches("\\*", "x"));
  CHECK(glob_matches("\\[a]", "[a]"));
}

TEST_CASE("brackets match one character of a set or a range") {
  CHECK(glob_matches("[abc]", "b"));
  CHECK_FALSE(glob_matches("[abc]", "d"));
  CHECK_FALSE(glob_matches("[abc]", ""));
  CHECK_FALSE(glob_matches("[abc]", "ab"));
  CHECK(glob_matches("x[a-c]y", "xby"));
  CHECK_FALSE(glob_matches("x[a-c]y", "xdy"));
  CHECK(glob_matches("[^a-c]", "d"));
  CHECK(glob_matches("[!a-c]", "d"));
  CHECK_FALSE(glob_matches("[!a-c]", "b"));
  CHECK(glob_matches("[]]", "]"));
  CHECK(glob_matches("[a-]", "-"));
  CHECK(glob_matches("[\\]]", "]"));
  CHECK(glob_matches("*[0-9]", "file7"));
  // Bytes above 127 are characters like others.
  CHECK(glob_matches("[a-\xff]", "\xe4"));
  CHECK(glob_matches("[\x80-\xff]", "\xe4"));
  CHECK_FALSE(glob_matches("[\x80-\xff]", "a"));
}

TEST_CASE("without regard to case, sets and ranges mean both cases") {
  CHECK(glob_matches("NAME", "name", true));
  CHECK(glob_matches("name", "NAME", true));
  CHECK_FALSE(glob_matches("NAME", "name"));
  CHECK(glob_matches("[A-Z]", "q", true));
  CHECK(glob_matches("[A-Z]", "Q", true));
  CHECK(glob_matches("[a-z]", "Q", true));
  CHECK(glob_matches("[Q]", "q", true));
  CHECK(glob_matches("[q]", "Q", true));
  CHECK_FALSE(glob_matches("[A-Z]", "1", true));
  CHECK_FALSE(glob_matches("[!A-Z]", "q", true));
  CHECK_FALSE(glob_matches("[!a-z]", "Q", true));
  CHECK_FALSE(glob_matches("[A-Z]", "q"));
  CHECK(matches("IMG_[A-F]*.JPG", "/photos/img_c1.jpg", true));
}

TEST_CASE("a pattern without a slash in front matches at any depth") {
  CHECK(matches("cache", "/cache"));
  CHECK(matches("cache", "/home/ann/cache"));
  CHECK(matches("ann/cache", "/home/ann/cache"));
  CHECK_FALSE(matches("ann/cache", "/home/ann/other/cache"));
  CHECK_FALSE(matches("cache", "/home/caches"));
}

TEST_CASE("a pattern with a slash in front begins at the root") {
  CHECK(matches("/home/*/cache", "/home/ann/cache"));
  CHECK_FALSE(matches("/cache", "/home/cache"));
  CHECK_FALSE(matches("/home", "/mnt/home"));
  CHECK(matches("/home/", "/home"));
}

TEST_CASE("what lies below a match is matched too") {
  CHECK(matches("/home/ann", "/home/ann/a/b/c"));
  CHECK(matches("cache", "/home/cache/a/b"));
  CHECK_FALSE(matches("/home/ann/a", "/home/ann"));
}

TEST_CASE("stars and question marks stay within a component") {
  CHECK(matches("/home/*", "/home/ann"));
  CHECK_FALSE(matches("/*/cache", "/home/ann/cache"));
  CHECK_FALSE(matches("/a*c", "/a/c"));
  CHECK_FALSE(matches("/a?c", "/a/c"));
  CHECK_FALSE(matches("/a[!b]c", "/a/c/x"));
}

TEST_CASE("two stars span components") {
  CHECK(matches("/home/**/cache", "/home/cache"));
  CHECK(matches("/home/**/cache", "/home/ann/cache"));
  CHECK(matches("/home/**/cache", "/home/ann/x/y/cache"));
  CHECK_FALSE(matches("/home/**/cache", "/mnt/ann/cache"));
  CHECK(matches("**/cache", "/a/b/cache"));
  CHECK(matches("/a/**/b/**/c", "/a/x/b/y/z/c"));
  CHECK_FALSE(matches("/a/**/b/**/c", "/a/x/y/z/c"));
  // At the end they mean what lies below, not the folder itself.
  CHECK(matches("/home/**", "/home/ann"));
  CHECK(matches("/home/**", "/home/ann/x"));
  CHECK_FALSE(matches("/home/**", "/home"));
  CHECK(matches("cache/**", "/home/cache/x"));
  CHECK_FALSE(matches("cache/**", "/home/cache"));
}

TEST_CASE("only anchored patterns can say that nothing below a folder matches") {
  const auto may = [](std::string_view pattern, std::string_view folder) {
    return PathPattern::parse(pattern)->may_match_below(folder);
  };
  CHECK(may("/home/ann/docs", "/home"));
  CHECK(may("/home/ann/docs", "/home/ann/docs/deep"));
  CHECK_FALSE(may("/home/ann/docs", "/mnt"));
  CHECK_FALSE(may("/home/ann/docs", "/home/bob"));
  CHECK(may("/home/**/docs", "/home/bob/x"));
  CHECK(may("docs", "/mnt"));
}

TEST_CASE("of several patterns the last that matches decides") {
  CHECK(excludes({"*.o"}, "/src/a.o"));
  CHECK_FALSE(excludes({"*.o", "!keep.o"}, "/src/keep.o"));
  CHECK(excludes({"*.o", "!keep.o"}, "/src/other.o"));
  CHECK(excludes({"!keep.o", "*.o"}, "/src/keep.o"));
  CHECK(excludes({"*.o", "!keep.o", "/tmp/keep.o"}, "/tmp/keep.o"));
  CHECK_FALSE(excludes({"!keep.o"}, "/src/keep.o"));
  CHECK_FALSE(excludes({}, "/src/keep.o"));
}

TEST_CASE("patterns that make no sense are refused") {
  for (const char* text :
       {"", "!", "/", "a[b", "[", "[]", "[!]", "[^]", "[\\]", "[a\\]", "x/[/]"}) {
    CAPTURE(text);
    const auto parsed = PathPattern::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("pattern files have a pattern a line, and comments") {
  const TemporaryFolder folder;
  write_file(folder / "patterns", "# what is made again\n*.o\r\n\n  \n!keep.o  \n/tmp");
  write_file(folder / "any case", "*.BAK\n");
  FilterOptions options;
  options.excludes = {"first"};
  options.exclude_files = {folder / "patterns"};
  options.exclude_files_ignoring_case = {folder / "any case"};
  const Filter filter = filter_of(options);
  CHECK(filter.patterns() == std::vector<std::string>{"first", "*.o", "!keep.o", "/tmp", "*.BAK"});
  CHECK(filter.excludes("/x/a.o", SourceStatus()));
  CHECK_FALSE(filter.excludes("/x/keep.o", SourceStatus()));
  CHECK(filter.excludes("/tmp", SourceStatus()));
  CHECK_FALSE(filter.excludes("/tmp/x", SourceStatus()));  // nobody asks: it lies below
  CHECK(filter.excludes("/x/a.bak", SourceStatus()));
  CHECK_FALSE(filter.excludes("/x/a.O", SourceStatus()));

  write_file(folder / "patterns", "good\nb[ad\n");
  const auto bad = Filter::create(options);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find(folder / "patterns") != std::string::npos);
  options.exclude_files = {folder / "missing"};
  CHECK(Filter::create(options).error().code == ErrorCode::not_found);
}

TEST_CASE("files above the limit are left out, and only files") {
  FilterOptions options;
  options.larger_than = 1000;
  const Filter filter = filter_of(options);
  CHECK_FALSE(filter.is_empty());
  SourceStatus status;
  status.size = 1000;
  CHECK_FALSE(filter.excludes("/a", status));
  status.size = 1001;
  CHECK(filter.excludes("/a", status));
  status.kind = EntryKind::directory;
  CHECK_FALSE(filter.excludes("/a", status));
  CHECK_FALSE(filter_of({}).excludes("/a", status));
  CHECK(filter_of({}).is_empty());
}

// A folder with this content in this file.
bool is_left_out(const Filter& filter, const std::string& name, std::string_view content) {
  const TemporaryFolder folder;
  write_file(folder / name, content);
  const File open = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  return filter.excludes_content_of(open.descriptor());
}

constexpr std::string_view kCacheTag = "Signature: 8a477f597d28d172789f06886806bc55";

TEST_CASE("a cache is a folder whose CACHEDIR.TAG begins with the signature") {
  FilterOptions options;
  options.exclude_caches = true;
  const Filter filter = filter_of(options);
  CHECK(is_left_out(filter, "CACHEDIR.TAG", kCacheTag));
  CHECK(is_left_out(filter, "CACHEDIR.TAG", std::string(kCacheTag) + "\n# of lagan\n"));
  CHECK_FALSE(is_left_out(filter, "CACHEDIR.TAG", kCacheTag.substr(1)));
  CHECK_FALSE(is_left_out(filter, "CACHEDIR.TAG", kCacheTag.substr(0, kCacheTag.size() - 1)));
  CHECK_FALSE(is_left_out(filter, "CACHEDIR.TAG", ""));
  CHECK_FALSE(is_left_out(filter, "cachedir.tag", kCacheTag));
  CHECK_FALSE(is_left_out(filter_of({}), "CACHEDIR.TAG", kCacheTag));
}

TEST_CASE("a marker leaves a folder out by its name or by how it begins") {
  FilterOptions options;
  options.exclude_if_present = {".nobackup", "tag:leave: me"};
  const Filter filter = filter_of(options);
  CHECK(is_left_out(filter, ".nobackup", ""));
  CHECK(is_left_out(filter, "tag", "leave: me, please"));
  CHECK_FALSE(is_left_out(filter, "tag", "leave"));
  CHECK_FALSE(is_left_out(filter, "tag", "do not leave: me"));
  CHECK_FALSE(is_left_out(filter, "other", ""));

  for (const char* text : {"", ":header"}) {
    options.exclude_if_present = {text};
    CHECK(Filter::create(options).error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("a marker that is a link or a pipe is not followed nor waited for") {
  FilterOptions options;
  options.exclude_if_present = {"tag:leave"};
  const Filter filter = filter_of(options);
  const TemporaryFolder folder;
  write_file(folder / "elsewhere", "leave");
  const File open = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  REQUIRE(::symlink("elsewhere", (folder / "tag").c_str()) == 0);
  CHECK_FALSE(filter.excludes_content_of(open.descriptor()));
  REQUIRE(::unlink((folder / "tag").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "tag").c_str(), 0600) == 0);
  CHECK_FALSE(filter.excludes_content_of(open.descriptor()));
}

}  // namespace
}  // namespace lagan
