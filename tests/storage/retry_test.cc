// SPDX-License-Identifier: Apache-2.0
#include "storage/retry.h"

#include <doctest/doctest.h>

#include <deque>

#include "storage/fault.h"
#include "storage/memory.h"
#include "tests/storage/helpers.h"

namespace lagan {
namespace {

using std::chrono::milliseconds;
using Waits = std::vector<std::int64_t>;

const ObjectName kName = ObjectName::parse("packs/a").value();

Error busy(milliseconds retry_after = {}) {
  return {ErrorCode::unavailable, "busy", Retry::backoff, retry_after};
}

// Answers stat with these errors in turn, then (or from the start) with success; counts the calls.
class Scripted final : public Storage {
 public:
  std::deque<Error> errors;
  int calls = 0;
  std::vector<std::string> names;      // what list delivers
  std::size_t names_before_error = 0;  // how far list comes before it returns an error

  Capabilities capabilities() const override { return {}; }
  std::string description() const override { return "scripted"; }
  Result<void> create() override { return next(); }
  Result<void> put(const ObjectName&, ByteSpan) override { return next(); }
  Result<Bytes> get(const ObjectName&) override {
    return next().map([] { return Bytes(); });
  }
  Result<Bytes> get(const ObjectName&, ByteRange) override {
    return next().map([] { return Bytes(); });
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    return next().map([&] { return ObjectInfo{.name = name}; });
  }
  Result<void> list(std::string_view, const EachObject& each) override {
    auto answer = next();
    for (std::size_t i = 0; i < (answer ? names.size() : names_before_error); ++i) {
      TRY(each(ObjectInfo{.name = name_of(names[i])}));
    }
    return answer;
  }
  Result<void> remove(const ObjectName&) override { return next(); }

