// SPDX-License-Identifier: Apache-2.0

// What `check` reads of packs and files if it is asked to: in which order, for how long, and what
// it remembers of it. And that it never writes.

#include "repo/place_memory.h"
#include "src/engine/check_packs.h"
#include "src/engine/forget.h"
#include "src/engine/prune.h"
#include "src/engine/trial_restore.h"
#include "tests/damage/sample.h"

namespace lagan {
namespace {

constexpr Nanoseconds kMinute = Nanoseconds{60} * 1'000'000'000;
constexpr Nanoseconds kDay = 24 * 60 * kMinute;

// Three backups, so six packs. Reading one takes a minute of this repository's clock.
class Stored {
 public:
  Stored() {
    std::filesystem::create_directories(folder_ / "source");
    for (std::uint64_t i = 0; i < 3; ++i) {
      write_source(folder_ / "source", i);
      Troubles observer;
      REQUIRE(backup(*made_, small_backup(folder_ / "source"), observer));
    }
    storage().before = [this](const std::string& call) -> Result<void> {
      if (is_pack_read(call)) now_ += kMinute;
      return {};
    };
    packs_ = made_.names("data/");
    const auto trees = made_.names("tree/");
    packs_.insert(packs_.end(), trees.begin(), trees.end());
    REQUIRE(packs_.size() == 6);
  }

  // All flags but those for trees, which would read packs as well.
  static CheckOptions packs_only() {
    CheckOptions options;
    options.read.kind = ReadSubset::Kind::all;
    options.filter.hosts = {"elsewhere"};
    options.threads = 1;
    return options;
  }

  Checked check_with(const CheckOptions& options) {
    storage().forget_calls();
    const auto repository = made_.open_again(options_).value();
    Troubles observer;
    std::vector<Finding> findings;
    auto result = check(*repository, options, observer,
                        [&](const Finding& finding) { findings.push_back(finding); });
    return {std::move(result), std::move(findings)};
  }

  // The packs that the last check asked for, in order.
  std::vector<std::string> packs_read() {
    std::vector<std::string> names;
    for (const std::string& call : storage().calls()) {
      if (is_pack_read(call)) names.push_back(call.substr(4));
    }
    return names;
  }

  void forget_first() const {
    const auto repository = made_.open_again().value();
    REQUIRE(
        forget(*repository, {list_snapshots(*repository).value().snapshots.front().id}, "test"));
  }
  // As another machine may do at any time: what only forgotten snapshots need goes, and what shares
  // a pack with it lies elsewhere then.
  void collect() const {
    const auto repository = made_.open_again().value();
    PruneOptions options;
    options.undelete_window = 0;
    options.limits.unused_share = 0;
    Troubles observer;
    REQUIRE(prune(*repository, options, observer));
    const auto second = prune(*repository, options, observer);
    REQUIRE_MESSAGE(second, second.error().message);
    REQUIRE(second->packs_deleted > 0);
  }

  RecordingStorage& storage() { return *made_.storage; }
  const TestRepository& made() const { return made_; }
  const std::vector<std::string>& packs() const { return packs_; }
  std::string memory() const { return place_file(*made_, "verified-packs"); }
  Nanoseconds now() const { return now_; }
  void pass(Nanoseconds time) { now_ += time; }
  void lose_cache_folder() { options_.cache_folder.clear(); }

  static bool is_pack_read(const std::string& call) {
    return call.starts_with("get data/") || call.starts_with("get tree/");
  }

 private:
  OpenOptions with_cache() {
    OpenOptions options;
    options.cache_folder = folder_ / "cache";
    options.clock = [this] { return now_; };
    return options;
  }

