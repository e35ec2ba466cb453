// SPDX-License-Identifier: Apache-2.0
#include "repo/client_memory.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/repo/samples.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

TEST_CASE("the cache is for its owner only, and other backup programs leave it out") {
  const TemporaryFolder folder;
  const std::string root = folder / "new/cache";
  const ClientMemory memory(root);
  const auto made = memory.repository_folder(samples::id<RepositoryId>(1));
  REQUIRE(made);
  CHECK(mode_of(root) == 0700);
  CHECK(mode_of(*made) == 0700);
  const auto tag = read_file(root + "/CACHEDIR.TAG", 1000);
  REQUIRE(tag);
  CHECK(as_text(*tag).starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
  CHECK(*memory.repository_folder(samples::id<RepositoryId>(1)) == *made);
  CHECK(*memory.repository_folder(samples::id<RepositoryId>(2)) != *made);
}

TEST_CASE("what was seen at a location is recalled until it is forgotten") {
  const TemporaryFolder folder;
  const ClientMemory memory(folder / "cache");
  CHECK_FALSE(memory.recall("sftp://here"));
  REQUIRE(memory.remember("sftp://here", {samples::id<RepositoryId>(1), 3, {}}));
  REQUIRE(memory.remember("sftp://there", {samples::id<RepositoryId>(2), 4, {}}));
  CHECK(memory.recall("sftp://here")->repository == samples::id<RepositoryId>(1));
  CHECK(memory.recall("sftp://here")->config_revision == 3);
  REQUIRE(memory.remember("sftp://here", {samples::id<RepositoryId>(1), 5, {}}));
  CHECK(memory.recall("sftp://here")->config_revision == 5);
  REQUIRE(memory.forget("sftp://here"));
  CHECK_FALSE(memory.recall("sftp://here"));
  CHECK(memory.recall("sftp://there")->config_revision == 4);
  CHECK(memory.forget("sftp://here"));
}

TEST_CASE("a damaged memory is no memory") {
  const TemporaryFolder folder;
  const ClientMemory memory(folder / "cache");
  REQUIRE(memory.remember("here", {samples::id<RepositoryId>(1), 3, {}}));
  for (const auto& file : std::filesystem::directory_iterator(folder / "cache/locations")) {
    SUBCASE("cut") { std::ofstream(file.path(), std::ios::trunc) << "short"; }
    SUBCASE("longer") { std::ofstream(file.path(), std::ios::app) << "more"; }
    SUBCASE("changed") {
      std::fstream changed(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      changed.put('\xee');
    }
    SUBCASE("empty") { std::ofstream(file.path(), std::ios::trunc) << ""; }
  }
  CHECK_FALSE(memory.recall("here"));
  CHECK(memory.remember("here", {samples::id<RepositoryId>(1), 3, {}}));
  CHECK(memory.recall("here"));
}

constexpr Nanoseconds kDay = std::int64_t{24} * 3600 * 1'000'000'000;
constexpr Nanoseconds kNow = samples::kCreated;

void fill(const ClientMemory& memory, unsigned char number, Nanoseconds used) {
  const auto id = samples::id<RepositoryId>(number);
  std::ofstream(*memory.repository_folder(id) + "/file") << std::string(100'000, 'x');
  memory.mark_used(id, used);
}

std::vector<RepositoryId> kept(const ClientMemory& memory) {
  std::vector<RepositoryId> ids;
  const auto folders = memory.folders();
  REQUIRE(folders);
  for (const auto& folder : *folders) ids.push_back(folder.repository);
  return ids;
}

TEST_CASE("folders are listed by when they were used, with what they take") {
  const TemporaryFolder folder;
  const ClientMemory memory(folder / "cache");
  CHECK(memory.folders()->empty());
  fill(memory, 1, kNow - kDay);
  fill(memory, 2, kNow - 3 * kDay);
  REQUIRE(memory.remember("here", {samples::id<RepositoryId>(1), 3, {}}));
  const auto folders = memory.folders();
  REQUIRE(folders);
  REQUIRE(folders->size() == 2);
  CHECK((*folders)[0].repository == samples::id<RepositoryId>(2));
  CHECK((*folders)[0].used == kNow - 3 * kDay);
  CHECK((*folders)[0].size_bytes >= 100'000);
  REQUIRE(memory.remove((*folders)[0]));
  CHECK(kept(memory) == std::vector{samples::id<RepositoryId>(1)});
}

TEST_CASE("above the limit the longest unused go, but not the one in use nor what is fresh") {
  const TemporaryFolder folder;
  const ClientMemory memory(folder / "cache");
  const auto in_use = samples::id<RepositoryId>(1);
  fill(memory, 1, kNow - 40 * kDay);
  fill(memory, 2, kNow - 30 * kDay);
  fill(memory, 3, kNow - 20 * kDay);
  fill(memory, 4, kNow - kDay / 2);
  SUBCASE("below the limit nothing goes") {
    REQUIRE(memory.prune(1'000'000, in_use, kNow));
    CHECK(kept(memory).size() == 4);
  }
  SUBCASE("only as many as it takes") {
    REQUIRE(memory.prune(350'000, in_use, kNow));
    CHECK(kept(memory) ==
          std::vector{in_use, samples::id<RepositoryId>(3), samples::id<RepositoryId>(4)});
  }
  SUBCASE("what may be in use stays, whatever the limit") {
    REQUIRE(memory.prune(0, in_use, kNow));
    CHECK(kept(memory) == std::vector{in_use, samples::id<RepositoryId>(4)});
  }
}

TEST_CASE("pruning looks once a day only, and again when the clock was wrong") {
  const TemporaryFolder folder;
  const ClientMemory memory(folder / "cache");
  const auto in_use = samples::id<RepositoryId>(1);
  REQUIRE(memory.repository_folder(in_use));
  REQUIRE(memory.prune(0, in_use, kNow));
  fill(memory, 2, kNow - 30 * kDay);
  REQUIRE(memory.prune(0, in_use, kNow + kDay - 1));
  CHECK(kept(memory).size() == 2);
  SUBCASE("a day later") { REQUIRE(memory.prune(0, in_use, kNow + kDay)); }
  SUBCASE("before the last time") { REQUIRE(memory.prune(0, in_use, kNow - kDay)); }
  CHECK(kept(memory).size() == 1);
}

}  // namespace
}  // namespace lagan
