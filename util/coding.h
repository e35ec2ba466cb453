// SPDX-License-Identifier: Apache-2.0
#pragma once

// Little-endian integers in byte strings, one field at a time. Reading past the end is `corrupt`.

#include <cstdint>
#include <string>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

template <typename T>
inline T load_le(const std::byte* from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | (std::to_integer<T>(from[i]) << (8 * i)));
  return value;
}

template <typename T>
inline void store_le(T value, std::byte* to) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    to[i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
}

template <typename T>
inline void append_le(std::string& to, T value) {
  std::byte raw[sizeof(T)];
  store_le(value, raw);
  to.append(as_text(raw));
}

class Reader {
 public:
  explicit Reader(ByteSpan in) : in_(in) {}

  Result<std::uint8_t> u8() { return number<std::uint8_t>(); }
  Result<std::uint16_t> u16le() { return number<std::uint16_t>(); }
  Result<std::uint32_t> u32le() { return number<std::uint32_t>(); }
  Result<std::uint64_t> u64le() { return number<std::uint64_t>(); }
  Result<ByteSpan> bytes(std::size_t count) {
    if (in_.size() < count) return fail(ErrorCode::corrupt, "record ends early");
    const ByteSpan taken = in_.first(count);
    in_ = in_.subspan(count);
    return taken;
  }
  std::size_t left() const { return in_.size(); }

 private:
  template <typename T>
  Result<T> number() {
    const ByteSpan raw = TRY(bytes(sizeof(T)));
    return load_le<T>(raw.data());
  }

  ByteSpan in_;
};

}  // namespace lagan
