// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sealed objects that hold one message: every kind but packs (docs/format.md, "Bodies"). Sealing
// pads the message, cuts it into frames and binds kind, name and repository; opening checks all of
// that before it returns a byte.

#include <string>
#include <string_view>

#include "crypto/object_key.h"
#include "crypto/random.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

// Bytes that may go to storage: only the sealing functions of this module make them.
class SealedObject {
 public:
  ByteSpan span() const { return bytes_; }

 private:
  friend struct SealedObjectMaker;  // repo/frames.h
  explicit SealedObject(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

// What sealing needs to know of the repository. Borrowed: lives as long as the Repository.
struct Sealing {
  RepositoryId repository;
  const MasterKeys* keys = nullptr;
  Suite suite = Suite::aes256_gcm;
  Random random;
};

// `name` is the object's full name, or empty for an index segment (it is named by its hash).
SealedObject seal_body(const Sealing& sealing, ObjectKind kind, std::string_view name,
                       std::string_view message);

// The message. At most `max_size` sealed bytes are accepted.
Result<std::string> open_body(const Sealing& sealing, ObjectKind kind, std::string_view name,
                              ByteSpan object, std::size_t max_size);

// `message` with the owner's signature as its last field.
std::string sign_message(const Sealing& sealing, ObjectKind kind, std::string_view name,
                         std::string message);

// The bytes before the signature of a signed message; `corrupt` if there is no signature, it does
// not hold, or anything follows it.
Result<std::string_view> check_signature(const Sealing& sealing, ObjectKind kind,
                                         std::string_view name, std::string_view message);

}  // namespace lagan
