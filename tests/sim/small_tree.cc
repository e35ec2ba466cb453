// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/small_tree.h"

#include <algorithm>
#include <string>

#include "repo/derived_keys.h"
#include "repo/tree.h"
#include "tests/sim/dice.h"

namespace lagan::sim {
namespace {

constexpr std::uint64_t kSharedContents = 24;
constexpr std::uint64_t kOwnContents = 3;
// More slices than an entry holds, so that a list node is written.
constexpr std::uint64_t kManySlices = 18;

Bytes content(std::uint64_t number) {
  Dice dice(number * 1000 + 7);
  Bytes bytes(dice.between(40, 120));
  dice.fill(bytes.span());
  return bytes;
}

}  // namespace

SmallTreeStorer::SmallTreeStorer(const Repository& repository, ChunkWriter& writer, Memory& memory)
    : repository_(repository), writer_(writer), lane_(writer.make_data_lane()), memory_(memory) {}

ChunkSink SmallTreeStorer::noting(std::set<ChunkId>& chunks) {
  return [this, &chunks](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
    const ChunkId id = TRY(writer_.store_tree(kind, plaintext));
    chunks.insert(id);
    return id;
  };
}

Result<SmallTreeStorer::Stored> SmallTreeStorer::store_folder(std::uint32_t folder) {
  Dice dice(folder);
  Stored stored;
  DirectoryBuilder builder(split_key(repository_), noting(stored.chunks));
  const std::uint64_t files = dice.between(1, 3);
  for (std::uint64_t i = 0; i < files; ++i) {
    Entry entry;
    entry.name = "file-" + std::to_string(i);
    entry.mode = 0644;
    ContentBuilder slices(noting(stored.chunks));
    const bool has_list = i == 0 && folder % 4 == 3;
    for (std::uint64_t left = has_list ? kManySlices : dice.between(1, 3); left > 0; --left) {
      const bool is_shared = folder < kSharedFolders;
      const Bytes bytes = content(is_shared ? dice.below(kSharedContents)
                                            : 1000 * folder + dice.below(kOwnContents));
      const ChunkId id = TRY(lane_.store(bytes));
      stored.chunks.insert(id);
      TRY(slices.add({id, 0, bytes.size()}));
      entry.size += bytes.size();
    }
    TRY(slices.finish(entry));
    TRY(builder.add(entry.name, encode(entry)));
    stored.top.content_bytes += entry.size;
  }
  stored.top.id = TRY(builder.finish());
  stored.top.files = files;
  return stored;
}

Result<SmallTreeStorer::Stored> SmallTreeStorer::store(const SmallTree& tree, bool takes_over) {
  Stored root;
  DirectoryBuilder builder(split_key(repository_), noting(root.chunks));
  for (std::size_t i = 0; i < tree.folders.size(); ++i) {
    const auto before = memory_.find(tree.folders[i]);
    const bool is_known = takes_over && before != memory_.end() &&
                          std::ranges::all_of(before->second.chunks,
                                              [&](const ChunkId& id) { return writer_.knows(id); });
    const Stored stored = is_known ? before->second : TRY(store_folder(tree.folders[i]));
    memory_.insert_or_assign(tree.folders[i], stored);
    Entry entry;
    entry.name = "folder-" + std::to_string(i);
    entry.kind = EntryKind::directory;
    entry.mode = 0755;
    entry.subtree = stored.top;
    TRY(builder.add(entry.name, encode(entry)));
    root.chunks.insert(stored.chunks.begin(), stored.chunks.end());
    root.top.files += stored.top.files;
    root.top.content_bytes += stored.top.content_bytes;
    ++root.top.dirs;
  }
  root.top.id = TRY(builder.finish());
  return root;
}

}  // namespace lagan::sim
