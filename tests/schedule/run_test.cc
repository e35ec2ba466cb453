// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <filesystem>

#include "tests/schedule/samples.h"

namespace lagan {
namespace {

using Words = std::vector<std::string>;

constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond;
// A full hour, in any zone that has whole hours.
constexpr Nanoseconds kStart = Nanoseconds{1'780'000'000} / 3600 * kHour;

// A world in which steps and hooks only leave a trace.
struct World {
  TemporaryFolder folder;
  Nanoseconds now = kStart + 60 * kSecond;
  Words trace, said, warned;
  std::map<std::string, std::deque<int>> codes;  // what "backup", "prune" … end with, then 0
  std::map<std::string, int> hook_codes;
  std::map<std::string, std::string> posts;
  std::map<std::string, std::map<std::string, std::string>>
      heard;  // what commands had as variables
  bool network = true, power = true, stopped = false;
  std::string stops;   // the step during which somebody interrupts
  bool finds = false;  // a check that fails has found damage
  bool nice_is_refused = false;
  Words priorities;  // of hooks and steps, where there is one

  RunWorld make() {
    RunWorld world;
    world.clock = [this] { return now; };
    world.wait = [this](Nanoseconds length) {
      trace.push_back("wait " + std::to_string(length / kSecond));
      now += length;
    };
    world.is_stopped = [this] { return stopped; };
    world.step = [this](const StepOrder& order) {
      std::string name = step_name(order.step);
      if (!order.repository.empty()) name += " " + order.repository;
      trace.push_back(name);
      note_priority(name, order.priority);
      StepOutcome outcome;
      auto& left = codes[name];
      if (!left.empty()) {
        outcome.exit_code = left.front();
        left.pop_front();
        if (outcome.exit_code != 0) outcome.error = finds ? "cracked" : "broken";
      }
      if (order.step == Step::backup && outcome.is_success()) outcome.snapshot = "0123456789";
      outcome.has_summary = outcome.is_success() || finds;
      if (name == stops) {
        stopped = true;
        outcome.exit_code = 130;
      }
      return outcome;
    };
    world.command = [this](const CommandOrder& order) -> Result<CommandOutcome> {
      const std::string& line = order.words.back();
      std::string status;
      if (line == "true") {  // only asks
        CommandOutcome asked;
        if (order.priority.nice != 0 && nice_is_refused)
          asked.errors = "limits.nice: Permission denied\n";
        return asked;
      }
      note_priority(line, order.priority);
      for (const auto& [name, value] : order.variables) {
        if (name == "LAGAN_STATUS") status = value;
        heard[line][name] = value;
      }
      trace.push_back(line + " (" + status + ")");
      CommandOutcome outcome;
      outcome.exit_code = hook_codes[line];
      return outcome;
    };
    world.post = [this](const std::string& url, const std::string& text) -> Result<void> {
      posts[url] = text;
      return {};
    };
    world.has_network = [this] { return network; };
    world.has_power = [this] { return power; };
    world.keep_awake = [](const std::string&) { return nullptr; };
    world.say = [this](const std::string& line) { said.push_back(line); };
    world.warn = [this](const std::string& line) { warned.push_back(line); };
    world.environment = some_environment();
    world.host = "attic";
    world.state_folder = folder.path();
    return world;
  }

  void note_priority(const std::string& name, const Priority& priority) {
    if (priority.nice == 0 && priority.ionice.empty()) return;
    priorities.push_back(fmt::format("{} {} {}", name, priority.nice, priority.ionice));
  }

  RunResult run(const Profile& profile, const RunOptions& options = {}) {
    trace.clear();
    said.clear();
    warned.clear();
    posts.clear();
    const KnownFlags flags = some_flags();
    const RunWorld world = make();
    return run_profile(profile, flags, world, options);
  }
  ProfileRecord record(const Profile& profile) {
    std::string damage;
    return load_record(folder.path(), profile.name, damage).value_or(ProfileRecord());
  }
};

Profile hourly(const std::string& more = "") {
  return sample_profile(
      "[profiles.home]\nrepository = '/r'\nsources = '/home'\nschedule = 'hourly'\n" + more);
}

constexpr const char* kAll =
    "retention.keep-daily = 3\nprune.schedule = 'every 6h'\ncheck.schedule = 'daily'\n";

}  // namespace

TEST_CASE("a run does what is due, in order, and nothing twice within the hour") {
  World world;
  const Profile home = hourly(kAll);
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup", "forget", "prune", "check"});
  world.now += 600 * kSecond;
  CHECK(world.run(home) == RunResult::nothing_due);
  CHECK(world.trace.empty());
  world.now = kStart + kHour + kSecond;
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup", "forget"});
  SUBCASE("what was missed for days is done once") {
    world.now += 72 * kHour;
    CHECK(world.run(home) == RunResult::done);
    CHECK(world.trace == Words{"backup", "forget", "prune", "check"});
    CHECK(world.run(home) == RunResult::nothing_due);
  }
  SUBCASE("a clock that was put back is no reason to stop") {
    world.now -= 200 * kHour;
    CHECK(world.run(home) == RunResult::done);
    CHECK(world.run(home) == RunResult::nothing_due);
  }
  SUBCASE("unless somebody insists") {
    CHECK(world.run(home, {.force = true}) == RunResult::done);
    CHECK(world.trace == Words{"backup", "forget"});
  }
  SUBCASE("a dry run only tells") {
    world.now += kHour;
    CHECK(world.run(home, {.dry_run = true}) == RunResult::done);
    CHECK(world.trace.empty());
    CHECK(world.said == Words{"home: would backup", "home: would forget"});
  }
}

TEST_CASE("a failure is tried again after the delay, then left to the next run") {
  World world;
  const Profile home =
      hourly(std::string(kAll) + "limits.retries = 1\nlimits.retry-delay = '30s'\n");
  world.codes["backup"] = {1, 1};
  CHECK(world.run(home) == RunResult::failed);
  // Nothing is forgotten while nothing new can be put.
  CHECK(world.trace == Words{"backup", "wait 30", "backup"});
  CHECK(world.record(home).repositories[""].steps[Step::backup].failures == 1);
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup", "forget", "prune", "check"});
  CHECK(world.record(home).repositories[""].steps[Step::backup].failures == 0);
  SUBCASE("what another try cannot help is not tried") {
    world.now += kHour;
    world.codes["backup"] = {12};
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.trace == Words{"backup"});
  }
  SUBCASE("files that cannot be read are no failure") {
    world.now += kHour;
    world.codes["backup"] = {3};
    CHECK(world.run(home) == RunResult::partial);
    CHECK(world.trace == Words{"backup", "forget"});
  }
}

TEST_CASE("a step that takes too long is not tried again, and named") {
  World world;
  const Profile home = hourly("limits.retries = 3\ndumps.shop.command = 'pg_dump'\n");
  world.codes["backup"] = {kTimedOut};
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace == Words{"backup"});
  CHECK(world.warned == Words{"home: backup FAILED: dump shop: broken"});
}

