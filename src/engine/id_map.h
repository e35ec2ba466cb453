// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which id a chunk of one repository has in another, by its number in the local index. In a
// temporary file, for there may be many millions. Any thread may call anything but clear().

#include <cstdint>
#include <optional>

#include "util/file.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

class IdMap {
 public:
  static Result<IdMap> create();

  Result<void> set(std::uint64_t number, const ChunkId& id);
  // Nothing if it was not set.
  Result<std::optional<ChunkId>> get(std::uint64_t number) const;
  Result<void> clear();

 private:
  explicit IdMap(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace lagan
