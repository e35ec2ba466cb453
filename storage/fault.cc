// SPDX-License-Identifier: Apache-2.0
#include "storage/fault.h"

#include <random>
#include <string>
#include <utility>

#include "util/mutex.h"

namespace lagan {
namespace {

enum class Access { read, write };

tl::unexpected<Error> passing_error(std::string message) {
  return fail(Error{ErrorCode::unavailable, std::move(message), Retry::backoff, {}});
}

class FaultyStorage final : public Storage {
 public:
  FaultyStorage(std::shared_ptr<Storage> inner, FaultPlan plan,
                std::shared_ptr<std::atomic<std::uint64_t>> operations)
      : inner_(std::move(inner)),
        plan_(plan),
        operations_(std::move(operations)),
        random_(plan.seed) {}

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }

  Result<void> create() override {
    TRY(begin(Access::read));  // makes no object, so it is none of the numbered writes
    return inner_->create();
  }

  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    TRY(begin(Access::write));
    if (happens(plan_.no_space_probability)) {
      return fail(ErrorCode::no_space, "planned fault: no space");
    }
    TRY(inner_->put(name, bytes));
    if (happens(plan_.lost_answer_probability)) return passing_error("planned fault: answer lost");
    return {};
  }

  Result<Bytes> get(const ObjectName& name) override {
    TRY(begin(Access::read));
    return perhaps_flipped(TRY(inner_->get(name)));
  }

  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(begin(Access::read));
    return perhaps_flipped(TRY(inner_->get(name, range)));
  }

  Result<ObjectInfo> stat(const ObjectName& name) override {
    TRY(begin(Access::read));
    return inner_->stat(name);
  }

  Result<void> list(std::string_view prefix, const EachObject& each) override {
    TRY(begin(Access::read));
    return inner_->list(prefix, each);
  }

  Result<void> remove(const ObjectName& name) override {
    TRY(begin(Access::write));
    return inner_->remove(name);
  }

 private:
  Result<void> begin(Access access) {
    if (access == Access::write || !plan_.stop_counts_writes_only) {
      if (operations_) operations_->fetch_add(1);
      if (next_number_.fetch_add(1) >= plan_.stop_at) stopped_ = true;
    }
    if (stopped_) return fail(ErrorCode::io, "planned fault: stopped");
    if (happens(plan_.passing_error_probability)) return passing_error("planned fault: try again");
    return {};
  }

  // Not a std:: distribution: those may differ between libraries, and a seed shall repeat anywhere.
  bool happens(double probability) {
    if (probability <= 0) return false;
    MutexLock lock(mutex_);
    return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
  }

  Bytes perhaps_flipped(Bytes bytes) {
    if (bytes.empty() || !happens(plan_.flipped_bit_probability)) return bytes;
    MutexLock lock(mutex_);
    const std::uint64_t bit = random_() % (std::uint64_t{bytes.size()} * 8);
    bytes.span()[bit / 8] ^= std::byte{1} << (bit % 8);
    return bytes;
  }

  const std::shared_ptr<Storage> inner_;
  const FaultPlan plan_;
  const std::shared_ptr<std::atomic<std::uint64_t>> operations_;
  std::atomic<std::uint64_t> next_number_ = 0;
  std::atomic<bool> stopped_ = false;
  Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Storage> with_faults(std::shared_ptr<Storage> inner, FaultPlan plan,
                                     std::shared_ptr<std::atomic<std::uint64_t>> operations) {
  return std::make_unique<FaultyStorage>(std::move(inner), plan, std::move(operations));
}

}  // namespace lagan
