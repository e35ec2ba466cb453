// SPDX-License-Identifier: Apache-2.0
#pragma once

// Protobuf wire format, read with suspicion and written canonically. A thin layer over protozero,
// whose reader asserts on wire types and truncates lengths to 32 bits: here both are refused. Only
// repo's encoders and decoders use this.
//
// A decoder is one loop: `while (in.next()) switch (in.field()) …`. The first thing that is wrong
// ends the loop and stays; `status` reports it. A getter that cannot answer returns zero.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <protozero/basic_pbf_writer.hpp>
#include <protozero/buffer_string.hpp>
#include <protozero/exception.hpp>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/bytes.h"
#include "util/coding.h"
#include "util/result.h"

namespace lagan {

class WireReader {
 public:
  explicit WireReader(ByteSpan message) : WireReader(as_text(message)) {}
  explicit WireReader(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  // Goes to the next field and takes it in whole. False at the end, and after a refusal.
  bool next() {
    if (again_) twice_ = true;
    again_ = false;
    if (at_ == end_ || trouble_ != nullptr) return false;
    return take_field();
  }

  std::uint32_t field() const { return field_; }
  // The current field as it stands in the message, tag included.
  std::string_view raw() const { return {start_, static_cast<std::size_t>(at_ - start_)}; }
  // Zero, or nothing between the quotes.
  bool is_default() const { return is_delimited() ? bytes_.empty() : number_ == 0; }
  bool is_delimited() const { return type_ == protozero::pbf_wire_type::length_delimited; }
  bool is_fixed32() const { return type_ == protozero::pbf_wire_type::fixed32; }

  std::uint64_t u64() {
    expect(protozero::pbf_wire_type::varint);
    return number_;
  }
  std::uint32_t u32() {
    if (u64() > std::numeric_limits<std::uint32_t>::max()) refuse("a number is out of range");
    return static_cast<std::uint32_t>(number_);
  }
  std::int64_t s64() { return protozero::decode_zigzag64(u64()); }
  std::int32_t s32() { return protozero::decode_zigzag32(u32()); }
  bool flag() { return u64() != 0; }
  std::uint64_t fixed64() {
    expect(protozero::pbf_wire_type::fixed64);
    return number_;
  }
  // Borrowed from the message.
  std::string_view bytes() {
    expect(protozero::pbf_wire_type::length_delimited);
    return bytes_;
  }
  std::string text() { return std::string(bytes()); }
  template <typename AnyId>
  AnyId id() {
    const auto id = AnyId::from_bytes(as_bytes(bytes()));
    if (!id) refuse("an id has the wrong size");
    return id.value_or(AnyId{});
  }
  // Fills all of `into`.
  void copy_to(MutableByteSpan into);
  template <typename Value>
  void message(void (*read)(WireReader&, Value&), Value& value) {
    WireReader inner(bytes());
    read(inner, value);
    absorb(inner);
  }
  // One number, or many packed into one field.
  template <typename Each>
  void each_u32(const Each& each);

  // Ids without anything between them. They lie so in memory too: an Id is its bytes.
  template <typename AnyId>
  void joined_ids(std::vector<AnyId>& ids);

  // The current field may occur any number of times …
  WireReader& repeated() {
    again_ = false;
    return *this;
  }
  // … or is of a later version.
  void unknown() {
    again_ = false;
    unknown_ = true;
  }

  // What was seen so far, nested messages included.
  bool saw(std::uint32_t field) const { return (seen_ >> field & 1) != 0; }  // field < 64
  bool saw_all(std::initializer_list<std::uint32_t> fields) const {
    return std::ranges::all_of(fields, [this](std::uint32_t field) { return saw(field); });
  }
  bool saw_unknown() const { return unknown_; }
  bool saw_twice() const { return twice_ || again_; }  // a field that is not repeated
  bool all_shortest() const { return shortest_; }      // varints

  // The message is wrong; `why` is a literal.
  void refuse(const char* why) {
    if (trouble_ == nullptr) trouble_ = why;
  }
  bool refused() const { return trouble_ != nullptr; }
  // `corrupt`, with `what` the message is, if anything was refused.
  Result<void> status(std::string_view what) const;

 private:
  bool take_field();
  std::uint64_t take_varint();
  const char* take(std::uint64_t size_bytes);
  void expect(protozero::pbf_wire_type type) {
    if (type_ == type) return;
    number_ = 0;
    bytes_ = {};
    refuse("a field has the wrong wire type");
  }
  void absorb(const WireReader& inner) {
    if (inner.trouble_ != nullptr) refuse(inner.trouble_);
    unknown_ = unknown_ || inner.unknown_;
    twice_ = twice_ || inner.saw_twice();
    shortest_ = shortest_ && inner.shortest_;
  }

  const char* at_;
  const char* end_;
  const char* start_ = nullptr;
  const char* trouble_ = nullptr;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  std::uint64_t seen_ = 0;  // a bit for each field number below 64
  std::uint32_t field_ = 0;
  protozero::pbf_wire_type type_ = protozero::pbf_wire_type::unknown;
  bool again_ = false;
  bool twice_ = false;
  bool unknown_ = false;
  bool shortest_ = true;
};

// Fields must be written in ascending order. Those that hold their default are left out, so an
// empty nested message leaves no trace.
template <typename Buffer>
class WireWriter {
 public:
  explicit WireWriter(Buffer& into) : out_(into) {}
  // A nested message, open until this writer dies.
  WireWriter(WireWriter& parent, std::uint32_t field) : out_(parent.out_, field) {}

