// SPDX-License-Identifier: Apache-2.0
// Two hosts that save the same at once leave it in two packs. One of them may be damaged.

#include <doctest/doctest.h>

#include "repo/damaged_packs.h"
#include "src/engine/prune.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

struct Twice {
  TestClient client;
  SnapshotId snapshot;
  std::map<std::string, std::string> state;
  std::vector<std::string> first, second;  // the packs

  Twice() {
    for (std::uint64_t i = 0; i < 5; ++i) {
      write_file(client / ("file-" + std::to_string(i)),
                 as_text(random_content(200'000, i).span()));
    }
    client.let_settle();
    state = describe_tree(client.source());
    client.back_up_well();
    first = packs();
    // What a check has found damaged is stored again.
    std::unordered_set<PackId> all;
    for (const std::string& name : first)
      all.insert(*names::id_of<PackId>(*ObjectName::parse(name)));
    remember_damaged_packs(*client.repository, all, {});
    snapshot = *client.back_up_well().result.snapshot;
    for (const std::string& name : packs()) {
      if (std::ranges::find(first, name) == first.end()) second.push_back(name);
    }
    remember_damaged_packs(*client.repository, {}, all);
    REQUIRE(second.size() >= 2);
  }
  std::vector<std::string> packs() const {
    auto found = client.repository.names("data/");
    for (const std::string& name : client.repository.names("tree/")) found.push_back(name);
    return found;
  }
  void cut(const std::string& name) {
    const Bytes whole = *client.repository.storage->get(*ObjectName::parse(name));
    client.repository.overwrite(name, whole.span().first(whole.size() / 4));
  }
};

TEST_CASE("a restore takes from another pack what is damaged in one") {
  Twice twice;
  TestRepository& repository = twice.client.repository;
  std::vector<std::string> chosen = twice.first;
  bool is_cut = false;
  SUBCASE("the first is changed") {}
  SUBCASE("the second is changed") { chosen = twice.second; }
  SUBCASE("the first is cut") { is_cut = true; }
  SUBCASE("the second is cut") {
    chosen = twice.second;
    is_cut = true;
  }
  for (const std::string& name : chosen) {
    if (is_cut) {
      twice.cut(name);
    } else {
      repository.damage(name, repository.size_of(name) / 3);
    }
  }
  const Restored restored = twice.client.restore_source(twice.snapshot, twice.client.work("back"));
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(difference(twice.state, describe_tree(twice.client.work("back"))) == "");
}

TEST_CASE("a collection does not choose between a pack that was cut short and a whole one") {
  Twice twice;
  SUBCASE("the first") { twice.cut(twice.first.front()); }
  SUBCASE("the second") { twice.cut(twice.second.front()); }
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  CollectingObserver observer;
  const auto before = twice.packs();
  const auto pruned = prune(*twice.client.repository, options, observer);
  REQUIRE_FALSE(pruned);
  CHECK(pruned.error().message.find("repair packs") != std::string::npos);
  CHECK(twice.packs() == before);
}

}  // namespace
}  // namespace lagan
