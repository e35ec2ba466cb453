// SPDX-License-Identifier: Apache-2.0
#include "storage/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <unordered_set>
#include <utility>

#include "util/mutex.h"

namespace lagan {
namespace {

using std::chrono::milliseconds;

std::function<bool(milliseconds)> wait_unless(const std::stop_token& stop) {
  return [stop](milliseconds duration) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  };
}

std::function<std::uint64_t()> seeded_by_the_system() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

class RetryingStorage final : public Storage {
 public:
  RetryingStorage(std::unique_ptr<Storage> inner, RetryOptions options)
      : inner_(std::move(inner)), options_(std::move(options)) {
    if (!options_.wait) options_.wait = wait_unless(options_.stop);
    random_ = options_.random ? options_.random : seeded_by_the_system();
  }

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }

  Result<void> create() override {
    return repeat([&] { return inner_->create(); });
  }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return repeat([&] { return inner_->put(name, bytes); });
  }
  Result<Bytes> get(const ObjectName& name) override {
    return repeat([&] { return inner_->get(name); });
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return repeat([&] { return inner_->get(name, range); });
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    return repeat([&] { return inner_->stat(name); });
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override {
    return repeat([&] { return inner_->remove(name); });
  }

 private:
  // What one call has used up so far.
  struct Attempts {
    std::size_t failed = 0;
    milliseconds spent{0};
    milliseconds longest_jitter{0};
  };

  template <typename Call>
  auto repeat(const Call& call) -> decltype(call());
  Result<void> wait_after(Error error, Attempts& attempts);
  milliseconds next_wait(const Error& error, Attempts& attempts);
  milliseconds jitter(milliseconds longest);

  const std::unique_ptr<Storage> inner_;
  RetryOptions options_;
  std::atomic<bool> is_away_ = false;  // a call was given up, and none answered since
  Mutex mutex_;
  std::function<std::uint64_t()> random_ GUARDED_BY(mutex_);
};

template <typename Call>
auto RetryingStorage::repeat(const Call& call) -> decltype(call()) {
  Attempts attempts;
  for (;;) {
    const auto start = std::chrono::steady_clock::now();
    auto result = call();
    if (result || result.error().retry == Retry::never) {
      is_away_ = false;
      return result;
    }
    attempts.spent +=
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
    TRY(wait_after(std::move(result).error(), attempts));
  }
}

// Success means: try again now. Waits are counted by the time that was asked for, not by a clock,
// so that a laptop asleep uses up no budget and a test needs none.
Result<void> RetryingStorage::wait_after(Error error, Attempts& attempts) {
  const milliseconds wait = next_wait(error, attempts);
  const bool is_used_up = attempts.failed > 1 && attempts.spent + wait > options_.budget;
  // A connection that has gone stale is made again even then, unless that took long to find out.
  const bool waits_in_vain = wait.count() > 0 || attempts.spent >= options_.first_wait;
  if (is_used_up || (is_away_ && waits_in_vain)) {
    is_away_ = true;
    error.message += attempts.failed > 1
                         ? fmt::format(" (gave up after {} attempts)", attempts.failed)
                         : " (gave up after 1 attempt: others failed before it)";
    error.retry = Retry::never;
    return fail(std::move(error));
  }
  if (options_.notice) options_.notice(error, wait);
  const bool goes_on = wait.count() > 0 ? options_.wait(wait) : !options_.stop.stop_requested();
  if (!goes_on) return fail(ErrorCode::cancelled, "stopped while waiting after: " + error.message);
  attempts.spent += wait;
  return {};
}

milliseconds RetryingStorage::next_wait(const Error& error, Attempts& attempts) {
  attempts.failed += 1;
  // "now" once (a stale connection, say); a second time in a row it is no better than "later".
  if (error.retry == Retry::now && attempts.failed == 1) return milliseconds(0);
  attempts.longest_jitter = attempts.longest_jitter.count() == 0
                                ? options_.first_wait
                                : std::min(attempts.longest_jitter * 2, options_.longest_wait);
  // On top of the server's wish, or all its clients would come back at the same moment. A wish
  // beyond the budget must not hold us for days.
  return std::min(error.retry_after, options_.budget) + jitter(attempts.longest_jitter);
}

milliseconds RetryingStorage::jitter(milliseconds longest) {
  const auto choices =
      static_cast<std::uint64_t>(std::max<milliseconds::rep>(longest.count(), 0)) + 1;
  MutexLock lock(mutex_);
  return milliseconds(static_cast<milliseconds::rep>(random_() % choices));
}

Result<void> RetryingStorage::list(std::string_view prefix, const EachObject& each) {
  std::unordered_set<std::string> delivered;
  std::optional<Error> refusal;  // of `each`: not the storage's failure, whatever its advice says
  const EachObject each_once = [&](const ObjectInfo& object) -> Result<void> {
    if (!delivered.insert(object.name.text()).second) return {};
    auto taken = each(object);
    if (taken) return {};
    refusal = std::move(taken).error();
    return fail(ErrorCode::cancelled, "the caller has seen enough");
  };
  auto listed = repeat([&] { return inner_->list(prefix, each_once); });
  if (refusal) return fail(*std::move(refusal));
  return listed;
}

}  // namespace

std::unique_ptr<Storage> with_retries(std::unique_ptr<Storage> inner, RetryOptions options) {
  return std::make_unique<RetryingStorage>(std::move(inner), std::move(options));
}

}  // namespace lagan