TEST_CASE("a priority that may not be had is told once, and the rest of it is used") {
  World world;
  const Profile home =
      hourly(std::string(kAll) + "limits.nice = -5\nlimits.ionice = 'idle'\nhooks.before = 'h'\n");
  world.nice_is_refused = true;
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.warned == Words{"home: limits.nice: Permission denied"});
  CHECK(world.priorities ==
        Words{"h 0 idle", "backup 0 idle", "forget 0 idle", "prune 0 idle", "check 0 idle"});
  world.nice_is_refused = false;
  world.priorities.clear();
  CHECK(world.run(home, {.force = true}) == RunResult::done);
  CHECK(world.warned.empty());
  CHECK(world.priorities == Words{"h -5 idle", "backup -5 idle", "forget -5 idle"});
}

TEST_CASE("one repository that fails does not keep the others from their backups") {
  World world;
  const Profile home = sample_profile(R"(
[profiles.home]
sources = "/home"
schedule = "hourly"
limits.retries = 0
repositories.a.repository = "/a"
repositories.b.repository = "/b"
)");
  world.codes["backup a"] = {1};
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace == Words{"backup a", "backup b"});
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup a"});
}

TEST_CASE("what the hooks of a step hear is how that step went") {
  World world;
  const Profile home = sample_profile(R"(
[profiles.home]
sources = "/home"
schedule = "hourly"
limits.retries = 0
repositories.a.repository = "/a"
repositories.b.repository = "/b"
hooks.backup.finally = "thaw"
hooks.finally = "umount"
)");
  world.codes["backup a"] = {1};
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace ==
        Words{"backup a", "thaw (failed)", "backup b", "thaw (ok)", "umount (failed)"});
}

