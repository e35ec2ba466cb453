// SPDX-License-Identifier: Apache-2.0

// A year of one profile in one process: hourly runs on a tree that changes, with nights in which
// the machine sleeps, days on which the repository is away, a clock that jumps, and summer time.
// The engine, the repository and the state are real; only the clock is not.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "src/engine/backup.h"
#include "src/engine/check.h"
#include "src/engine/forget.h"
#include "src/engine/observer.h"
#include "src/engine/prune.h"
#include "src/engine/retention.h"
#include "src/schedule/run.h"
#include "storage/local.h"
#include "tests/schedule/samples.h"
#include "tests/storage/forwarding_storage.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond, kDay = 24 * kHour;
constexpr int kHourly = 24, kDaily = 30, kWeekly = 9, kMonthly = 6;

// What a snapshot is counted under, by the clock on the wall of its time.
std::string bucket(Nanoseconds time, const char* format) {
  const std::time_t seconds = time / kSecond;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::ostringstream text;
  text << std::put_time(&local, format);
  return text.str();
}

// What the policy promises, from all snapshots that were ever made: of each of the last so many
// hours, days … that have one the newest; and the oldest, while there are fewer.
std::set<Nanoseconds> promised(const std::set<Nanoseconds>& made) {
  std::set<Nanoseconds> kept;
  const std::pair<int, const char*> kinds[] = {
      {kHourly, "%Y%m%d%H"}, {kDaily, "%Y%m%d"}, {kWeekly, "%G%V"}, {kMonthly, "%Y%m"}};
  for (const auto& [count, format] : kinds) {
    std::set<std::string> seen;
    for (auto at = made.rbegin(); at != made.rend(); ++at) {
      if (static_cast<int>(seen.size()) == count) break;
      if (seen.insert(bucket(*at, format)).second) kept.insert(*at);
    }
    if (static_cast<int>(seen.size()) < count) kept.insert(*made.begin());
  }
  return kept;
}

class Strict final : public Observer {
 public:
  void trouble(const std::string& path, const Error& error) override {
    FAIL_CHECK(path << ": " << error.message);
  }
};

// A folder on a disk of that clock: collections judge by its times.
class Dated final : public ForwardingStorage {
 public:
  Dated(std::string folder, std::unique_ptr<Storage> local, const Nanoseconds& now)
      : ForwardingStorage(*local),
        folder_(std::move(folder)),
        local_(std::move(local)),
        now_(now) {}

  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    TRY(inner_.put(name, bytes));
    const timespec then{now_ / kSecond, now_ % kSecond};
    const timespec times[] = {then, then};
    LAGAN_ASSERT(::utimensat(AT_FDCWD, (folder_ + "/" + name.text()).c_str(), times, 0) == 0);
    return {};
  }

 private:
  const std::string folder_;
  const std::unique_ptr<Storage> local_;
  const Nanoseconds& now_;
};

