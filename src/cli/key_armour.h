// SPDX-License-Identifier: Apache-2.0
#pragma once

// A key slot as text that survives mail, paper and a text editor: what `key export` prints and
// `key import` reads. The slot inside is still locked by its password or code.

#include <string>
#include <string_view>

#include "storage/storage.h"
#include "util/bytes.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan::cli {

struct ArmouredKey {
  RepositoryId repository;
  std::string id;  // the last part of the slot's name; the slot opens under no other
  Bytes object;
};

std::string write_armour(const RepositoryId& repository, std::string_view id, ByteSpan object);
// Text before and after the armour is passed over. `invalid_argument` says what is wrong with it;
// the object is whole, for slots have a checksum.
Result<ArmouredKey> read_armour(std::string_view text);

}  // namespace lagan::cli
