// SPDX-License-Identifier: Apache-2.0
#include "repo/client_memory.h"

#include <fmt/format.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "util/coding.h"
#include "util/file.h"

namespace lagan {
namespace {

// https://bford.info/cachedir/: tells other backup programs to leave the folder out.
constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of lagan. It may be deleted at any time.\n";
constexpr std::size_t kRecordSize = RepositoryId::kSize + 8;

}  // namespace

Result<std::string> ClientMemory::repository_folder(const RepositoryId& id) const {
  const std::string folder = fmt::format("{}/{}", root_, id.hex());
  TRY(make_directories(folder));
  const std::string tag = root_ + "/CACHEDIR.TAG";
  if (::access(tag.c_str(), F_OK) != 0) TRY(replace_file(tag, as_bytes(kCacheTag)));
  return folder;
}

std::string ClientMemory::location_file(std::string_view location) const {
  return fmt::format("{}/locations/{}", root_,
                     to_hex(ByteSpan(hash(as_bytes(location))).first(16)));
}

std::optional<ClientMemory::Seen> ClientMemory::recall(std::string_view location) const {
  const auto record = read_file(location_file(location), kRecordSize);
  if (!record || record->size() != kRecordSize) return std::nullopt;
  const ByteSpan bytes = *record;
  return Seen{*RepositoryId::from_bytes(bytes.first(RepositoryId::kSize)),
              load_le<std::uint64_t>(bytes.data() + RepositoryId::kSize)};
}

Result<void> ClientMemory::remember(std::string_view location, const Seen& seen) const {
  if (const auto before = recall(location); before && before->repository == seen.repository &&
                                            before->config_revision == seen.config_revision) {
    return {};
  }
  std::string record(as_text(seen.repository.span()));
  append_le(record, seen.config_revision);
  TRY(make_directories(root_ + "/locations"));
  return replace_file(location_file(location), as_bytes(record));
}

Result<void> ClientMemory::forget(std::string_view location) const {
  if (::unlink(location_file(location).c_str()) != 0 && errno != ENOENT) {
    return fail(system_error("forget location", errno));
  }
  return {};
}

}  // namespace lagan