 private:
  Result<void> next() {
    ++calls;
    if (errors.empty()) return {};
    Error error = std::move(errors.front());
    errors.pop_front();
    return fail(std::move(error));
  }
};

struct Retried {
  Waits waits;
  Scripted* inner = nullptr;
  std::unique_ptr<Storage> storage;
};

// The longest waits the jitter allows, noted instead of waited.
std::unique_ptr<Retried> retried(std::deque<Error> errors, RetryOptions options = {}) {
  auto made = std::make_unique<Retried>();
  auto inner = std::make_unique<Scripted>();
  inner->errors = std::move(errors);
  made->inner = inner.get();
  options.wait = [waits = &made->waits](milliseconds wait) {
    waits->push_back(wait.count());
    return true;
  };
  if (!options.random) {
    options.random = [waits = &made->waits, first = options.first_wait,
                      longest = options.longest_wait] {
      // The jitter is this number modulo (the longest wait of this round + 1).
      const auto doubled = first.count() << std::min<std::size_t>(waits->size(), 20);
      return static_cast<std::uint64_t>(std::min(doubled, longest.count()));
    };
  }
  made->storage = with_retries(std::move(inner), std::move(options));
  return made;
}

}  // namespace

TEST_CASE("every call is repeated until it succeeds") {
  const auto calls_made = [](const std::function<bool(Storage&)>& call) {
    const auto test = retried({busy(), busy()});
    CHECK(call(*test->storage));
    return test->inner->calls;
  };
  CHECK(calls_made([](Storage& s) -> bool { return s.create().has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return s.put(kName, {}).has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return s.get(kName).has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return s.get(kName, {0, 1}).has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return s.stat(kName).has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return s.remove(kName).has_value(); }) == 3);
  CHECK(calls_made([](Storage& s) -> bool { return names_below(s, "").has_value(); }) == 3);
}

TEST_CASE("waits double up to the longest one") {
  const auto test = retried(std::deque<Error>(9, busy()));
  REQUIRE(test->storage->stat(kName));
  CHECK(test->waits == Waits{1000, 2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000, 60'000});
}

TEST_CASE("the jitter is full: a wait may be anything from nothing to its bound") {
  RetryOptions options;
  std::uint64_t number = 0;
  options.random = [&] { return number += 1001 + 250; };
  const auto test = retried({busy()}, options);
  REQUIRE(test->storage->stat(kName));
  CHECK(test->waits == Waits{250});
}

TEST_CASE("an error that will not pass is returned at once") {
  const auto test = retried({Error{ErrorCode::corrupt, "bad tag", Retry::never, {}}});
  CHECK(test->storage->stat(kName).error().message == "bad tag");
  CHECK(test->inner->calls == 1);
  CHECK(test->waits.empty());
}

TEST_CASE("'now' means now once, later it means later") {
  const Error stale{ErrorCode::io, "stale connection", Retry::now, {}};
  const auto test = retried({stale, stale, stale});
  REQUIRE(test->storage->stat(kName));
  CHECK(test->waits == Waits{1000, 2000});
}

TEST_CASE("the server's wish is a lower bound, unless it is longer than the budget") {
  RetryOptions options;
  options.random = [] { return 0; };
  const auto test = retried({busy(milliseconds(30'000))}, options);
  REQUIRE(test->storage->stat(kName));
  CHECK(test->waits == Waits{30'000});

  options.budget = milliseconds(10'000);
  const auto hours = retried({busy(std::chrono::hours(24))}, options);
  REQUIRE(hours->storage->stat(kName));
  CHECK(hours->waits == Waits{10'000});
}

TEST_CASE("when the budget is used up the last error comes out, not to be retried again") {
  RetryOptions options;
  options.budget = milliseconds(10'000);
  const auto test = retried(std::deque<Error>(100, busy()), options);
  const auto result = test->storage->stat(kName);
  REQUIRE_FALSE(result);
  CHECK(test->waits == Waits{1000, 2000, 4000});
  CHECK(result.error().code == ErrorCode::unavailable);
  CHECK(result.error().retry == Retry::never);
  CHECK(result.error().message == "busy (gave up after 4 attempts)");
}

TEST_CASE("once a call was given up others do not wait, until one is answered") {
  RetryOptions options;
  options.budget = milliseconds(10'000);
  const Error stale{ErrorCode::io, "stale connection", Retry::now, {}};
  const auto test =
      retried({busy(), busy(), busy(), busy(), busy(), stale, busy(), stale}, options);
  CHECK_FALSE(test->storage->stat(kName));
  CHECK(test->inner->calls == 4);
  test->waits.clear();
  const auto next = test->storage->stat(kName);
  REQUIRE_FALSE(next);
  CHECK(next.error().message == "busy (gave up after 1 attempt: others failed before it)");
  CHECK(next.error().retry == Retry::never);
  CHECK_FALSE(test->storage->stat(kName));
  CHECK(test->storage->stat(kName));
  CHECK(test->waits.empty());
  test->inner->errors = {busy()};
  CHECK(test->storage->stat(kName));
  CHECK(test->waits.size() == 1);
}

TEST_CASE("there is one retry even without a budget") {
  RetryOptions options;
  options.budget = milliseconds(0);
  const auto test = retried(std::deque<Error>(100, busy()), options);
  CHECK_FALSE(test->storage->stat(kName));
  CHECK(test->inner->calls == 2);
}

TEST_CASE("each failure is told before its wait") {
  std::vector<std::string> told;
  RetryOptions options;
  options.notice = [&](const Error& error, milliseconds wait) {
    told.push_back(fmt::format("{} {}", error.message, wait.count()));
  };
  const auto test = retried({busy(), busy()}, options);
  REQUIRE(test->storage->stat(kName));
  CHECK(told == std::vector<std::string>{"busy 1000", "busy 2000"});
}

TEST_CASE("a stop ends the wait and the retries at once") {
  std::stop_source stop;
  RetryOptions options;
  options.first_wait = options.longest_wait = std::chrono::hours(1);
  options.stop = stop.get_token();
  options.random = [] { return std::uint64_t{3'000'000}; };
  auto inner = std::make_unique<Scripted>();
  Scripted& scripted = *inner;
  scripted.errors = {busy(), busy()};
  SUBCASE("before the wait") { stop.request_stop(); }
  SUBCASE("during the wait") {
    options.notice = [&](const Error&, milliseconds) { stop.request_stop(); };
  }
  SUBCASE("when nothing is waited for") {
    scripted.errors.front().retry = Retry::now;
    stop.request_stop();
  }
  const auto storage = with_retries(std::move(inner), options);
  const auto result = storage->stat(kName);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::cancelled);
  CHECK(scripted.calls == 1);
}

TEST_CASE("the real wait waits, and goes on") {
  RetryOptions options;
  options.first_wait = milliseconds(2);
  auto inner = std::make_unique<Scripted>();
  inner->errors = {busy(), busy(), busy()};
  CHECK(with_retries(std::move(inner), options)->stat(kName));
}

TEST_CASE("a listing that failed half-way delivers each name once") {
  const auto test = retried({busy(), busy()});
  test->inner->names = {"a", "b", "c", "d"};
  test->inner->names_before_error = 3;
  CHECK(names_below(*test->storage, "") == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(test->inner->calls == 3);
}

TEST_CASE("a listing that keeps failing is an error, never a short success") {
  RetryOptions options;
  options.budget = milliseconds(5000);
  const auto test = retried(std::deque<Error>(100, busy()), options);
  test->inner->names = {"a", "b", "c", "d"};
  test->inner->names_before_error = 3;
  CHECK_FALSE(names_below(*test->storage, ""));
}

TEST_CASE("a flaky storage with retries works like a sound one") {
  const FaultPlan plan{
      .seed = 42, .passing_error_probability = 0.3, .lost_answer_probability = 0.3};
  RetryOptions options;
  options.wait = [](milliseconds) { return true; };
  options.budget = std::chrono::hours(24);
  const auto storage = with_retries(with_faults(make_memory_storage(), plan), options);
  for (int i = 0; i < 100; ++i) {
    const Bytes bytes = random_bytes(100, static_cast<std::uint64_t>(i));
    const ObjectName name = name_of(fmt::format("packs/{}", i));
    REQUIRE(storage->put(name, bytes));
    REQUIRE(difference(*storage, name, bytes) == "");
  }
  CHECK(names_below(*storage, "packs/").value().size() == 100);
}

}  // namespace lagan