TEST_CASE("damage that a check has found stands until a check finds it no more") {
  World world;
  const Profile home = hourly("check.schedule = 'weekly'\nnotify.command = 'tell'\n");
  world.codes["check"] = {1};
  world.finds = true;
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace == Words{"backup", "check", "tell (failed)"});
  CHECK(world.warned == Words{"home: check FAILED: cracked"});
  CHECK(world.run(home) == RunResult::nothing_due);
  world.now += kHour;
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace == Words{"backup"});
  REQUIRE(world.warned.size() == 1);
  CHECK(world.warned[0].starts_with("home: check has found damage: cracked; "));
  CHECK_FALSE(world.record(home).trouble.empty());
  SUBCASE("and looks again at its next time") {
    world.now += 7 * 24 * kHour;
    CHECK(world.run(home) == RunResult::done);
    CHECK(world.trace == Words{"backup", "check", "tell (ok)"});
    world.now += kHour;
    CHECK(world.run(home) == RunResult::done);
  }
  SUBCASE("or when somebody insists") {
    CHECK(world.run(home, {.force = true}) == RunResult::done);
    CHECK(world.trace == Words{"backup", "check", "tell (ok)"});
    CHECK(world.run(home, {.force = true}) == RunResult::done);
    CHECK(world.trace == Words{"backup"});
  }
}

TEST_CASE("damage that is known is what hooks are told of too, as it was found") {
  World world;
  const Profile home = hourly(R"(check.schedule = 'weekly'
[profiles.home.hooks]
after = ["well"]
failed = ["alas"]
finally = ["umount"]
)");
  world.codes["check"] = {1, 1};
  world.finds = true;
  CHECK(world.run(home) == RunResult::failed);
  world.now += kHour;
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.trace == Words{"backup", "alas (failed)", "umount (failed)"});
  // A later one that cannot even look does not hide it.
  world.finds = false;
  CHECK(world.run(home, {.force = true}) == RunResult::failed);
  CHECK(world.trace == Words{"backup", "check", "alas (failed)", "umount (failed)"});
  world.now += kHour;
  CHECK(world.run(home) == RunResult::failed);
  REQUIRE(world.warned.size() == 1);
  CHECK(world.warned[0].starts_with("home: check has found damage: cracked; "));
}

TEST_CASE("a hook that fails after a check is no damage") {
  World world;
  const Profile home = hourly("check.schedule = 'weekly'\nhooks.check.after = ['count']\n");
  world.hook_codes["count"] = 1;
  world.finds = true;
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.record(home).repositories.begin()->second.steps[Step::check].damage_found == 0);
  world.hook_codes.clear();
  CHECK(world.run(home) == RunResult::done);
}

TEST_CASE("a check that could not look looks again with the next run") {
  World world;
  const Profile home = hourly("check.schedule = 'weekly'\n");
  world.codes["check"] = {1};
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"check"});
}

