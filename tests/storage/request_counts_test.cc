// SPDX-License-Identifier: Apache-2.0
#include "storage/request_counts.h"

#include <doctest/doctest.h>

#include "storage/fault.h"
#include "storage/memory.h"
#include "tests/storage/helpers.h"

namespace lagan {
namespace {

using Kind = RequestCounts::Kind;

RequestCounts::Row row(const RequestCounts& counts, Kind kind) {
  return counts.rows()[static_cast<std::size_t>(kind)];
}

TEST_CASE("each kind of call is counted with what it carried") {
  const auto counts = std::make_shared<RequestCounts>();
  const auto storage = with_counts(make_memory_storage(), counts);
  REQUIRE(storage->create());
  REQUIRE(storage->put(name_of("a/1"), random_bytes(100, 1)));
  REQUIRE(storage->put(name_of("a/2"), random_bytes(50, 2)));
  REQUIRE(storage->get(name_of("a/1")));
  REQUIRE(storage->get(name_of("a/1"), ByteRange{0, 10}));
  REQUIRE(storage->stat(name_of("a/1")));
  REQUIRE(names_below(*storage, "a/"));
  REQUIRE(storage->remove(name_of("a/1")));
  CHECK(row(*counts, Kind::create).calls == 1);
  CHECK(row(*counts, Kind::put).calls == 2);
  CHECK(row(*counts, Kind::put).bytes == 150);
  CHECK(row(*counts, Kind::get).calls == 2);
  CHECK(row(*counts, Kind::get).bytes == 110);
  CHECK(row(*counts, Kind::stat).calls == 1);
  CHECK(row(*counts, Kind::list).calls == 1);
  CHECK(row(*counts, Kind::remove).calls == 1);
  CHECK(row(*counts, Kind::remove).failures == 0);
}

TEST_CASE("that nothing is there is an answer, and anything else a failure") {
  const auto counts = std::make_shared<RequestCounts>();
  FaultPlan plan;
  plan.stop_at = 0;
  const auto storage = with_counts(with_faults(make_memory_storage(), plan), counts);
  REQUIRE_FALSE(storage->stat(name_of("a/1")));
  REQUIRE_FALSE(storage->put(name_of("a/1"), random_bytes(100, 1)));
  CHECK(row(*counts, Kind::stat).failures == 0);
  CHECK(row(*counts, Kind::put).failures == 1);
  CHECK(row(*counts, Kind::put).bytes == 0);
}

}  // namespace
}  // namespace lagan
