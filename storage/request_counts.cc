// SPDX-License-Identifier: Apache-2.0
#include "storage/request_counts.h"

#include <utility>

namespace lagan {
namespace {

using Kind = RequestCounts::Kind;

std::uint64_t bytes_of(const Result<Bytes>& got) { return got ? got->size() : 0; }
template <typename Other>
std::uint64_t bytes_of(const Other&) {
  return 0;
}

class CountedStorage final : public Storage {
 public:
  CountedStorage(std::unique_ptr<Storage> inner, std::shared_ptr<RequestCounts> counts)
      : inner_(std::move(inner)), counts_(std::move(counts)) {}

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }

  Result<void> create() override {
    return counted(Kind::create, 0, [&] { return inner_->create(); });
  }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return counted(Kind::put, bytes.size(), [&] { return inner_->put(name, bytes); });
  }
  Result<Bytes> get(const ObjectName& name) override {
    return counted(Kind::get, 0, [&] { return inner_->get(name); });
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return counted(Kind::get, 0, [&] { return inner_->get(name, range); });
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    return counted(Kind::stat, 0, [&] { return inner_->stat(name); });
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    return counted(Kind::list, 0, [&] { return inner_->list(prefix, each); });
  }
  Result<void> remove(const ObjectName& name) override {
    return counted(Kind::remove, 0, [&] { return inner_->remove(name); });
  }

 private:
  template <typename Call>
  auto counted(Kind kind, std::uint64_t bytes, const Call& call) -> decltype(call()) {
    const auto start = std::chrono::steady_clock::now();
    auto result = call();
    counts_->note(kind, result ? nullptr : &result.error(), result ? bytes + bytes_of(result) : 0,
                  std::chrono::steady_clock::now() - start);
    return result;
  }

  const std::unique_ptr<Storage> inner_;
  const std::shared_ptr<RequestCounts> counts_;
};

}  // namespace

void RequestCounts::note(Kind kind, const Error* failure, std::uint64_t bytes,
                         std::chrono::nanoseconds time) {
  const bool is_answer = failure == nullptr || failure->code == ErrorCode::not_found ||
                         failure->code == ErrorCode::no_repository;
  const MutexLock lock(mutex_);
  Row& row = rows_[static_cast<std::size_t>(kind)];
  row.calls += 1;
  row.failures += is_answer ? 0 : 1;
  row.bytes += bytes;
  row.time += time;
}

std::array<RequestCounts::Row, RequestCounts::kNames.size()> RequestCounts::rows() const {
  const MutexLock lock(mutex_);
  return rows_;
}

std::unique_ptr<Storage> with_counts(std::unique_ptr<Storage> inner,
                                     std::shared_ptr<RequestCounts> counts) {
  return std::make_unique<CountedStorage>(std::move(inner), std::move(counts));
}

}  // namespace lagan
