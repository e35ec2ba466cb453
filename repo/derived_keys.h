// SPDX-License-Identifier: Apache-2.0
#pragma once

// What those who write trees and keep local caches derive from a repository's keys, so that they
// need not know the keys themselves.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/prf.h"
#include "repo/repository.h"

namespace lagan {

// Decides where directories are split into nodes.
PrfKey split_key(const Repository& repository);

// The secret tables of the chunker, 82 bytes.
std::array<std::byte, 82> chunker_seed(const Repository& repository);

// The group number that hard links to one file share within a snapshot: from the order in which its
// device was met and its inode. Never 0.
std::uint64_t hardlink_group(const PrfKey& split_key, std::uint64_t file_system,
                             std::uint64_t inode);

// 16 bytes that prove a part of a local cache file whole and this repository's.
std::string cache_check(const Repository& repository, std::string_view payload);

// A file name in the cache for something with a long name.
std::string cache_name(std::string_view bound);

}  // namespace lagan