  const TemporaryFolder folder_;
  Nanoseconds now_ = 20'000 * kDay;
  OpenOptions options_ = with_cache();
  TestRepository made_{options_};
  std::vector<std::string> packs_;
};

std::set<std::string> together(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
  std::set<std::string> all(a.begin(), a.end());
  all.insert(b.begin(), b.end());
  return all;
}

TEST_CASE("a check with little time goes on where the last one ended, then from the oldest on") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  options.max_duration = 2 * kMinute + kMinute / 2;
  const Nanoseconds begun = stored.now();
  const Checked first = stored.check_with(options);
  REQUIRE_MESSAGE(first.is_clean(), first.text());
  const auto read_first = stored.packs_read();
  CHECK(read_first.size() == 3);
  CHECK(first.result->packs_read == 3);
  CHECK(first.result->packs_left == 3);
  CHECK(first.result->verified_bytes == first.result->bytes_read);
  CHECK(first.result->recent_bytes == first.result->bytes_read);
  CHECK(first.result->verified_bytes < first.result->total_bytes);
  CHECK(first.result->verified_since == begun);

  stored.pass(kDay);
  const Checked second = stored.check_with(options);
  REQUIRE_MESSAGE(second.is_clean(), second.text());
  CHECK(together(read_first, stored.packs_read()).size() == 6);
  CHECK(second.result->verified_bytes == second.result->total_bytes);

  stored.pass(40 * kDay);
  const Checked third = stored.check_with(options);
  CHECK(stored.packs_read() == read_first);
  CHECK(third.result->verified_bytes == third.result->total_bytes);
  CHECK(third.result->recent_bytes == third.result->bytes_read);
  CHECK(third.result->recent == 30 * kDay);
}

TEST_CASE("however little time there is, a check verifies one pack more") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  options.max_duration = 0;
  std::set<std::string> read;
  for (std::size_t i = 1; i <= 6; ++i) {
    CHECK(stored.check_with(options).is_clean());
    for (const std::string& name : stored.packs_read()) read.insert(name);
    CHECK(read.size() == i);
  }
}

TEST_CASE("time is limited within a subset, too") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  options.read = {.kind = ReadSubset::Kind::share, .share = 0.5};
  options.max_duration = kMinute;
  const Checked checked = stored.check_with(options);
  CHECK(checked.result->packs_read == 1);
  CHECK(checked.result->packs_left == 2);
}

TEST_CASE("what was verified recently enough is left out") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  CHECK(stored.check_with(options).result->packs_read == 6);
  stored.pass(10 * kDay);
  options.max_age = 30 * kDay;
  const Checked spared = stored.check_with(options);
  CHECK(spared.result->packs_read == 0);
  CHECK(spared.result->packs_left == 0);
  CHECK(spared.result->recent_bytes == spared.result->total_bytes);
  options.max_age = 5 * kDay;
  CHECK(stored.check_with(options).result->packs_read == 6);
}

TEST_CASE("an interrupted check keeps what it has verified") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  options.is_stopped = [&] { return stored.packs_read().size() == 2; };
  const Checked interrupted = stored.check_with(options);
  REQUIRE_FALSE(interrupted.result);
  CHECK(interrupted.result.error().code == ErrorCode::cancelled);
  const auto read = stored.packs_read();
  options = Stored::packs_only();
  options.max_duration = 4 * kMinute;
  CHECK(stored.check_with(options).result->verified_bytes ==
        stored.check_with(options).result->total_bytes);
  CHECK(read.size() == 2);
}

TEST_CASE("what was verified is written down while packs are read, for a run may be killed") {
  Stored stored;
  std::vector<std::uintmax_t> sizes;
  CheckOptions options = Stored::packs_only();
  options.is_stopped = [&] {
    std::error_code error;
    const auto size = std::filesystem::file_size(stored.memory(), error);
    sizes.push_back(error ? 0 : size);
    return false;
  };
  CHECK(stored.check_with(options).is_clean());
  REQUIRE(sizes.size() >= 6);
  CHECK(sizes[1] == 0);
  CHECK(sizes[5] > sizes[3]);
}

