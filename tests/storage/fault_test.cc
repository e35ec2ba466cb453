// SPDX-License-Identifier: Apache-2.0
#include "storage/fault.h"

#include <doctest/doctest.h>

#include "storage/memory.h"
#include "tests/storage/helpers.h"

namespace lagan {
namespace {

const ObjectName kName = ObjectName::parse("packs/a").value();

std::string outcomes(FaultPlan plan) {
  const auto storage = with_faults(make_memory_storage(), plan);
  std::string text;
  for (int i = 0; i < 64; ++i) text += storage->put(kName, {}) ? '+' : '-';
  return text;
}

}  // namespace

TEST_CASE("from the chosen write on everything fails, and nothing more is stored") {
  const std::shared_ptr<Storage> inner = make_memory_storage();
  const auto storage = with_faults(inner, {.stop_at = 2});
  REQUIRE(storage->put(name_of("a"), {}));
  REQUIRE(storage->get(name_of("a")));
  REQUIRE(storage->remove(name_of("b")));
  REQUIRE(storage->stat(name_of("a")));
  CHECK(storage->put(name_of("c"), {}).error().retry == Retry::never);
  CHECK_FALSE(storage->remove(name_of("a")));
  CHECK_FALSE(storage->get(name_of("a")));
  CHECK_FALSE(storage->stat(name_of("a")));
  CHECK_FALSE(names_below(*storage, ""));
  CHECK_FALSE(storage->create());
  CHECK(names_below(*inner, "") == std::vector<std::string>{"a"});
}

TEST_CASE("reads can be numbered too") {
  const auto storage =
      with_faults(make_memory_storage(), {.stop_at = 2, .stop_counts_writes_only = false});
  REQUIRE(storage->put(kName, {}));
  REQUIRE(storage->get(kName));
  CHECK_FALSE(storage->get(kName));
  CHECK_FALSE(storage->put(kName, {}));
}

TEST_CASE("a test can learn how many writes there were") {
  const auto writes = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto storage = with_faults(make_memory_storage(), {}, writes);
  REQUIRE(storage->put(kName, {}));
  REQUIRE(storage->get(kName));
  REQUIRE(storage->remove(kName));
  CHECK(*writes == 2);
}

TEST_CASE("a seed repeats its faults, another seed has others") {
  const FaultPlan plan{.seed = 5, .passing_error_probability = 0.5};
  FaultPlan other = plan;
  other.seed = 6;
  CHECK(outcomes(plan) == outcomes(plan));
  CHECK(outcomes(plan) != outcomes(other));
  CHECK(outcomes(plan).find('+') != std::string::npos);
  CHECK(outcomes(plan).find('-') != std::string::npos);
}

TEST_CASE("a passing error does nothing and may be retried") {
  const std::shared_ptr<Storage> inner = make_memory_storage();
  const auto storage = with_faults(inner, {.passing_error_probability = 1});
  const auto put = storage->put(kName, {});
  REQUIRE_FALSE(put);
  CHECK(put.error().code == ErrorCode::unavailable);
  CHECK(put.error().retry == Retry::backoff);
  CHECK(inner->get(kName).error().code == ErrorCode::not_found);
}

TEST_CASE("a put whose answer is lost has been done") {
  const std::shared_ptr<Storage> inner = make_memory_storage();
  const auto storage = with_faults(inner, {.lost_answer_probability = 1});
  const auto put = storage->put(kName, as_bytes("x"));
  REQUIRE_FALSE(put);
  CHECK(put.error().code == ErrorCode::unavailable);
  CHECK(put.error().retry == Retry::backoff);
  CHECK(difference(*inner, kName, as_bytes("x")) == "");
}

TEST_CASE("a full disk refuses puts for good, and only puts") {
  const std::shared_ptr<Storage> inner = make_memory_storage();
  REQUIRE(inner->put(kName, as_bytes("x")));
  const auto storage = with_faults(inner, {.no_space_probability = 1});
  const auto put = storage->put(name_of("b"), {});
  REQUIRE_FALSE(put);
  CHECK(put.error().code == ErrorCode::no_space);
  CHECK(put.error().retry == Retry::never);
  CHECK(storage->get(kName));
  CHECK(storage->remove(kName));
}

TEST_CASE("a flipped bit is one bit, and the stored object keeps its bytes") {
  const std::shared_ptr<Storage> inner = make_memory_storage();
  const Bytes bytes = random_bytes(100, 1);
  REQUIRE(inner->put(kName, bytes));
  REQUIRE(inner->put(name_of("empty"), {}));
  const auto storage = with_faults(inner, {.flipped_bit_probability = 1});
  for (const auto& found : {storage->get(kName), storage->get(kName, {0, 100})}) {
    REQUIRE(found);
    int flipped = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      flipped += __builtin_popcount(std::to_integer<unsigned>(found->span()[i] ^ bytes.span()[i]));
    }
    CHECK(flipped == 1);
  }
  CHECK(storage->get(name_of("empty")).value().empty());
  CHECK(difference(*inner, kName, bytes) == "");
}

}  // namespace lagan
