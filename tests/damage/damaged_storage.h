// SPDX-License-Identifier: Apache-2.0
#pragma once

// A storage of which one object is missing or has other bytes.

#include <memory>
#include <optional>
#include <utility>

#include "storage/storage.h"

namespace lagan {

class DamagedStorage final : public Storage {
 public:
  // No bytes: the object is missing.
  DamagedStorage(std::shared_ptr<Storage> inner, ObjectName name, std::optional<Bytes> bytes)
      : inner_(std::move(inner)), name_(std::move(name)), bytes_(std::move(bytes)) {}

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }
  Result<void> create() override { return inner_->create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return inner_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override {
    if (name != name_) return inner_->get(name);
    if (!bytes_) return missing();
    return Bytes::copy_of(*bytes_);
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    if (name != name_) return inner_->get(name, range);
    if (!bytes_) return missing();
    if (range.offset > bytes_->size() || range.length > bytes_->size() - range.offset)
      return fail(ErrorCode::corrupt, name.text() + ": ends early");
    return Bytes::copy_of(bytes_->span().subspan(range.offset, range.length));
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    if (name != name_) return inner_->stat(name);
    if (!bytes_) return missing();
    return ObjectInfo{.name = name, .size_bytes = bytes_->size()};
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    return inner_->list(prefix, [&](const ObjectInfo& info) -> Result<void> {
      if (info.name != name_) return each(info);
      if (!bytes_) return {};
      return each({.name = name_, .size_bytes = bytes_->size()});
    });
  }
  Result<void> remove(const ObjectName& name) override { return inner_->remove(name); }

 private:
  tl::unexpected<Error> missing() const {
    return fail(ErrorCode::not_found, name_.text() + ": no such object");
  }

  const std::shared_ptr<Storage> inner_;
  const ObjectName name_;
  const std::optional<Bytes> bytes_;
};

}  // namespace lagan
