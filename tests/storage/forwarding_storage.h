// SPDX-License-Identifier: Apache-2.0
#pragma once

// Passes everything on to a storage that outlives it, but for what a test does otherwise.

#include "storage/storage.h"

namespace lagan {

class ForwardingStorage : public Storage {
 public:
  explicit ForwardingStorage(Storage& inner) : inner_(inner) {}

  Capabilities capabilities() const override { return inner_.capabilities(); }
  std::string description() const override { return inner_.description(); }
  Result<void> create() override { return inner_.create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return inner_.put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override { return inner_.get(name); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return inner_.get(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override { return inner_.stat(name); }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    return inner_.list(prefix, each);
  }
  Result<void> remove(const ObjectName& name) override { return inner_.remove(name); }

 protected:
  Storage& inner_;
};

}  // namespace lagan
