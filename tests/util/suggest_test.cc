// SPDX-License-Identifier: Apache-2.0
#include "util/suggest.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

TEST_CASE("each slip of the fingers counts one") {
  CHECK(typing_distance("backup", "backup") == 0);
  CHECK(typing_distance("bakcup", "backup") == 1);   // swapped
  CHECK(typing_distance("backp", "backup") == 1);    // left out
  CHECK(typing_distance("bacckup", "backup") == 1);  // twice
  CHECK(typing_distance("nackup", "backup") == 1);   // the key beside it
  CHECK(typing_distance("", "ls") == 2);
  CHECK(typing_distance("ls", "") == 2);
  CHECK(typing_distance("restore", "forget") == 6);
}

TEST_CASE("the closest candidate is meant, and none that is far away") {
  const std::vector<std::string> commands = {"backup", "restore", "snapshots", "ls", "list", "tag"};
  CHECK(closest("bakcup", commands) == "backup");
  CHECK(closest("snapshot", commands) == "snapshots");
  CHECK(closest("lsit", commands) == "list");
  CHECK(closest("gat", commands).empty());
  CHECK(closest("x", commands).empty());
  CHECK(closest("", commands).empty());
  CHECK(closest("frobnicate", commands).empty());
  CHECK(closest("ls", commands).empty());  // nothing is wrong with it
  CHECK(closest(std::string(100'000, 'a'), commands).empty());
}

TEST_CASE("a beginning is completed if only one word has it") {
  CHECK(closest("snap", {"snapshots", "restore"}) == "snapshots");
  CHECK(closest("keep", {"keep-last", "keep-daily"}).empty());
  CHECK(closest("re", {"restore-everything"}).empty());
}

}  // namespace
}  // namespace lagan
