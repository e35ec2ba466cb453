// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_boot.h"

#include <doctest/doctest.h>

#include "tests/engine/damage_samples.h"

namespace lagan {
namespace {

RepairBootPlan repair(Damaged& damaged) {
  const auto looked = repair_boot(**damaged.client.repository.open_again(), false);
  REQUIRE_MESSAGE(looked, looked.error().message);
  const auto done = repair_boot(**damaged.client.repository.open_again(), true);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(looked->boot_record == done->boot_record);
  CHECK(looked->config == done->config);
  return *done;
}

TEST_CASE("lagan.repo is made again byte for byte from any key") {
  Damaged damaged;
  CHECK(repair(damaged).is_empty());
  const Bytes before = damaged.storage().get(names::boot()).value();
  SUBCASE("missing") { damaged.remove("lagan.repo"); }
  SUBCASE("damaged") { damaged.flip("lagan.repo"); }
  SUBCASE("cut short") {
    damaged.client.repository.overwrite("lagan.repo", before.span().first(9));
  }
  CHECK(repair(damaged).boot_record);
  CHECK(as_text(damaged.storage().get(names::boot()).value()) == as_text(before));
  CHECK(repair(damaged).is_empty());
  damaged.check_is_clean();
}

TEST_CASE("a repository whose config is lost or damaged can be written again after a repair") {
  Damaged damaged;
  const std::string config = damaged.names("config/").front();
  bool is_there = true;
  SUBCASE("missing") {
    damaged.remove(config);
    is_there = false;
  }
  SUBCASE("damaged") { damaged.flip(config); }
  CHECK_FALSE((*damaged.client.repository.open_again())->check_writable());
  CHECK(repair(damaged).config);
  const auto reopened = damaged.client.repository.open_again();
  REQUIRE(reopened);
  CHECK((*reopened)->check_writable());
  CHECK((*reopened)->config().revision == 2);
  CHECK(damaged.has(config) == is_there);
  CHECK(repair(damaged).is_empty());
}

}  // namespace
}  // namespace lagan