TEST_CASE("a pack that is found damaged counts as never verified and is read first") {
  Stored stored;
  CheckOptions options = Stored::packs_only();
  CHECK(stored.check_with(options).is_clean());
  const std::string& victim = stored.packs().front();
  stored.made().damage(victim, 2000);
  const Checked damaged = stored.check_with(options);
  CHECK(damaged.names(victim));
  CHECK(damaged.result->verified_bytes ==
        damaged.result->total_bytes - stored.made().size_of(victim));
  options.max_duration = 0;
  CHECK_FALSE(stored.check_with(options).is_clean());
  CHECK(stored.packs_read().front() == victim);
}

TEST_CASE("a memory of verified packs that is lost, bent or from the future costs its order only") {
  Stored stored;
  const CheckOptions options = Stored::packs_only();
  CHECK(stored.check_with(options).is_clean());
  SUBCASE("lost") { std::filesystem::remove(stored.memory()); }
  SUBCASE("bent") {
    std::fstream file(stored.memory(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.put('x');
  }
  SUBCASE("cut") { std::filesystem::resize_file(stored.memory(), 50); }
  SUBCASE("from the future") { stored.pass(-kDay); }
  SUBCASE("no folder for it") { stored.lose_cache_folder(); }
  CheckOptions short_of_time = options;
  short_of_time.max_duration = 0;
  const Checked again = stored.check_with(short_of_time);
  REQUIRE_MESSAGE(again.is_clean(), again.text());
  CHECK(again.result->verified_bytes == again.result->bytes_read);
  CHECK(stored.check_with(options).result->verified_bytes == again.result->total_bytes);
}

TEST_CASE("files read whole show damage that index and trees do not") {
  Stored stored;
  CheckOptions options;
  options.trial_files = 1000;
  const Checked healthy = stored.check_with(options);
  REQUIRE_MESSAGE(healthy.is_clean(), healthy.text());
  // Of the three versions of the tree, each file once; links are no files.
  CHECK(healthy.result->trial_files > 30);
  CHECK(healthy.result->trial_files < healthy.result->files);
  CHECK(healthy.result->trial_bytes > 9'000'000);

  stored.made().damage(stored.packs().front(), 2000);
  options.trial_files = 0;
  CHECK(stored.check_with(options).is_clean());
  options.trial_files = 1000;
  const Checked damaged = stored.check_with(options);
  REQUIRE(damaged.result);
  CHECK(damaged.result->errors > 0);
  CHECK(damaged.names("/source/"));
  CHECK(damaged.names("cannot be restored"));

  options.trial_files = 5;
  CHECK(stored.check_with(options).result->trial_files == 5);
}

TEST_CASE(
    "a pack that is collected while a check reads is a note, one that is only lost an error") {
  Stored stored;
  stored.forget_first();
  const auto own = stored.storage().before;
  bool is_collected = false;
  stored.storage().before = [&](const std::string& call) -> Result<void> {
    // Before the first pack, for the order is chance: a later one may find nothing left to miss.
    if (Stored::is_pack_read(call) && !std::exchange(is_collected, true)) stored.collect();
    return own(call);
  };
  const Checked beside = stored.check_with(Stored::packs_only());
  REQUIRE(is_collected);
  CHECK_MESSAGE(beside.is_clean(), beside.text());
  CHECK(beside.text().find("was collected while this check ran") != std::string::npos);

  bool is_lost = false;
  stored.storage().before = [&](const std::string& call) -> Result<void> {
    if (call.starts_with("get data/") && !std::exchange(is_lost, true))
      REQUIRE(stored.storage().inner().remove(*ObjectName::parse(call.substr(4))));
    return own(call);
  };
  const Checked lost = stored.check_with(Stored::packs_only());
  REQUIRE(is_lost);
  CHECK_FALSE(lost.is_clean());
}

TEST_CASE("trees and files that a collection moves while they are read are found where they are") {
  CheckOptions options;
  options.trial_files = 1000;
  for (const std::string first : {"get tree/", "get data/"}) {
    CAPTURE(first);
    Stored stored;
    stored.forget_first();
    const auto own = stored.storage().before;
    bool is_collected = false;
    stored.storage().before = [&](const std::string& call) -> Result<void> {
      if (call.starts_with(first) && !std::exchange(is_collected, true)) stored.collect();
      return own(call);
    };
    const Checked beside = stored.check_with(options);
    REQUIRE(is_collected);
    CHECK_MESSAGE(beside.is_clean(), beside.text());
    CHECK(beside.result->trial_files > 30);
  }
}

TEST_CASE("a pack's directory that does not match the index is found without reading its data") {
  Stored stored;
  CheckOptions options;
  options.read_directories = true;
  const Checked healthy = stored.check_with(options);
  REQUIRE_MESSAGE(healthy.is_clean(), healthy.text());
  CHECK(healthy.result->directories_read == 6);
  CHECK(healthy.result->packs_read == 0);

  const std::string& victim = stored.packs().front();
  stored.made().damage(victim, stored.made().size_of(victim) - 200);
  options.read_directories = false;
  CHECK(stored.check_with(options).is_clean());
  options.read_directories = true;
  const Checked damaged = stored.check_with(options);
  CHECK(damaged.result->errors == 1);
  CHECK(damaged.names(victim));
  // Once only, if the pack is read whole as well.
  options.read.kind = ReadSubset::Kind::all;
  const Checked both = stored.check_with(options);
  CHECK(both.result->errors == 1);
  CHECK(both.result->directories_read == 0);
}

TEST_CASE("check writes nothing to the repository, whatever it is asked and whatever it finds") {
  Stored stored;
  stored.storage().before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("put ") || call.starts_with("remove "))
      return fail(ErrorCode::permission, call);
    return {};
  };
  SUBCASE("healthy") {}
  SUBCASE("a damaged pack") { stored.made().damage(stored.packs().front(), 2000); }
  SUBCASE("a missing pack") {
    REQUIRE(stored.storage().inner().remove(*ObjectName::parse(stored.packs().front())));
  }
  SUBCASE("a damaged segment") { stored.made().damage(stored.made().names("index/").front(), 200); }
  const auto objects = stored.made().names("");
  CheckOptions options;
  options.read.kind = ReadSubset::Kind::all;
  options.max_duration = kDay;
  options.max_age = kDay;
  options.read_directories = true;
  options.trial_files = 10;
  const Checked checked = stored.check_with(options);
  REQUIRE_MESSAGE(checked.result, checked.text());
  CHECK(stored.storage().calls("put ").empty());
  CHECK(stored.storage().calls("remove ").empty());
  CHECK(stored.made().names("") == objects);
}

