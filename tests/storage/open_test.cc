// SPDX-License-Identifier: Apache-2.0
#include "storage/open.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"

namespace lagan {

TEST_CASE("every spelling of a folder opens that folder") {
  struct Spelling {
    const char* location;
    const char* folder;
  };
  const Spelling spellings[] = {
      {"/srv/backup", "/srv/backup"},
      {"/srv/backup///", "/srv/backup"},
      {"/", "/"},
      {".", "."},
      {"backup", "backup"},
      {"./backup/", "./backup"},
      {"../a/b:c", "../a/b:c"},
      {"./with:colon", "./with:colon"},
      {"file:///srv/backup", "/srv/backup"},
      {"file:///srv/backup/", "/srv/backup"},
      {"local:/srv/backup", "/srv/backup"},
      {"local:backup", "backup"},
      {"local:odd:name", "odd:name"},
  };
  for (const Spelling& spelling : spellings) {
    INFO(spelling.location);
    const auto storage = open_storage(spelling.location);
    REQUIRE(storage);
    CHECK((*storage)->description() == spelling.folder);
  }
}

TEST_CASE("opening touches nothing, and a missing folder shows at the first call") {
  const TemporaryFolder folder;
  const auto storage = open_storage(folder / "repository").value();
  CHECK_FALSE(std::filesystem::exists(folder / "repository"));
  CHECK(storage->get(name_of("a")).error().code == ErrorCode::no_repository);
}

TEST_CASE("an unknown kind of location is refused with those that are known") {
  for (const char* location : {"s4://bucket", "x:", "x:y", "C:\\backup", "user@host:path", "::"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
    CHECK(storage.error().message.starts_with("unknown kind of location '"));
    CHECK(storage.error().message.find("mem://name") != std::string::npos);
  }
  CHECK(open_storage("x:y").error().message ==
        "unknown kind of location 'x:'; known are a path, file:///path, local:path and mem://name");
}

TEST_CASE("a known kind without its place is refused") {
  for (const char* location : {"", "local:", "file:", "file://", "file://host/srv", "file:relative",
                               "file:///a%20b", "mem:", "mem:name", "mem://", "mem:///"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("the same memory name is the same store, another name another") {
  const auto first = open_storage("mem://open-test").value();
  REQUIRE(first->create());
  REQUIRE(first->put(name_of("a"), as_bytes("x")));
  CHECK(difference(*open_storage("mem://open-test/").value(), name_of("a"), as_bytes("x")) == "");
  CHECK(names_below(*open_storage("mem://open-test-2").value(), "").value().empty());
  CHECK(first->description() == "mem://open-test");
}

}  // namespace lagan
