// SPDX-License-Identifier: Apache-2.0
#include "storage/throttle.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Time that passes only by waiting.
struct World {
  nanoseconds time = seconds(1000);
  int minute = 12 * 60;
  ThrottleWorld as_throttle_world() {
    return {[this] { return time; }, [this] { return minute; },
            [this](nanoseconds wait, const std::stop_token&) { time += wait; }};
  }
};

constexpr std::uint64_t kWhole = std::uint64_t{1} << 30;

TEST_CASE("over twenty seconds the speed is the one that is wanted, however it is cut") {
  for (const std::uint64_t piece :
       {std::uint64_t{1000}, std::uint64_t{16'384}, std::uint64_t{999'983}}) {
    INFO(piece);
    World world;
    Throttle throttle({.bytes_per_second = 1'000'000, .spans = {}}, world.as_throttle_world());
    const nanoseconds begin = world.time;
    std::uint64_t passed = 0;
    while (world.time - begin < seconds(20)) {
      throttle.passed(piece, kWhole, {});
      passed += piece;
    }
    const double speed =
        static_cast<double>(passed) / std::chrono::duration<double>(world.time - begin).count();
    CHECK(speed > 0.99e6);
    CHECK(speed < 1.01e6);
  }
}

TEST_CASE("a small request does not wait behind large ones, and is paid for by them") {
  World world;
  Throttle throttle({.bytes_per_second = 1000, .spans = {}}, world.as_throttle_world());
  const nanoseconds begin = world.time;
  throttle.passed(5000, 5000, {});
  CHECK(world.time == begin);
  throttle.passed(1000, kWhole, {});
  CHECK(world.time - begin >= milliseconds(5900));
}

TEST_CASE("time without transfers is not saved up") {
  World world;
  Throttle throttle({.bytes_per_second = 1000, .spans = {}}, world.as_throttle_world());
  throttle.passed(1000, kWhole, {});
  world.time += seconds(3600);
  const nanoseconds begin = world.time;
  throttle.passed(10'000, kWhole, {});
  CHECK(world.time - begin >= milliseconds(9900));
}

TEST_CASE("the plan for the time of day counts") {
  World world;
  Throttle throttle({.bytes_per_second = 0, .spans = {{8 * 60, 18 * 60, 1000}}},
                    world.as_throttle_world());
  throttle.passed(2000, kWhole, {});
  CHECK(world.time - seconds(1000) >= milliseconds(1900));
  world.minute = 20 * 60;
  const nanoseconds begin = world.time;
  throttle.passed(1'000'000'000, kWhole, {});
  CHECK(world.time == begin);
}

}  // namespace
}  // namespace lagan