class Year {
 public:
  Year() {
    std::filesystem::create_directories(source());
    CreateOptions create;
    create.cost = PasswordCost{8, 1};
    create.clock = [this] { return now; };
    OpenOptions open;
    open.clock = create.clock;
    open.cache_folder = folder_ / "cache";
    const std::string place = folder_ / "repository";
    storage_ = std::make_shared<Dated>(place, make_local_storage(place), now);
    REQUIRE(storage_->create());
    auto created = Repository::create(storage_, Credential::password("secret"), create, open);
    REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
    repository_ = *std::move(created);
    profile_ = sample_profile(fmt::format(R"(
[profiles.year]
repository = "/unused"
sources = "{}"
schedule = "hourly"
limits.retries = 0
limits.keep-awake = false
[profiles.year.retention]
keep-daily = {}
[profiles.year.prune]
schedule = "daily 05:00"
[profiles.year.check]
schedule = "monthly"
)",
                                          source(), kDaily));
  }

  RunResult run() {
    RunWorld world;
    world.clock = [this] { return now; };
    world.wait = [this](Nanoseconds length) { now += length; };
    world.step = [this](const StepOrder& order) { return step(order); };
    world.post = [](const std::string&, const std::string&) -> Result<void> { return {}; };
    world.has_network = world.has_power = [] { return true; };
    world.keep_awake = [](const std::string&) { return nullptr; };
    world.say = [](const std::string&) {};
    world.warn = [this](const std::string& line) { warned.push_back(line); };
    world.environment = some_environment();
    world.host = "attic";
    world.state_folder = folder_ / "state";
    const KnownFlags flags = some_flags();
    const RunOptions options;
    return run_profile(profile_, flags, world, options);
  }

  // Something is different each hour, and each day another file goes and comes.
  void change(int hour) {
    const auto name = [&](int i) { return fmt::format("{}/file-{}", source(), i); };
    std::ofstream(name(hour % 17))
        << fmt::format("hour {}\n", hour) << std::string(static_cast<std::size_t>(hour % 300), 'x');
    if (hour % 24 != 0) return;
    std::error_code ignored;
    std::filesystem::remove(name(17 + hour / 24 % 5), ignored);
    std::ofstream(name(17 + (hour / 24 + 1) % 5)) << hour;
    std::ofstream(source() + "/hour", std::ios::trunc) << hour;
  }

  std::set<Nanoseconds> there() const {
    std::set<Nanoseconds> times;
    const auto list = list_snapshots(*repository_);
    REQUIRE(list);
    CHECK(list->damaged.empty());
    for (const StoredSnapshot& each : list->snapshots) times.insert(each.snapshot.time);
    return times;
  }

  void check_all() {
    CheckOptions options;
    options.read.kind = ReadSubset::Kind::all;
    Strict observer;
    std::vector<std::string> errors;
    const auto checked = check(*repository_, options, observer, [&](const Finding& finding) {
      if (finding.severity == Severity::error)
        errors.push_back(finding.where + ": " + finding.what);
    });
    REQUIRE_MESSAGE(checked, (checked ? "" : checked.error().message));
    CHECK(errors == std::vector<std::string>());
  }

  Nanoseconds now = 0;
  bool is_away = false;
  std::set<Nanoseconds> made;
  std::vector<std::string> warned;
  std::map<Step, int> done;

 private:
  std::string source() const { return folder_ / "source"; }

  StepOutcome step(const StepOrder& order) {
    const auto worked =
        is_away ? Result<std::string>(fail(ErrorCode::unavailable, "it is away")) : work(order);
    StepOutcome outcome;
    if (!worked) {
      outcome.exit_code = 1;
      outcome.error = worked.error().message;
    } else {
      outcome.snapshot = *worked;
      ++done[order.step];
    }
    return outcome;
  }

  // What the program would do for these words.
  Result<std::string> work(const StepOrder& order) {
    Strict observer;
    switch (order.step) {
      case Step::backup: {
        BackupOptions options;
        options.paths = {order.words.back()};
        options.host = "attic";
        options.scan = false;
        options.readers = 1;
        options.writer.workers = 1;
        const BackupResult saved = TRY(backup(*repository_, options, observer));
        LAGAN_ASSERT(saved.errors == 0 && saved.snapshot);
        made.insert(saved.started);
        return saved.snapshot->hex();
      }
      case Step::forget: {
        RetentionPolicy policy;
        policy.hourly = kHourly;
        policy.weekly = kWeekly;
        policy.monthly = kMonthly;
        // That of the profile comes as a word.
        constexpr std::string_view kFlag = "--keep-daily=";
        const auto word = std::ranges::find_if(
            order.words, [&](const std::string& each) { return each.starts_with(kFlag); });
        LAGAN_ASSERT(word != order.words.end());
        policy.daily = std::atoi(word->c_str() + kFlag.size());
        const SnapshotList list = TRY(list_snapshots(*repository_));
        std::vector<SnapshotId> gone;
        const auto verdicts = apply_policy(policy, list.snapshots, repository_->now());
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
          if (!verdicts[i].keep) gone.push_back(list.snapshots[i].id);
        }
        TRY(forget(*repository_, gone, policy.text()));
        return std::string();
      }
      case Step::prune:
        TRY(prune(*repository_, PruneOptions(), observer));
        return std::string();
      case Step::check: {
        int errors = 0;
        TRY(check(*repository_, CheckOptions(), observer, [&](const Finding& finding) {
          if (finding.severity == Severity::error) ++errors;
        }));
        LAGAN_ASSERT(errors == 0);
        return std::string();
      }
    }
    return std::string();
  }

  TemporaryFolder folder_;
  std::shared_ptr<Storage> storage_;
  std::unique_ptr<Repository> repository_;
  Profile profile_;
};