TEST_CASE("each file is as likely to be drawn as any other") {
  std::map<std::string, int> drawn;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    TrialRestore trial(2, seed);
    for (int i = 0; i < 10; ++i) {
      if (TrialRestore::File* const place = trial.draw()) place->where = std::to_string(i);
    }
    CHECK(trial.drawn().size() == 2);
    for (const TrialRestore::File& file : trial.drawn()) ++drawn[file.where];
  }
  for (int i = 0; i < 10; ++i) {
    INFO(i);
    CHECK(drawn[std::to_string(i)] > 320);  // 400 of 2,000, give or take
    CHECK(drawn[std::to_string(i)] < 480);
  }
}

TEST_CASE("packs are put in order by when they were verified, those that never were first") {
  std::vector<StoredPack> packs;
  for (const Nanoseconds verified : {50, 0, 20, 0, 90}) {
    StoredPack pack;
    pack.size = packs.size();
    pack.verified = verified;
    packs.push_back(pack);
  }
  put_oldest_first(packs, 60);
  REQUIRE(packs.size() == 4);
  CHECK(packs[0].size == 1);
  CHECK(packs[1].size == 3);
  CHECK(packs[2].size == 2);
  CHECK(packs[3].size == 0);
}

}  // namespace
}  // namespace lagan