  void u64(std::uint32_t field, std::uint64_t value) {
    if (value != 0) out_.add_uint64(field, value);
  }
  void s64(std::uint32_t field, std::int64_t value) {
    if (value != 0) out_.add_sint64(field, value);
  }
  // A field with presence: written even if it is zero.
  void present_u64(std::uint32_t field, std::uint64_t value) { out_.add_uint64(field, value); }
  void present_s64(std::uint32_t field, std::int64_t value) { out_.add_sint64(field, value); }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    if (value != 0) out_.add_fixed64(field, value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    if (!value.empty()) element(field, value);
  }
  void bytes(std::uint32_t field, ByteSpan value) { bytes(field, as_text(value)); }
  // An element of a repeated field: written even if it is empty.
  void element(std::uint32_t field, std::string_view value) {
    out_.add_bytes(field, value.data(), value.size());
  }
  template <typename AnyId>
  void joined_ids(std::uint32_t field, const std::vector<AnyId>& ids) {
    bytes(field, std::as_bytes(std::span(ids)));
  }
  template <typename Numbers>
  void packed_u32(std::uint32_t field, const Numbers& numbers) {
    out_.add_packed_uint32(field, numbers.begin(), numbers.end());
  }

 private:
  protozero::basic_pbf_writer<Buffer> out_;
};

using StringWriter = WireWriter<std::string>;

// The fields of two messages as one message, by ascending number, those of `known` first.
std::string merge_fields(std::string_view known, std::string_view unknown);

// What a varint takes.
inline std::size_t varint_size(std::uint64_t value) {
  return static_cast<std::size_t>(protozero::length_of_varint(value));
}

inline std::uint64_t WireReader::take_varint() {
  const char* const from = at_;
  const std::uint64_t value = protozero::decode_varint(&at_, end_);
  const auto size = at_ - from;
  if (size > 1 && at_[-1] == 0) shortest_ = false;
  // protozero drops what the tenth byte has beyond 64 bits.
  if (size == protozero::max_varint_length && static_cast<unsigned char>(at_[-1]) > 1)
    refuse("a number is out of range");
  return value;
}

inline const char* WireReader::take(std::uint64_t size_bytes) {
  if (size_bytes > static_cast<std::uint64_t>(end_ - at_))
    throw protozero::end_of_buffer_exception();
  return std::exchange(at_, at_ + size_bytes);
}

inline bool WireReader::take_field() {
  // The only place that meets protozero's exceptions, but for each_u32.
  try {
    start_ = at_;
    const std::uint64_t tag = take_varint();
    field_ = static_cast<std::uint32_t>(tag >> 3);
    if (field_ == 0 || tag > std::numeric_limits<std::uint32_t>::max())
      refuse("a field number is out of range");
    type_ = static_cast<protozero::pbf_wire_type>(tag & 7);
    switch (type_) {
      case protozero::pbf_wire_type::varint:
        number_ = take_varint();
        break;
      case protozero::pbf_wire_type::fixed64:
        number_ = load_le<std::uint64_t>(as_bytes({take(8), 8}).data());
        break;
      case protozero::pbf_wire_type::fixed32:
        number_ = load_le<std::uint32_t>(as_bytes({take(4), 4}).data());
        break;
      case protozero::pbf_wire_type::length_delimited: {
        const std::uint64_t size = take_varint();
        bytes_ = {take(size), static_cast<std::size_t>(size)};
        break;
      }
      default:
        refuse("a field has an unknown wire type");
    }
  } catch (const protozero::exception&) {
    refuse("a field is cut short");
  }
  if (field_ < 64) {
    const std::uint64_t bit = std::uint64_t{1} << field_;
    again_ = (seen_ & bit) != 0;
    seen_ |= bit;
  }
  return !refused();
}

template <typename AnyId>
void WireReader::joined_ids(std::vector<AnyId>& ids) {
  const ByteSpan joined = as_bytes(bytes());
  if (joined.size() % AnyId::kSize != 0) return refuse("joined ids have the wrong size");
  ids.resize(joined.size() / AnyId::kSize);
  if (!ids.empty()) std::memcpy(ids.data(), joined.data(), joined.size());
}

template <typename Each>
void WireReader::each_u32(const Each& each) {
  if (!is_delimited()) return each(u32());
  WireReader numbers(bytes_);
  try {
    while (numbers.at_ != numbers.end_ && !numbers.refused() && !refused()) {
      const std::uint64_t number = numbers.take_varint();
      if (number > std::numeric_limits<std::uint32_t>::max())
        return refuse("a number is out of range");
      each(static_cast<std::uint32_t>(number));
    }
  } catch (const protozero::exception&) {
    refuse("a number is cut short");
  }
  absorb(numbers);
}

}  // namespace lagan
