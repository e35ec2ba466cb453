// SPDX-License-Identifier: Apache-2.0
#include "src/engine/path_pattern.h"

#include <doctest/doctest.h>

#include <string>

namespace lagan {
namespace {

bool matches(std::string_view pattern, std::string_view path, bool ignore_case = false) {
  const auto parsed = PathPattern::parse(pattern, ignore_case);
  REQUIRE_MESSAGE(parsed, pattern);
  return parsed->matches(path);
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

TEST_CASE("a pattern matches itself only with its whole length") {
  const auto itself = [](std::string_view pattern, std::string_view path, bool is_folder = false) {
    return PathPattern::parse(pattern)->matches_itself(path, is_folder);
  };
  CHECK(itself("a/b", "/x/a/b"));
  CHECK_FALSE(itself("a", "/a/b"));
  CHECK_FALSE(itself("/a", "/x/a"));
  CHECK(itself("a/**", "/x/a/b/c"));
  CHECK_FALSE(itself("a/**", "/x/a"));
  CHECK(itself("**", "/x"));
  CHECK(itself("a/**/c", "/a/c"));
}

TEST_CASE("a slash at the end means folders only") {
  const PathPattern pattern = *PathPattern::parse("build/");
  CHECK(pattern.matches_itself("/x/build", true));
  CHECK_FALSE(pattern.matches_itself("/x/build", false));
  CHECK(pattern.matches("/x/build/object"));
}

TEST_CASE("in an ignore file a slash in the middle ties a pattern to the folder, as one in front") {
  const auto itself = [](std::string_view line, std::string_view path) {
    return PathPattern::parse_ignore_line(line)->matches_itself(path);
  };
  CHECK(itself("a/b", "/a/b"));
  CHECK_FALSE(itself("a/b", "/x/a/b"));
  CHECK(itself("/a", "/a"));
  CHECK_FALSE(itself("/a", "/x/a"));
  CHECK(itself("a", "/x/a"));
  CHECK(itself("a/", "/x/a"));
  CHECK(itself("**/a/b", "/x/a/b"));
  CHECK(PathPattern::parse_ignore_line("!a")->is_negated());
  CHECK(itself("\\!a", "/x/!a"));
}

TEST_CASE("many stars take no longer than few") {
  std::string pattern, path;
  for (int i = 0; i < 200; ++i) {
    pattern += "/**/a";
    path += "/a/b";
  }
  // What tries every way to divide the path would not come back.
  CHECK_FALSE(matches(pattern + "/c", path + path + path));
  CHECK(matches(pattern, path));
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

}  // namespace
}  // namespace lagan