TEST_CASE("hooks run around the run and around each step") {
  World world;
  const Profile home = hourly(R"(
[profiles.home.hooks]
before = ["mount"]
after = ["well"]
failed = ["alas"]
finally = ["umount"]
backup.before = ["freeze"]
backup.after = ["count"]
backup.failed = ["cry"]
backup.finally = ["thaw"]
)");
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"mount (ok)", "freeze (ok)", "backup", "count (ok)", "thaw (ok)",
                             "well (ok)", "umount (ok)"});
  world.now += kHour;
  SUBCASE("when a step fails") {
    world.codes["backup"] = {12};
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.trace == Words{"mount (ok)", "freeze (ok)", "backup", "cry (failed)",
                               "thaw (failed)", "alas (failed)", "umount (failed)"});
  }
  SUBCASE("when one of them fails before the step, it is not run, and named") {
    world.hook_codes["freeze"] = 4;
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.trace == Words{"mount (ok)", "freeze (ok)", "cry (failed)", "thaw (failed)",
                               "alas (failed)", "umount (failed)"});
    CHECK(world.record(home).trouble.find("hook hooks.backup.before 'freeze': it ended with "
                                          "status 4") != std::string::npos);
  }
  SUBCASE("when the first one fails, nothing is run") {
    world.hook_codes["mount"] = 1;
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.trace == Words{"mount (ok)", "alas (failed)", "umount (failed)"});
  }
  SUBCASE("when the profile says to go on") {
    const Profile easy = hourly("hooks.on-failure = 'continue'\nhooks.before = 'mount'\n");
    world.hook_codes["mount"] = 1;
    CHECK(world.run(easy) == RunResult::partial);
    CHECK(world.trace == Words{"mount (ok)", "backup"});
    CHECK(world.warned == Words{"home: hook hooks.before 'mount': it ended with status 1"});
  }
}

TEST_CASE("who is to know is told of a failure once a day, and of its end") {
  World world;
  const Profile home =
      hourly("limits.retries = 0\nnotify.command = 'tell'\nnotify.url = 'https://h'\n");
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup"});
  // The heart beats each time.
  CHECK(world.posts.contains("https://h/start"));
  CHECK(world.posts.contains("https://h"));
  int told = 0;
  for (int hour = 0; hour < 30; ++hour) {
    world.now += kHour;
    world.codes["backup"] = {1};
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.posts["https://h/fail"].find("backup FAILED: broken") != std::string::npos);
    told += static_cast<int>(world.trace.size()) - 1;
  }
  CHECK(told == 2);
  world.now += kHour;
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup", "tell (ok)"});
  world.now += kHour;
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup"});
}

TEST_CASE("what a backup leaves out is told like a failure, though the heart beats") {
  World world;
  const Profile home = hourly(
      "limits.retries = 0\nnotify.command = 'tell'\nnotify.url = 'https://h'\n"
      "check.schedule = 'every 30m'\n");
  int told = 0;
  for (int hour = 0; hour < 30; ++hour) {
    world.codes["backup"] = {3};
    CHECK(world.run(home) == RunResult::partial);
    CHECK(world.posts["https://h"].find("broken") != std::string::npos);
    CHECK(world.posts.size() == 2);
    CHECK(world.record(home).is_incomplete);
    CHECK(world.record(home).trouble.find("broken") != std::string::npos);
    told += static_cast<int>(world.trace.size()) - 2;
    if (world.trace.size() > 2) CHECK(world.trace.back() == "tell (incomplete)");
    world.now += kHour;
  }
  CHECK(told == 2);
  SUBCASE("a failure after it is told at once") {
    world.codes["backup"] = {1};
    CHECK(world.run(home) == RunResult::failed);
    CHECK(world.trace.back() == "tell (failed)");
    CHECK_FALSE(world.record(home).is_incomplete);
  }
  SUBCASE("another step that goes well since does not end it, a whole backup does") {
    world.now -= kHour / 2;
    CHECK(world.run(home) == RunResult::partial);
    CHECK(world.trace == Words{"check"});
    CHECK(world.record(home).is_incomplete);
    world.now += kHour / 2;
    CHECK(world.run(home) == RunResult::done);
    CHECK(world.trace.back() == "tell (ok)");
    CHECK_FALSE(world.record(home).is_incomplete);
  }
}

