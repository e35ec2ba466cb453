// SPDX-License-Identifier: Apache-2.0
#include "storage/pace.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "storage/memory.h"
#include "tests/storage/helpers.h"

namespace lagan {
namespace {

using Outcome = CallsAtATime::Outcome;

TEST_CASE("who says that it is busy is asked by half as many at once") {
  CallsAtATime calls;
  for (int i = 0; i < 8; ++i) calls.begin({});
  calls.end(Outcome::busy);
  CHECK(calls.limit() == 4);
  calls.end(Outcome::busy);
  CHECK(calls.limit() == 2);
  for (int i = 0; i < 5; ++i) calls.end(Outcome::busy);
  CHECK(calls.limit() == 1);
  calls.end(Outcome::busy);
  CHECK(calls.limit() == 1);
}

TEST_CASE("as many successes as there are calls at a time allow one more") {
  CallsAtATime calls;
  for (int i = 0; i < 8; ++i) calls.begin({});
  for (int i = 0; i < 8; ++i) calls.end(Outcome::busy);
  REQUIRE(calls.limit() == 1);
  const auto succeed = [&](int times) {
    for (int i = 0; i < times; ++i) {
      calls.begin({});
      calls.end(Outcome::answered);
    }
  };
  succeed(1);
  CHECK(calls.limit() == 2);
  succeed(3);
  CHECK(calls.limit() == 3);
  succeed(100'000);
  CHECK(calls.limit() == CallsAtATime::kMost);
}

TEST_CASE("a connection that broke says nothing about how busy the service is") {
  CallsAtATime calls;
  calls.begin({});
  calls.end(Outcome::neither);
  CHECK(calls.limit() == CallsAtATime::kMost);
}

TEST_CASE("no more calls are under way than are allowed, and who waits gets a turn") {
  CallsAtATime calls;
  for (int i = 0; i < 4; ++i) calls.begin({});
  calls.end(Outcome::busy);
  REQUIRE(calls.limit() == 2);
  for (int i = 0; i < 3; ++i) calls.end(Outcome::neither);
  std::atomic<int> under_way = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        calls.begin({});
        const int now = ++under_way;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --under_way;
        calls.end(Outcome::neither);
      });
    }
  }
  CHECK(most >= 1);
  CHECK(most <= 2);
}

TEST_CASE("who is stopped waits for nobody") {
  CallsAtATime calls;
  calls.begin({});
  calls.end(Outcome::busy);
  REQUIRE(calls.limit() == 1);
  calls.begin({});
  std::stop_source stop;
  stop.request_stop();
  calls.begin(stop.get_token());
}

TEST_CASE("calls a second are kept to, whatever is called") {
  std::chrono::nanoseconds time = std::chrono::seconds(1000);
  const ThrottleWorld world{
      [&] { return time; }, [] { return 0; },
      [&](std::chrono::nanoseconds wait, const std::stop_token&) { time += wait; }};
  PaceOptions options;
  options.calls = std::make_shared<Throttle>(SpeedPlan{10, {}}, world);
  const auto storage = with_pace(make_memory_storage(), options);
  const auto begin = time;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(storage->put(name_of("a/b"), {}));
    REQUIRE(storage->get(name_of("a/b")));
    REQUIRE(storage->stat(name_of("a/b")));
    REQUIRE(names_below(*storage, "a/"));
    REQUIRE(storage->remove(name_of("a/b")));
  }
  const double seconds = std::chrono::duration<double>(time - begin).count();
  CHECK(seconds > 24.5);
  CHECK(seconds < 25.5);
}

TEST_CASE("what a listing names can be asked for meanwhile, also one call at a time") {
  const auto storage = with_pace(make_memory_storage(), {.calls = nullptr, .stop = {}});
  REQUIRE(storage->put(name_of("a/b"), {}));
  int seen = 0;
  REQUIRE(storage->list("", [&](const ObjectInfo& info) -> Result<void> {
    TRY(storage->get(info.name));
    ++seen;
    return {};
  }));
  CHECK(seen == 1);
}

}  // namespace
}  // namespace lagan
