// SPDX-License-Identifier: Apache-2.0
#include "src/engine/target_level.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/engine/target_folder.h"
#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

// A folder where two names are one file, which it lists only once if capitals are all the same to
// it.
struct Folding {
  TemporaryFolder folder;
  TargetLevel level;

  Folding() {
    level.folder = std::make_shared<const File>(*open_file(folder.path(), O_RDONLY | O_DIRECTORY));
  }
  void make_readme() {
    write_file(folder / "README", "capitals");
    REQUIRE(::link((folder / "README").c_str(), (folder / "readme").c_str()) == 0);
  }
};

TEST_CASE("an entry whose name is here that of one before it is refused") {
  Folding folding;
  folding.level.names = {{"README"}};
  SUBCASE("which was there") {
    folding.make_readme();
    CHECK(TargetLevels::occupant(folding.level, "README"));
  }
  SUBCASE("which was restored just now") {
    const auto first = TargetLevels::occupant(folding.level, "README");
    REQUIRE(first);
    CHECK_FALSE(first->has_value());
    folding.make_readme();
    TargetLevels::take(folding.level, source_status(AT_FDCWD, (folding.folder / "README").c_str()));
  }
  const auto second = TargetLevels::occupant(folding.level, "readme");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::already_exists);
}

TEST_CASE("one that only what was there before is called like is not, however often it is asked") {
  Folding folding;
  folding.level.names = {{"README"}};
  folding.make_readme();
  for (int i = 0; i < 2; ++i) {
    const auto there = TargetLevels::occupant(folding.level, "readme");
    REQUIRE(there);
    CHECK(there->has_value());
  }
}

TEST_CASE("hard links in a folder are entries of their own") {
  Folding folding;
  folding.make_readme();
  CHECK(TargetLevels::occupant(folding.level, "README"));
  CHECK(TargetLevels::occupant(folding.level, "readme"));
}

TEST_CASE("what gets its name later does not take it from what came meanwhile") {
  Folding folding;
  auto file = Replacement::create(folding.level.folder, "README", Replacement::Over::nothing);
  REQUIRE(file);
  const File open = file->take_file();
  write_file(folding.folder / "README", "meanwhile");
  CHECK_FALSE(file->commit(open.descriptor()));
  CHECK(read_text(folding.folder / "README") == "meanwhile");
  REQUIRE(::unlink((folding.folder / "README").c_str()) == 0);
  CHECK(file->commit(open.descriptor()));
  CHECK(read_text(folding.folder / "README") == "");
}

}  // namespace
}  // namespace lagan
