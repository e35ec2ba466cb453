// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stat(2) says of an entry. Pure functions.

#include <sys/stat.h>

#include <cstdint>
#include <optional>

#include "repo/tree.h"

namespace lagan {

// Without number and owner beyond the entry's. `data_bytes` are those that are not holes.
struct stat status_of(const Entry& entry, std::uint64_t data_bytes);

// The same of content that lies in the entry itself or is short; nothing for a list.
std::optional<std::uint64_t> data_bytes_of(const Entry& entry);

}  // namespace lagan
