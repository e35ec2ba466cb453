// SPDX-License-Identifier: Apache-2.0
#pragma once

// Named, immutable objects kept somewhere: a folder, a server, memory. Storage knows no format and
// no key; what it holds is already sealed. Every call blocks, and every call may run on several
// threads at once; how many at a time helps is in capabilities().
//
// Promises that every backend keeps (tests/storage/contract_test.cc):
//  - put is all or nothing: before it returns nobody sees a part of the object under its name;
//  after it has
//    returned success the object is durable and get, stat and list see it.
//  - put is idempotent: a name never stands for other bytes, so an object that is already there is
//  success
//    (kept, or replaced by the same bytes).
//  - get returns exactly what was asked for or an error; never short, never clamped.
//  - list is complete or an error, in any order, each name once; temporary files do not show.
//  - removing what is not there succeeds.
//  - a missing object is `not_found`; a missing location (folder, bucket) is `no_repository`.
// Errors carry retry advice (util/result.h); backends do not retry, the retry decorator does.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace lagan {

// A validated object name: segments of [a-z0-9._-] joined by '/', 1 to 200 bytes, no segment empty
// or beginning with a dot. Safe in a path, a URL and on a store that ignores case. No object's name
// is a folder of another's: who stores `a/b` stores nothing called `a`.
class ObjectName {
 public:
  static Result<ObjectName> parse(std::string_view text);
  const std::string& text() const { return text_; }
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;

 private:
  explicit ObjectName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct ObjectInfo {
  ObjectName name;
  std::uint64_t size_bytes = 0;
  // By the store's clock; advice, except where the protocol says so.
  std::optional<Nanoseconds> modified = std::nullopt;
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // 0 is refused as `invalid_argument`
};

struct Capabilities {
  std::size_t parallel = 2;  // calls at a time that still help
  // Puts of large objects at a time that help: over a network more than one, as each waits for its
  // answer.
  std::size_t parallel_puts = 1;
  // Reads of parts of them, likewise; 0: as many as there are processors to look at the parts.
  std::size_t parallel_gets = 0;
  // True if success of put proves that the stored bytes are the ones given (a checksum came back,
  // or the bytes went through fsync). False: what matters is read back.
  bool put_is_verified = false;
  // True if list takes any beginning of a name, at the cost of one: where folders are only names.
  bool lists_any_prefix = false;
};

using EachObject = std::function<Result<void>(const ObjectInfo&)>;

class Storage {
 public:
  virtual ~Storage() = default;

  virtual Capabilities capabilities() const = 0;

  // The location for people: no secrets in it.
  virtual std::string description() const = 0;

  // Makes the location itself (folder, bucket) if it is missing.
  virtual Result<void> create() = 0;

  virtual Result<void> put(const ObjectName& name, ByteSpan bytes) = 0;
  virtual Result<Bytes> get(const ObjectName& name) = 0;
  // An object that ends before the range does is `corrupt`; nothing is allocated for it.
  virtual Result<Bytes> get(const ObjectName& name, ByteRange range) = 0;
  virtual Result<ObjectInfo> stat(const ObjectName& name) = 0;

  // Calls `each` for every object whose name begins with `prefix` (empty, or ending in '/', if not
  // lists_any_prefix), on this thread, until `each` returns an error, which list then returns.
  virtual Result<void> list(std::string_view prefix, const EachObject& each) = 0;

  virtual Result<void> remove(const ObjectName& name) = 0;
};

}  // namespace lagan
