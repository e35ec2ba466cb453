// SPDX-License-Identifier: Apache-2.0
#include "repo/derived_keys.h"

#include <algorithm>

#include "crypto/hash.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::size_t kShortHash = 16;

}  // namespace

PrfKey split_key(const Repository& repository) {
  PrfKey key;
  derive_key("split", repository.bundle().keys.chunk_key.span(), key);
  return key;
}

std::array<std::byte, 82> chunker_seed(const Repository& repository) {
  std::array<std::byte, 82> seed;
  derive_key("chunker", repository.bundle().keys.chunk_key.span(), seed);
  return seed;
}

std::uint64_t hardlink_group(const PrfKey& split_key, std::uint64_t file_system,
                             std::uint64_t inode) {
  std::string bound;
  append_le(bound, file_system);
  append_le(bound, inode);
  return std::max<std::uint64_t>(siphash24(split_key, as_bytes(bound)), 1);
}

std::string cache_check(const Repository& repository, std::string_view payload) {
  const Hash digest =
      keyed_hash(repository.bundle().keys.id_key, as_bytes(payload), as_bytes("cache"));
  return std::string(as_text(ByteSpan(digest).first(kShortHash)));
}

std::string cache_name(std::string_view bound) {
  return to_hex(ByteSpan(hash(as_bytes(bound))).first(kShortHash));
}

}  // namespace lagan
