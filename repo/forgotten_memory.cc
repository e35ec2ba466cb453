// SPDX-License-Identifier: Apache-2.0
#include "repo/forgotten_memory.h"

#include <fmt/format.h>

#include <string>

#include "repo/derived_keys.h"
#include "util/coding.h"
#include "util/file.h"

namespace lagan {
namespace {

using RandomId = RepositoryId;  // what their names are made of

constexpr std::size_t kFileMax = std::size_t{64} << 20;
constexpr std::size_t kCheckSize = 16;
// Every file of the cache is proved with the same key.
constexpr std::string_view kWhich = "forgotten-read";

std::string path_of(const Repository& repository) {
  const std::string& folder = repository.cache_folder();
  return folder.empty() ? std::string() : fmt::format("{}/{}", folder, kWhich);
}

std::string check_of(const Repository& repository, std::string_view records) {
  return cache_check(repository, std::string(kWhich) + std::string(records));
}

Result<void> read_record(Reader& in, ForgottenObjects& objects) {
  const auto name = *RandomId::from_bytes(TRY(in.bytes(RandomId::kSize)));
  ForgottenObject& object = objects[names::random_name(names::kForgotten, name)];
  object.created = static_cast<Nanoseconds>(TRY(in.u64le()));
  for (std::uint32_t left = TRY(in.u32le()); left > 0; --left)
    object.snapshots.push_back(*SnapshotId::from_bytes(TRY(in.bytes(SnapshotId::kSize))));
  return {};
}

}  // namespace

// A check, then of each object its name, the time, and how many snapshots it names, and which.
ForgottenObjects recall_forgotten(const Repository& repository) {
  const std::string path = path_of(repository);
  if (path.empty()) return {};
  const auto content = read_file(path, kFileMax);
  if (!content || content->size() < kCheckSize) return {};
  const std::string_view text = as_text(*content);
  const std::string_view records = text.substr(kCheckSize);
  if (text.substr(0, kCheckSize) != check_of(repository, records)) return {};
  ForgottenObjects objects;
  for (Reader in(as_bytes(records)); in.left() > 0;) {
    // Not ours after all.
    if (!read_record(in, objects)) return {};
  }
  return objects;
}

void remember_forgotten(const Repository& repository, const ForgottenObjects& objects) {
  const std::string path = path_of(repository);
  if (path.empty()) return;
  std::string records;
  for (const auto& [name, object] : objects) {
    const auto id = names::id_of<RandomId>(name);
    if (!id) continue;
    records += as_text(id->span());
    append_le(records, static_cast<std::uint64_t>(object.created));
    append_le(records, static_cast<std::uint32_t>(object.snapshots.size()));
    for (const SnapshotId& snapshot : object.snapshots) records += as_text(snapshot.span());
  }
  static_cast<void>(replace_file(path, as_bytes(check_of(repository, records) + records)));
}

}  // namespace lagan
