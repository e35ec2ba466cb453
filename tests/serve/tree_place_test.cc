// SPDX-License-Identifier: Apache-2.0
#include "src/serve/tree_place.h"

#include <doctest/doctest.h>

#include "tests/serve/memory_site.h"

namespace lagan {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("a URL is names, and names are a URL again, whatever bytes they have") {
  const Names names = {"a b", "100%", "\xff?#&", "\u00e9", "<x>"};
  const std::string url = url_of(names, UrlOf::file);
  CHECK(url == "/a%20b/100%25/%FF%3F%23%26/%C3%A9/%3Cx%3E");
  CHECK(*names_of_url(url) == names);
  CHECK(url_of(names, UrlOf::folder) == url + "/");
  CHECK(*names_of_url(url + "/") == names);
  CHECK(url_of({}, UrlOf::folder) == "/");
  CHECK(names_of_url("/")->empty());
  CHECK(*names_of_url("//a///./b/.") == Names{"a", "b"});
}

TEST_CASE("names that nothing can have are refused") {
  for (const char* url : {"", "a", "*", "http://host/a", "/..", "/a/../b", "/%2e", "/%2e%2e",
                          "/%2E%2e/x", "/a%2fb", "/a%00", "/%", "/%4", "/%zz"}) {
    INFO(url);
    const auto names = names_of_url(url);
    REQUIRE(!names);
    CHECK(names.error().code == ErrorCode::invalid_argument);
  }
  CHECK(!names_of_url("/" + std::string(5000, 'a')));
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "/a";
  CHECK(!names_of_url(deep));
}

TEST_CASE("a place knows its snapshot, and forgets its nodes when it goes") {
  MemorySite with;
  with.add({with.memory.folder("home", {file_entry("file", "text")})});
  {
    const auto place = TreePlace::find(with.tree, {"ids", "01000000", "home", "file"});
    REQUIRE(place);
    CHECK(S_ISREG((*place)->node().status.st_mode));
    REQUIRE((*place)->snapshot());
    CHECK((*place)->snapshot()->id == with.snapshots[0].id);
    CHECK((*place)->names_in_snapshot() == Names{"home", "file"});
    CHECK((*place)->name() == "file");
    CHECK(with.tree.nodes() == 2);
  }
  CHECK(with.tree.nodes() == 0);
  for (const Names& names :
       {Names{"nothing"}, Names{"ids", "01000000", "home", "file", "below"}, Names{"ids", "02"}}) {
    const auto place = TreePlace::find(with.tree, names);
    REQUIRE(!place);
    CHECK(place.error().code == ErrorCode::not_found);
    CHECK(with.tree.nodes() == 0);
  }
  CHECK(!(*TreePlace::find(with.tree, {"ids"}))->snapshot());
  CHECK(!(*TreePlace::find(with.tree, {"versions", "home"}))->snapshot());
}

TEST_CASE("links of the tree lead on, links that were saved do not") {
  MemorySite with;
  Entry link;
  link.name = "link";
  link.kind = EntryKind::symlink;
  link.link_target = "home";
  with.add({with.memory.folder("home", {file_entry("file", "text")}), link});
  const auto place = TreePlace::find(with.tree, {"latest", "home", "file"});
  REQUIRE(place);
  CHECK((*place)->names() == Names{"latest", "home", "file"});
  CHECK((*place)->names_in_snapshot() == Names{"home", "file"});
  CHECK(TreePlace::find(with.tree, {"hosts", "attic", "latest", "home"}));
  CHECK(!TreePlace::find(with.tree, {"latest", "link", "file"}));
  CHECK(S_ISLNK((*TreePlace::find(with.tree, {"latest", "link"}))->node().status.st_mode));
  with.tree.settle();
}

}  // namespace
}  // namespace lagan
