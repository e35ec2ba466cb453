// SPDX-License-Identifier: Apache-2.0
#include "util/bounded_queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace lagan {

TEST_CASE("what goes in comes out in the same order") {
  BoundedQueue<int> queue(10);
  for (int i = 0; i < 10; ++i) CHECK(queue.push(i));
  for (int i = 0; i < 10; ++i) CHECK(queue.pop() == i);
}

TEST_CASE("a closed queue gives what waits in it, then nothing, and takes no more") {
  BoundedQueue<std::unique_ptr<int>> queue(10);
  CHECK(queue.push(std::make_unique<int>(7)));
  queue.close();
  CHECK_FALSE(queue.push(std::make_unique<int>(8)));
  const auto item = queue.pop();
  REQUIRE(item);
  CHECK(**item == 7);
  CHECK_FALSE(queue.pop());
}

TEST_CASE("an abandoned queue drops what waits in it") {
  BoundedQueue<int> queue(10);
  CHECK(queue.push(1));
  queue.abandon();
  CHECK_FALSE(queue.pop());
  CHECK_FALSE(queue.push(2));
}

TEST_CASE("an item heavier than the bound passes when the queue is empty") {
  BoundedQueue<int> queue(10);
  CHECK(queue.push(1, 1000));
  CHECK(queue.pop() == 1);
}

TEST_CASE("the weight that waits never exceeds the bound, and nothing is lost") {
  constexpr std::size_t kBound = 8;
  constexpr std::size_t kItems = 3000;
  // Each of the two readers may have popped an item of weight 3 that it has not counted yet.
  constexpr std::size_t kUncounted = 2 * 3;
  BoundedQueue<std::size_t> queue(kBound);
  std::atomic<std::size_t> in = 0;
  std::atomic<std::size_t> out = 0;
  std::atomic<int> too_full = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 2; ++i) {
      readers.emplace_back([&] {
        while (const auto weight = queue.pop()) out += *weight;
      });
    }
    std::vector<std::jthread> writers;
    for (int i = 0; i < 2; ++i) {
      writers.emplace_back([&] {
        for (std::size_t item = 0; item < kItems; ++item) {
          const std::size_t weight = 1 + item % 3;
          queue.push(weight, weight);
          // First in, then out: what happens between makes the difference only smaller.
          const std::size_t pushed = in.fetch_add(weight) + weight;
          if (pushed > out + kBound + kUncounted) ++too_full;
        }
      });
    }
    writers.clear();
    queue.close();
  }
  CHECK(too_full == 0);
  CHECK(out == 2 * kItems * 2);
}

TEST_CASE("closing wakes those who wait for room and those who wait for items") {
  BoundedQueue<int> full(1);
  BoundedQueue<int> empty(1);
  CHECK(full.push(1));
  std::atomic<bool> pushed = true;
  std::atomic<bool> popped = true;
  {
    const std::jthread pushing([&] { pushed = full.push(2); });
    const std::jthread popping([&] { popped = empty.pop().has_value(); });
    full.close();
    empty.close();
  }
  CHECK_FALSE(pushed);
  CHECK_FALSE(popped);
}

}  // namespace lagan
