// SPDX-License-Identifier: Apache-2.0

// A backup that is stopped, or whose storage fails, at any point: older snapshots restore, `check`
// finds no error, and the next backup works and restores.

#include "storage/fault.h"
#include "storage/retry.h"
#include "tests/damage/sample.h"

namespace lagan {
namespace {

using Operations = std::shared_ptr<std::atomic<std::uint64_t>>;

std::shared_ptr<Storage> copy_of(Storage& storage) {
  std::shared_ptr<Storage> copy = make_memory_storage();
  REQUIRE(storage.list("", [&](const ObjectInfo& info) -> Result<void> {
    return copy->put(info.name, TRY(storage.get(info.name)));
  }));
  return copy;
}

// A repository with one good snapshot, and a source that has changed since.
class Interrupted {
 public:
  Interrupted() {
    std::filesystem::create_directories(source());
    write_source(source(), 0);
    const TestRepository made;
    const auto first = backup_to(*made);
    REQUIRE_MESSAGE(first, first.error().message);
    first_ = *first->snapshot;
    first_content_ = content_of(source());
    write_source(source(), 1);
    // Much that is new, so that there are several packs and places to stop.
    write_file(source() + "/new/large", 12'000'000, 400);
    second_content_ = content_of(source());
    base_ = copy_of(made.storage->inner());
  }

  std::string source() const { return folder_ / "source"; }
  std::shared_ptr<Storage> fresh() const { return copy_of(*base_); }

  Result<BackupResult> backup_to(const Repository& repository) const {
    Troubles observer;
    return backup(repository, small_backup(source()), observer);
  }

  // One backup through a storage that may fail. `cache` may be empty.
  Result<BackupResult> backup_through(std::shared_ptr<Storage> storage,
                                      const std::string& cache) const {
    OpenOptions options;
    options.cache_folder = cache;
    const auto opened = TRY(
        Repository::open(std::move(storage), Credential::password("secret"), std::move(options)));
    return backup_to(*opened);
  }

  // What must hold for the storage afterwards, once it is well again.
  void is_sound(const std::shared_ptr<Storage>& storage, const std::string& cache) const {
    OpenOptions options;
    options.cache_folder = cache;
    const auto opened = Repository::open(storage, Credential::password("secret"), options);
    REQUIRE_MESSAGE(opened, opened.error().message);
    const Checked checked = check_all(**opened);
    CHECK_MESSAGE(checked.is_clean(), checked.text());
    restores(**opened, first_, first_content_);

    const auto next = backup_to(**opened);
    REQUIRE_MESSAGE(next, next.error().message);
    restores(**opened, *next->snapshot, second_content_);
    const Checked again = check_all(**opened);
    CHECK_MESSAGE(again.is_clean(), again.text());
  }

  void restores(const Repository& repository, const SnapshotId& id,
                const FolderContent& expected) const {
    const auto list = list_snapshots(repository);
    REQUIRE(list);
    CHECK(list->damaged.empty());
    const auto stored = std::ranges::find(list->snapshots, id, &StoredSnapshot::id);
    REQUIRE(stored != list->snapshots.end());
    const Restored restored = restore_all(repository, stored->snapshot, source());
    CHECK_MESSAGE(restored.troubles.empty(), restored.text);
    CHECK(restored.content == expected);
  }

  std::string cache(const std::string& name) const { return folder_ / ("cache-" + name); }

