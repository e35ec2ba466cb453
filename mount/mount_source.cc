// SPDX-License-Identifier: Apache-2.0
#include "mount/mount_source.h"

#include <algorithm>

#include "repo/chunk_reader.h"
#include "repo/index_loader.h"
#include "repo/names.h"

namespace lagan {
namespace {

// Tree blocks are small, and what they hold is kept by the reader of trees.
constexpr std::size_t kTreeBlockBytes = std::size_t{8} << 20;

}  // namespace

struct MountSource::Opened {
  Opened(const Repository& repository, LocalIndex loaded, std::size_t block_cache_bytes)
      : index(std::move(loaded)),
        trees(repository, index, kTreeBlockBytes),
        content(repository, index, block_cache_bytes) {
    trees.follow_copies();
    content.follow_copies();
  }

  const LocalIndex index;
  ChunkReader trees, content;
};

MountSource::MountSource(const Repository& repository, MountSourceOptions options)
    : repository_(repository), options_(std::move(options)) {}

MountSource::~MountSource() = default;

std::shared_ptr<MountSource::Opened> MountSource::opened() const {
  const MutexLock lock(mutex_);
  return opened_;
}

ChunkSource MountSource::trees() {
  return [this](const ChunkId& id, ChunkKind kind) { return opened()->trees.load(id, kind); };
}

ChunkSource MountSource::content() {
  return [this](const ChunkId& id, ChunkKind kind) { return opened()->content.load(id, kind); };
}

std::function<std::uint64_t(const ChunkId&)> MountSource::block_of() {
  return [this](const ChunkId& id) { return opened()->content.block_of(id); };
}

ChunkSource MountSource::chunks() {
  return [trees = trees(), content = content()](const ChunkId& id, ChunkKind kind) {
    return kind == ChunkKind::data ? content(id, kind) : trees(id, kind);
  };
}

Result<std::set<std::string>> MountSource::object_names() const {
  std::set<std::string> found;
  for (const auto prefix : {names::kSnapshots, names::kFences, names::kForgotten}) {
    TRY(repository_.storage().list(prefix, [&](const ObjectInfo& info) -> Result<void> {
      found.insert(info.name.text());
      return {};
    }));
  }
  return found;
}

bool MountSource::is_wanted(const StoredSnapshot& stored) const {
  const Nanoseconds time = stored.snapshot.time;
  return matches(options_.filter, stored.snapshot) &&
         (!options_.oldest || time >= *options_.oldest) &&
         (!options_.newest || time <= *options_.newest);
}

Result<std::optional<MountSource::Look>> MountSource::look() {
  // The first look is made in a hurry, and the second one finds out whether anything has changed.
  std::set<std::string> names;
  if (seen_) {
    names = TRY(object_names());
    if (names == seen_) return std::nullopt;
  }
  Look look;
  SnapshotList list = TRY(list_snapshots(repository_));
  look.damaged = std::move(list.damaged);
  std::erase_if(list.snapshots, [&](const auto& stored) { return !is_wanted(stored); });
  if (options_.snapshot.empty()) {
    look.snapshots = std::move(list.snapshots);
  } else {
    look.snapshots.push_back(TRY(find_snapshot(list, options_.snapshot, {})));
  }
  // After the snapshots: what they need is listed before they are put.
  LocalIndex index = TRY(open_local_index(repository_));
  LoadedIndex loaded = TRY(load_index_to_read(repository_, index));
  std::ranges::move(loaded.damaged, std::back_inserter(look.damaged));
  auto opened = std::make_shared<Opened>(repository_, std::move(index), options_.block_cache_bytes);
  seen_ = std::move(names);
  const MutexLock lock(mutex_);
  opened_ = std::move(opened);
  return look;
}

}  // namespace lagan
