// SPDX-License-Identifier: Apache-2.0
#include "src/engine/fitting_xattrs.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "repo/limits.h"

namespace lagan {
namespace {

std::vector<Xattr> many(std::size_t count, std::size_t size) {
  std::vector<Xattr> xattrs{{"system.posix_acl_access", std::string(400, 'a'), {}}};
  for (std::size_t i = 0; i < count; ++i)
    xattrs.push_back({"user." + std::to_string(100'000 + i), std::string(size, 'x'), {}});
  return xattrs;
}

Entry named() {
  Entry entry;
  entry.name = "file";
  return entry;
}

TEST_CASE("xattrs that an entry can hold are all kept, and the entry is as it was read") {
  for (const auto& fitting : {many(0, 0), many(1023, 10), many(400, 500)}) {
    Entry entry = named();
    CHECK_FALSE(set_xattrs(entry, fitting));
    CHECK(entry.xattrs == fitting);
    CHECK(entry.state == EntryState::as_read);
    CHECK(decode_entry(as_bytes(encode(entry))));
  }
}

TEST_CASE("of too many xattrs as few as possible are left out, those of the system last") {
  auto found = many(1100, 10);
  found.back().value = std::string(300, 'y');
  Entry entry = named();
  const auto wrong = set_xattrs(entry, found);
  REQUIRE(wrong);
  CHECK(wrong->message.find("1101 extended attributes") != std::string::npos);
  CHECK(wrong->message.find("the 77 largest") != std::string::npos);
  CHECK(entry.xattrs.size() == limits::kXattrsPerEntry);
  CHECK(entry.xattrs.front() == found.front());
  CHECK(std::ranges::find(entry.xattrs, found.back()) == entry.xattrs.end());
  CHECK(std::ranges::is_sorted(entry.xattrs, {}, &Xattr::name));
  CHECK(entry.state == EntryState::partly_unreadable);
  CHECK(decode_entry(as_bytes(encode(entry))));
}

TEST_CASE("xattrs that are too long together leave room for content, and for no more") {
  const auto found = many(600, 500);
  Entry entry = named();
  REQUIRE(set_xattrs(entry, found));
  CHECK(entry.xattrs.front() == found.front());
  const std::size_t left = limits::kEntryBytes - encode(entry).size();
  CHECK(left >= 4096 - 10);  // the state is part of that room
  CHECK(left < 4096 + 600);
  // A file of 16 slices and all that an entry can have beside them.
  for (int i = 0; i < 16; ++i) entry.slices.push_back({ChunkId{}, 1 << 20, 1 << 20});
  entry.inline_content = std::string(256, 'x');
  CHECK(decode_entry(as_bytes(encode(entry))));
}

}  // namespace
}  // namespace lagan