TEST_CASE("what a profile adds to the environment reaches its hooks, and who tells of it") {
  World world;
  const Profile home = sample_profile(R"(
[profiles.home]
sources = "/home"
schedule = "hourly"
limits.retries = 0
notify.command = "tell"
environment.WHERE = "here"
environment.LAGAN_PROFILE = "other"
hooks.before = "mount"
hooks.backup.before = "freeze"
repositories.a.repository = "/a"
repositories.a.environment.WHERE = "there"
)");
  world.codes["backup a"] = {1};
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.heard["mount"]["WHERE"] == "here");
  CHECK(world.heard["freeze"]["WHERE"] == "there");
  CHECK(world.heard["tell"]["WHERE"] == "here");
  SUBCASE("one that cannot be had keeps a hook from running, but nobody from being told") {
    const Profile locked = hourly(
        "hooks.before = 'mount'\nhooks.finally = 'umount'\nnotify.command = 'tell'\n"
        "environment.WHERE.command = 'exit 1'\n");
    World other;
    CHECK(other.run(locked) == RunResult::failed);
    CHECK(other.trace == Words{"umount (failed)", "tell (failed)"});
    CHECK(other.warned.front().find("the command failed with status 1") != std::string::npos);
  }
}

TEST_CASE("a profile that never gets to its first backup is late one day") {
  World world;
  const Profile home = hourly("limits.wait-for-network = '0'\nnotify.command = 'tell'\n");
  world.network = false;
  CHECK(world.run(home) == RunResult::postponed);
  CHECK(world.trace.empty());
  world.now += 3 * kHour;
  CHECK(world.run(home) == RunResult::postponed);
  CHECK(world.trace == Words{"tell (failed)"});
  CHECK(world.warned.back().find("there has been no snapshot for 3 hours") != std::string::npos);
  CHECK(overdue(home, world.record(home), world.now).size() == 1);
}

TEST_CASE("a run waits for network and mains power if it is asked to, and postpones itself") {
  World world;
  const Profile home = hourly("limits.wait-for-network = '20s'\nlimits.wait-for-power = '7s'\n");
  world.network = false;
  CHECK(world.run(home) == RunResult::postponed);
  CHECK(world.trace == Words{"wait 5", "wait 5", "wait 5", "wait 5"});
  world.network = true;
  world.power = false;
  CHECK(world.run(home) == RunResult::postponed);
  CHECK(world.trace == Words{"wait 5", "wait 2"});
  world.power = true;
  CHECK(world.run(home) == RunResult::done);
  SUBCASE("which is told when it has gone on for too long") {
    const Profile told = hourly("limits.wait-for-power = '0'\nnotify.command = 'tell'\n");
    world.power = false;
    world.now += kHour;
    CHECK(world.run(told) == RunResult::postponed);
    CHECK(world.trace.empty());
    world.now += 2 * kHour;
    CHECK(world.run(told) == RunResult::postponed);
    CHECK(world.trace == Words{"tell (failed)"});
    CHECK(world.run(told) == RunResult::postponed);
    CHECK(world.trace.empty());
  }
}

