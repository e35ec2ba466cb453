// SPDX-License-Identifier: Apache-2.0
#pragma once

// A storage that remembers what was asked of it, in order, and lets a test step in before each
// call.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/storage.h"
#include "util/mutex.h"

namespace lagan {

class RecordingStorage final : public Storage {
 public:
  // What `before` gets: "put sessions/12…", "get data/ab/ab…", "list index/". An error is the
  // call's.
  using Before = std::function<Result<void>(const std::string& call)>;

  explicit RecordingStorage(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}

  Before before;  // set while no other thread calls
  std::optional<Capabilities> shown_capabilities;
  // Changes what get answers.
  std::function<void(const std::string& name, Bytes& bytes)> tamper;

  Capabilities capabilities() const override {
    return shown_capabilities.value_or(inner_->capabilities());
  }
  std::string description() const override { return inner_->description(); }
  Result<void> create() override { return inner_->create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    TRY(note("put " + name.text()));
    return inner_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override {
    TRY(note("get " + name.text()));
    Bytes bytes = TRY(inner_->get(name));
    if (tamper) tamper(name.text(), bytes);
    return bytes;
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(note("get " + name.text()));
    Bytes bytes = TRY(inner_->get(name, range));
    if (tamper) tamper(name.text(), bytes);
    return bytes;
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    TRY(note("stat " + name.text()));
    return inner_->stat(name);
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    TRY(note("list " + std::string(prefix)));
    return inner_->list(prefix, each);
  }
  Result<void> remove(const ObjectName& name) override {
    TRY(note("remove " + name.text()));
    return inner_->remove(name);
  }

  Storage& inner() { return *inner_; }

  void forget_calls() {
    const MutexLock lock(mutex_);
    calls_.clear();
  }
  std::vector<std::string> calls() const {
    const MutexLock lock(mutex_);
    return calls_;
  }
  // Those that begin so.
  std::vector<std::string> calls(std::string_view beginning) const {
    std::vector<std::string> found = calls();
    std::erase_if(found, [&](const std::string& call) { return !call.starts_with(beginning); });
    return found;
  }
  // Of the first call that begins so; calls().size() if there is none.
  std::size_t position(std::string_view beginning) const {
    const auto all = calls();
    const auto it = std::ranges::find_if(
        all, [&](const std::string& call) { return call.starts_with(beginning); });
    return static_cast<std::size_t>(it - all.begin());
  }
  // Of the last.
  std::size_t last_position(std::string_view beginning) const {
    const auto all = calls();
    for (std::size_t i = all.size(); i > 0; --i) {
      if (all[i - 1].starts_with(beginning)) return i - 1;
    }
    return all.size();
  }

 private:
  Result<void> note(const std::string& call) {
    {
      const MutexLock lock(mutex_);
      calls_.push_back(call);
    }
    return before ? before(call) : Result<void>();
  }

  const std::shared_ptr<Storage> inner_;
  mutable Mutex mutex_;
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
};

}  // namespace lagan