 private:
  TemporaryFolder folder_;
  SnapshotId first_;
  FolderContent first_content_, second_content_;
  std::shared_ptr<Storage> base_;
};

std::shared_ptr<Storage> faulty(const std::shared_ptr<Storage>& inner, const FaultPlan& plan,
                                const Operations& operations = nullptr) {
  return with_faults(inner, plan, operations);
}

// Gives up after a few tries, and does not wait for them.
std::shared_ptr<Storage> retrying(const std::shared_ptr<Storage>& inner, const FaultPlan& plan) {
  RetryOptions options;
  options.wait = [](std::chrono::milliseconds) { return true; };
  return with_retries(with_faults(inner, plan), std::move(options));
}

TEST_CASE("a backup stopped at any write leaves older snapshots, and the next one works") {
  const Interrupted sample;
  const auto operations = std::make_shared<std::atomic<std::uint64_t>>(0);
  REQUIRE(sample.backup_through(faulty(sample.fresh(), {}, operations), ""));
  const std::uint64_t count = *operations;
  REQUIRE(count >= 8);
  for (std::uint64_t stop = 0; stop <= count; ++stop) {
    for (const bool with_cache : {false, true}) {
      INFO("stopped at write " << stop << " of " << count
                               << (with_cache ? ", with a cache" : ", without a cache"));
      const std::string cache =
          with_cache ? sample.cache(fmt::format("stop-{}", stop)) : std::string();
      const auto storage = sample.fresh();
      FaultPlan plan;
      plan.stop_at = stop;
      const auto stopped = sample.backup_through(faulty(storage, plan), cache);
      if (stop < count - 1) CHECK_FALSE(stopped);
      sample.is_sound(storage, cache);
    }
  }
}

TEST_CASE("answers that are lost and errors that pass change nothing") {
  const Interrupted sample;
  FaultPlan plan;
  SUBCASE("lost answers") { plan.lost_answer_probability = 0.3; }
  SUBCASE("passing errors") { plan.passing_error_probability = 0.3; }
  SUBCASE("both") {
    plan.lost_answer_probability = 0.2;
    plan.passing_error_probability = 0.2;
  }
  for (plan.seed = 1; plan.seed <= 5; ++plan.seed) {
    CAPTURE(plan.seed);
    const auto storage = sample.fresh();
    const std::string cache = sample.cache(fmt::format("retry-{}", plan.seed));
    const auto done = sample.backup_through(retrying(storage, plan), cache);
    CHECK_MESSAGE(done, done.error().message);
    sample.is_sound(storage, cache);
  }
}

TEST_CASE("errors that nobody retries stop the backup and harm nothing") {
  const Interrupted sample;
  FaultPlan plan;
  ErrorCode expected = ErrorCode::no_space;
  SUBCASE("a full disk") { plan.no_space_probability = 0.1; }
  SUBCASE("lost answers") {
    plan.lost_answer_probability = 0.1;
    expected = ErrorCode::unavailable;
  }
  for (plan.seed = 1; plan.seed <= 8; ++plan.seed) {
    CAPTURE(plan.seed);
    const auto storage = sample.fresh();
    const std::string cache = sample.cache(fmt::format("error-{}", plan.seed));
    const auto done = sample.backup_through(faulty(storage, plan), cache);
    if (!done) CHECK(done.error().code == expected);
    sample.is_sound(storage, cache);
  }
}

TEST_CASE("bits flipped on the way to a backup never reach its snapshot") {
  const Interrupted sample;
  FaultPlan plan;
  plan.flipped_bit_probability = 0.2;
  for (plan.seed = 1; plan.seed <= 8; ++plan.seed) {
    CAPTURE(plan.seed);
    const auto storage = sample.fresh();
    const std::string cache = sample.cache(fmt::format("flip-{}", plan.seed));
    static_cast<void>(sample.backup_through(faulty(storage, plan), cache));
    sample.is_sound(storage, cache);
  }
}

TEST_CASE("a first backup stopped at any write leaves an empty repository that works") {
  const TemporaryFolder folder;
  const std::string source = folder / "source";
  std::filesystem::create_directories(source);
  write_source(source, 0);
  std::uint64_t stop = 0;
  for (bool is_stopped = true; is_stopped; ++stop) {
    CAPTURE(stop);
    const TestRepository made;
    FaultPlan plan;
    plan.stop_at = stop;
    Troubles observer;
    {
      const auto opened =
          Repository::open(faulty(made.storage, plan), Credential::password("secret"), {});
      REQUIRE(opened);
      is_stopped = !backup(**opened, small_backup(source), observer);
    }
    const Checked checked = check_all(*made);
    CHECK_MESSAGE(checked.is_clean(), checked.text());
    CHECK(backup(*made, small_backup(source), observer));
    CHECK(check_all(*made).is_clean());
  }
  CHECK(stop > 5);
}

}  // namespace
}  // namespace lagan