TEST_CASE("a newest snapshot that is older than twice the schedule is warned of") {
  World world;
  const Profile home = hourly("limits.retries = 0\n");
  CHECK(world.run(home) == RunResult::done);
  world.codes["backup"] = {1, 1, 1};
  world.now += kHour;
  CHECK(world.run(home) == RunResult::failed);
  CHECK(world.warned == Words{"home: backup FAILED: broken"});
  world.now += 2 * kHour;
  CHECK(world.run(home) == RunResult::failed);
  REQUIRE(world.warned.size() == 2);
  CHECK(world.warned[1].find("the newest snapshot is 3 hours old") != std::string::npos);
}

TEST_CASE("while somebody runs a profile, another run says who it is and leaves") {
  World world;
  const Profile home = hourly();
  const auto held = RunLock::take(world.folder.path(), "home", [&] { return world.now; });
  REQUIRE(held);
  CHECK(world.run(home) == RunResult::busy);
  CHECK(world.trace.empty());
  REQUIRE(world.warned.size() == 1);
  CHECK(world.warned[0].starts_with("profile home is being run by process "));
}

TEST_CASE("a run that hangs is told of by those that cannot begin for it") {
  World world;
  const Profile home = hourly("notify.command = 'tell'\n");
  CHECK(world.run(home) == RunResult::done);
  {
    const auto held = RunLock::take(world.folder.path(), "home", [&] { return world.now; });
    REQUIRE(held);
    world.now += kHour;
    CHECK(world.run(home) == RunResult::busy);
    CHECK(world.trace.empty());
    world.now += 2 * kHour;
    CHECK(world.run(home) == RunResult::busy);
    CHECK(world.trace == Words{"tell (failed)"});
    CHECK(world.warned.back().find("the newest snapshot is 3 hours old") != std::string::npos);
    world.now += kHour;
    CHECK(world.run(home) == RunResult::busy);
    CHECK(world.trace.empty());
    world.now += 24 * kHour;
    CHECK(world.run(home) == RunResult::busy);
    CHECK(world.trace == Words{"tell (failed)"});
    // What the other one remembers is not touched.
    CHECK(world.record(home).failing_since == 0);
  }
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup", "tell (ok)"});
  CHECK(world.record(home).failing_since == 0);
  world.now += kHour;
  CHECK(world.run(home) == RunResult::done);
  CHECK(world.trace == Words{"backup"});
}

TEST_CASE("a state that cannot be understood is told and costs a run") {
  World world;
  const Profile home = hourly();
  CHECK(world.run(home) == RunResult::done);
  world.now += kSecond;
  for (const char* text : {"", "{", "[]", "{\"repositories\": 3}",
                           "{\"repositories\": {\"\": {\"steps\": {\"backup\": 7}}}}",
                           "{\"repositories\": {\"\": {\"steps\": {\"backup\": "
                           "{\"succeeded\": \"x\"}}}}}"}) {
    INFO(text);
    std::ofstream(world.folder / "home.json") << text;
    CHECK(world.run(home) == RunResult::done);
    CHECK(world.trace == Words{"backup"});
  }
}

TEST_CASE("somebody who interrupts a run is obeyed, and nobody is notified") {
  World world;
  const Profile home = hourly(std::string(kAll) + "notify.command = 'tell'\n");
  world.stopped = true;
  CHECK(world.run(home) == RunResult::stopped);
  CHECK(world.trace.empty());
  world.stopped = false;
  CHECK(world.run(home) == RunResult::done);
  SUBCASE("in the middle of a step, which is then no failure") {
    const Profile told = hourly(
        "notify.command = 'tell'\nnotify.url = 'https://h'\n"
        "hooks.after = 'well'\nhooks.failed = 'alas'\n");
    world.now += kHour;
    world.stops = "backup";
    CHECK(world.run(told) == RunResult::stopped);
    CHECK(world.trace == Words{"backup", "alas (failed)"});
    CHECK(world.posts.size() == 1);
    CHECK(world.posts.contains("https://h/start"));
    CHECK(world.record(told).trouble.empty());
    CHECK(world.record(told).repositories[""].steps[Step::backup].failures == 0);
  }
}

}  // namespace lagan