// LAGAN_YEAR_HOURS=500 for a short one.
int hours_of_year() {
  const char* hours = std::getenv("LAGAN_YEAR_HOURS");
  return hours != nullptr ? std::atoi(hours) : 8760;
}

}  // namespace

TEST_CASE("a year of hourly runs keeps exactly what the policy promises") {
  // As rules, so that no zone database is needed.
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  Year year;
  std::mt19937 dice(20260101);
  // The first of January 2026, half a minute past midnight in Berlin.
  Nanoseconds real = Nanoseconds{1'767'222'030} * kSecond;
  Nanoseconds ahead = 0;  // of the clock
  int asleep = 0, away = 0, ran = 0, failed = 0;
  const int hours = hours_of_year();
  for (int hour = 0; hour < hours; ++hour, real += kHour) {
    year.change(hour);
    const int day = hour / 24;
    // The clock is three days ahead for half of the 70th day, and five hours late on the 200th.
    if (hour == 70 * 24 + 2) ahead = 3 * kDay;
    if (hour == 70 * 24 + 14) ahead = 0;
    if (hour == 200 * 24 + 6) ahead = -5 * kHour;
    if (hour == 200 * 24 + 16) ahead = 0;
    // Nights on which it sleeps, and a holiday.
    if (asleep == 0 && hour % 24 == 1 && dice() % 3 == 0) asleep = 6;
    if (hour == 150 * 24) asleep = 9 * 24;
    if (away == 0 && dice() % 400 == 0) away = 1 + static_cast<int>(dice() % 30);
    if (asleep > 0) {
      --asleep;
      if (away > 0) --away;
      continue;
    }
    year.is_away = away > 0;
    if (away > 0) --away;
    // Cron is a little late, each time another while.
    year.now = real + ahead + static_cast<Nanoseconds>(dice() % 90) * kSecond;
    const RunResult result = year.run();
    REQUIRE(result == (year.is_away ? RunResult::failed : RunResult::done));
    ++(year.is_away ? failed : ran);
    // Whoever starts it once more within the hour starts nothing.
    if (!year.is_away && hour % 50 == 0) {
      year.now += 60 * kSecond;
      REQUIRE(year.run() == RunResult::nothing_due);
    }
    // Not while the memory of a wrong clock is fresh.
    const bool is_calm = day < 70 || (day > 110 && day < 200) || day > 240;
    if (is_calm && hour % (24 * 20) == 13 && !year.is_away) {
      INFO("hour " << hour);
      REQUIRE(year.there() == promised(year.made));
    }
  }
  while (year.is_away || year.run() != RunResult::nothing_due) year.is_away = false;
  CHECK(year.there() == promised(year.made));
  CHECK(static_cast<int>(year.made.size()) >= ran);
  CHECK(year.done[Step::backup] == static_cast<int>(year.made.size()));
  if (hours == 8760) {
    CHECK(ran > 6000);
    CHECK(failed > 100);
    CHECK(year.done[Step::prune] > 300);
    CHECK(year.done[Step::check] >= 12);
  }
  const bool was_warned = std::ranges::any_of(year.warned, [](const std::string& line) {
    return line.find("more than twice its schedule") != std::string::npos;
  });
  CHECK(was_warned == (failed > 3));
  year.check_all();
  MESSAGE(fmt::format("{} runs, {} of them failed, {} snapshots kept", ran + failed, failed,
                      year.there().size()));
}

}  // namespace lagan
