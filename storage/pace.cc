// SPDX-License-Identifier: Apache-2.0
#include "storage/pace.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace lagan {
namespace {

constexpr std::chrono::milliseconds kLook{200};

CallsAtATime::Outcome outcome_of(const Error* failure) {
  if (failure == nullptr) return CallsAtATime::Outcome::answered;
  // Busy, or in trouble that passes. A connection that broke says nothing, its advice is `now`.
  const bool is_busy = failure->code == ErrorCode::unavailable && failure->retry == Retry::backoff;
  return is_busy ? CallsAtATime::Outcome::busy : CallsAtATime::Outcome::neither;
}

class PacedStorage final : public Storage {
 public:
  PacedStorage(std::unique_ptr<Storage> inner, PaceOptions options)
      : inner_(std::move(inner)), options_(std::move(options)) {}

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }

  Result<void> create() override {
    return paced([&] { return inner_->create(); });
  }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return paced([&] { return inner_->put(name, bytes); });
  }
  Result<Bytes> get(const ObjectName& name) override {
    return paced([&] { return inner_->get(name); });
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return paced([&] { return inner_->get(name, range); });
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    return paced([&] { return inner_->stat(name); });
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    count();
    return inner_->list(prefix, each);
  }
  Result<void> remove(const ObjectName& name) override {
    return paced([&] { return inner_->remove(name); });
  }

 private:
  void count() {
    // Of a transfer without end, so that it is none of the small ones that need not wait.
    if (options_.calls) options_.calls->passed(1, UINT64_MAX, options_.stop);
  }

  template <typename Call>
  auto paced(const Call& call) -> decltype(call()) {
    count();
    at_a_time_.begin(options_.stop);
    auto result = call();
    at_a_time_.end(outcome_of(result ? nullptr : &result.error()));
    return result;
  }

  const std::unique_ptr<Storage> inner_;
  const PaceOptions options_;
  CallsAtATime at_a_time_;
};

}  // namespace

void CallsAtATime::begin(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  // Nobody wakes who waits when the run is stopped: it looks by itself.
  while (static_cast<double>(under_way_) + 1 > limit_ && !stop.stop_requested())
    room_.wait_for(mutex_, kLook);
  ++under_way_;
}

void CallsAtATime::end(Outcome outcome) {
  {
    const MutexLock lock(mutex_);
    if (outcome == Outcome::answered) limit_ = std::min<double>(kMost, limit_ + 1 / limit_);
    // Half of those that were too many, not of what was allowed and never used.
    if (outcome == Outcome::busy)
      limit_ = std::max(1.0, std::min(limit_, static_cast<double>(under_way_)) / 2);
    --under_way_;
  }
  room_.notify_all();
}

std::size_t CallsAtATime::limit() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(limit_);
}

std::unique_ptr<Storage> with_pace(std::unique_ptr<Storage> inner, PaceOptions options) {
  return std::make_unique<PacedStorage>(std::move(inner), std::move(options));
}

}  // namespace lagan
