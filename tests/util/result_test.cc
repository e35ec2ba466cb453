// SPDX-License-Identifier: Apache-2.0
#include "util/result.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

namespace lagan {
namespace {

Result<std::unique_ptr<int>> number(bool works) {
  if (!works) return fail(ErrorCode::corrupt, "short read");
  return std::make_unique<int>(20);
}

Result<int> doubled(bool works) {
  const std::unique_ptr<int> value = TRY(number(works));
  return *value * 2;
}

Result<int> doubled_in(bool works, int& evaluated) {
  const auto value = TRY_IN((++evaluated, "pack 3f2a91c0"), number(works));
  return *value * 2;
}

Result<void> nothing(bool works) {
  TRY(doubled(works));
  return {};
}

}  // namespace

TEST_CASE("TRY hands on the value, also one that can only be moved, or the error") {
  CHECK(doubled(true) == 40);
  CHECK(nothing(true));
  const auto failed = nothing(false);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::corrupt);
  CHECK(failed.error().message == "short read");
}

TEST_CASE("TRY_IN says where, and works it out only when needed") {
  int evaluated = 0;
  CHECK(doubled_in(true, evaluated) == 40);
  CHECK(evaluated == 0);
  CHECK(doubled_in(false, evaluated).error().message == "pack 3f2a91c0: short read");
  CHECK(evaluated == 1);
}

TEST_CASE("an error keeps its code and its advice on the way out") {
  const Error busy{ErrorCode::unavailable, "busy", Retry::backoff, std::chrono::seconds(3)};
  const Error outer = Error(busy).in("put x").in("backup");
  CHECK(outer.message == "backup: put x: busy");
  CHECK(outer.code == ErrorCode::unavailable);
  CHECK(outer.retry == Retry::backoff);
  CHECK(outer.retry_after == std::chrono::seconds(3));
}

TEST_CASE("what the system says becomes a code that callers can decide on") {
  CHECK(system_error("x", ENOENT).code == ErrorCode::not_found);
  CHECK(system_error("x", EEXIST).code == ErrorCode::already_exists);
  CHECK(system_error("x", EACCES).code == ErrorCode::permission);
  CHECK(system_error("x", EROFS).code == ErrorCode::permission);
  CHECK(system_error("x", ENOSPC).code == ErrorCode::no_space);
  CHECK(system_error("x", EDQUOT).code == ErrorCode::no_space);
  CHECK(system_error("x", EIO).code == ErrorCode::io);
  // What may pass by itself, and says nothing about what is stored.
  for (const int passing : {EMFILE, ENFILE, ENOMEM, ESTALE, ETIMEDOUT, EHOSTDOWN, ENOTCONN})
    CHECK(system_error("x", passing).code == ErrorCode::unavailable);
  CHECK(system_error("open /x", ENOENT).message == "open /x: No such file or directory");
}

}  // namespace lagan
