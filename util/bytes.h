// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes: owned, move-only, not zeroed when made. ByteSpan: borrowed. A function that keeps data
// takes Bytes by value; one that looks takes a span.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lagan {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::size_t size)
      : data_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}

  static Bytes copy_of(ByteSpan from) {
    Bytes copy(from.size());
    if (!from.empty()) std::memcpy(copy.data(), from.data(), from.size());
    return copy;
  }

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  MutableByteSpan span() { return {data_.get(), size_}; }
  ByteSpan span() const { return {data_.get(), size_}; }
  operator ByteSpan() const {
    return {data_.get(), size_};
  }  // NOLINT: a Bytes may be looked at anywhere

  // Forgets the bytes from `size` on (at most size()).
  void truncate(std::size_t size) { size_ = size < size_ ? size : size_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

// Text and bytes are the same memory seen twice.
inline ByteSpan as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteSpan bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

}  // namespace lagan
