// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/limits.h"
#include "repo/names.h"
#include "repo/pack_reader.h"
#include "storage/memory.h"

namespace lagan::sim {
namespace {

template <typename Each>
void for_each_in(const Objects& objects, std::string_view folder, const Each& each) {
  for (auto at = objects.lower_bound(folder); at != objects.end() && at->first.starts_with(folder);
       ++at) {
    each(at->first, at->second);
  }
}

// The simulation's own writers made it: what cannot be read is a mistake of the simulation.
template <typename T>
T sure(Result<T> result) {
  if (!result) fmt::print(stderr, "{}\n", result.error().message);
  LAGAN_ASSERT(result.has_value());
  return *std::move(result);
}

bool is_snapshot(std::string_view name) {
  return name.starts_with(names::kSnapshots) && !name.ends_with(".ok");
}

}  // namespace

void Oracle::mark() {
  marked_chunks_ = chunks_.size();
  marked_packs_ = packs_.size();
}

void Oracle::begin(Nanoseconds undelete_window, std::set<SnapshotId> reported) {
  window_ = undelete_window;
  reported_ = std::move(reported);
  for (; chunks_.size() > marked_chunks_; chunks_.pop_back()) chunk_numbers_.erase(chunks_.back());
  for (; packs_.size() > marked_packs_; packs_.pop_back()) pack_numbers_.erase(packs_.back());
  pack_chunks_.resize(packs_.size());
  std::erase_if(trees_, [&](const auto& tree) { return !chunk_numbers_.contains(tree.first); });
}

std::uint32_t Oracle::number(const ChunkId& id) {
  const auto [at, is_new] = chunk_numbers_.try_emplace(id, chunks_.size());
  if (is_new) chunks_.push_back(id);
  LAGAN_ASSERT(at->second < ChunkSet().size());
  return at->second;
}

std::uint32_t Oracle::number(const PackId& id) {
  const auto [at, is_new] = pack_numbers_.try_emplace(id, packs_.size());
  if (is_new) {
    packs_.push_back(id);
    pack_chunks_.emplace_back();
  }
  return at->second;
}

void Oracle::note_tree(const ChunkId& root, const std::set<ChunkId>& chunks) {
  number(root);
  ChunkSet& tree = trees_[root];
  for (const ChunkId& id : chunks) tree.set(number(id));
}

std::shared_ptr<const Meaning> Oracle::read(const std::string& text, ByteSpan object) {
  auto meaning = std::make_shared<Meaning>();
  const ObjectName name = sure(ObjectName::parse(text));
  const auto open = [&](ObjectKind kind, std::string_view bound) {
    return sure(open_body(sealing_, kind, bound, object, limits::kSegmentBytes));
  };
  if (text.starts_with(names::kData) || text.starts_with(names::kTree)) {
    const auto kind =
        text.starts_with(names::kData) ? ObjectKind::data_pack : ObjectKind::tree_pack;
    const PackId id = *names::id_of<PackId>(name);
    const auto unused = make_memory_storage();
    const PackEntry entry =
        sure(read_pack_directory(sealing_, *unused, kind, id, object.size(), object));
    for (const Block& block : entry.directory.blocks) {
      for (const ChunkId& chunk : block.ids) meaning->chunks.set(number(chunk));
    }
    meaning->pack = number(id);
    pack_chunks_[meaning->pack] = meaning->chunks;
  } else if (text.starts_with(names::kIndex)) {
    const std::string message = open(ObjectKind::index_segment, "");
    const auto covered = check_signature(sealing_, ObjectKind::index_segment, "", message);
    const Segment segment = sure(decode_segment(as_bytes(covered ? *covered : message)));
    for (const PackEntry& pack : segment.packs) meaning->packs.push_back(number(pack.name));
    if (!covered) return meaning;
    for (const SegmentId& old : segment.supersedes)
      meaning->supersedes.push_back(names::segment(old).text());
  } else if (text.starts_with(names::kCondemned)) {
    const std::string message = open(ObjectKind::condemned, text);
    const auto covered = sure(check_signature(sealing_, ObjectKind::condemned, text, message));
    const Condemned log = sure(decode_condemned(as_bytes(covered)));
    for (const auto* packs : {&log.data_packs, &log.tree_packs}) {
      for (const PackId& pack : *packs) meaning->packs.push_back(number(pack));
    }
  } else if (text.starts_with(names::kForgotten)) {
    const std::string message = open(ObjectKind::forgotten, text);
    const auto covered = sure(check_signature(sealing_, ObjectKind::forgotten, text, message));
    meaning->snapshots = sure(decode_forgotten(as_bytes(covered))).snapshots;
  } else if (is_snapshot(text)) {
    const Snapshot snapshot = sure(decode_snapshot(as_bytes(open(ObjectKind::snapshot, text))));
    meaning->id = snapshot.session;
    const auto tree = trees_.find(*snapshot.root.id);
    LAGAN_ASSERT(tree != trees_.end());
    meaning->chunks = tree->second;
    if (snapshot.root_record) meaning->chunks.set(number(*snapshot.root_record));
  }
  return meaning;
}

bool Oracle::matters(std::string_view name) {
  for (const std::string_view folder :
       {names::kData, names::kTree, names::kIndex, names::kCondemned, names::kSnapshots}) {
    if (name.starts_with(folder)) return true;
  }
  return false;
}

std::map<SnapshotId, Nanoseconds> Oracle::forgotten(const Objects& objects) const {
  std::map<SnapshotId, Nanoseconds> since;
  for_each_in(objects, names::kForgotten, [&](const std::string&, const Object& object) {
    for (const SnapshotId& id : object.meaning->snapshots) {
      const auto [at, is_new] = since.try_emplace(id, object.modified);
      if (!is_new) at->second = std::min(at->second, object.modified);
    }
  });
  return since;
}

bool Oracle::is_trusted(const Objects& objects, const SnapshotId& id) const {
  return !objects.contains(names::fence(id).text()) || objects.contains(names::verified(id).text());
}

bool Oracle::is_protected(const Objects& objects, const SnapshotId& id, Nanoseconds now) const {
  const auto since = forgotten(objects);
  const auto at = since.find(id);
  if (at != since.end() && at->second + window_ <= now) return false;
  return reported_.contains(id) ||
         (objects.contains(names::snapshot(id).text()) && is_trusted(objects, id));
}

std::string Oracle::describe(const SnapshotId& id, const ChunkSet& missing, const char* how) const {
  std::size_t first = 0;
  while (!missing.test(first)) ++first;
  return fmt::format("snapshot {}: {} chunks {}, the first is {}", id.short_hex(), missing.count(),
                     how, chunks_[first].short_hex());
}

std::optional<std::string> Oracle::check(const Objects& objects, Nanoseconds now) const {
  std::vector<bool> condemned(packs_.size()), listed(packs_.size()), present(packs_.size());
  for_each_in(objects, names::kCondemned, [&](const std::string&, const Object& object) {
    for (const std::uint32_t pack : object.meaning->packs) condemned[pack] = true;
  });
  std::set<std::string_view> superseded;
  for_each_in(objects, names::kIndex, [&](const std::string&, const Object& object) {
    superseded.insert(object.meaning->supersedes.begin(), object.meaning->supersedes.end());
  });
  for_each_in(objects, names::kIndex, [&](const std::string& name, const Object& object) {
    if (superseded.contains(name)) return;
    for (const std::uint32_t pack : object.meaning->packs) listed[pack] = true;
  });
  ChunkSet stored;  // somewhere, listed or not
  for (const std::string_view folder : {names::kData, names::kTree}) {
    for_each_in(objects, folder, [&](const std::string&, const Object& object) {
      present[object.meaning->pack] = true;
      stored |= object.meaning->chunks;
    });
  }
  // Clients take any copy outside condemned packs, and any other only if there is none.
  ChunkSet good, bad, last_good, last_bad;
  for (std::size_t i = 0; i < packs_.size(); ++i) {
    if (!listed[i]) continue;
    (condemned[i] ? (present[i] ? last_good : last_bad) : (present[i] ? good : bad)) |=
        pack_chunks_[i];
  }
  const ChunkSet found = (good & ~bad) | (~good & ~bad & last_good & ~last_bad);

  const auto since = forgotten(objects);
  const auto is_over = [&](const SnapshotId& id) {
    const auto at = since.find(id);
    return at != since.end() && at->second + window_ <= now;
  };
  std::optional<std::string> broken;
  for_each_in(objects, names::kSnapshots, [&](const std::string& name, const Object& object) {
    if (broken || !is_snapshot(name)) return;
    const SnapshotId& id = object.meaning->id;
    const ChunkSet& needed = object.meaning->chunks;
    if ((needed & ~found).none() || is_over(id)) return;
    if (!reported_.contains(id) && !is_trusted(objects, id)) return;
    const ChunkSet any = good | last_good;
    if ((needed & ~stored).any()) {
      broken = describe(id, needed & ~stored, "are lost");
    } else if ((needed & ~any).any()) {
      broken = describe(id, needed & ~any, "are in no pack that a live segment lists");
    } else {
      broken = describe(id, needed & ~found, "have a listed copy that is not there");
    }
  });
  if (broken) return broken;
  for (const SnapshotId& id : reported_) {
    if (!is_over(id) && !objects.contains(names::snapshot(id).text()))
      return fmt::format("snapshot {} is gone", id.short_hex());
  }
  return std::nullopt;
}

std::size_t Oracle::size_of(const Objects& objects, const SnapshotId& id) {
  const auto at = objects.find(names::snapshot(id).text());
  return at == objects.end() ? 0 : at->second.meaning->chunks.count();
}

std::pair<std::size_t, std::size_t> Oracle::needed_and_stored(const Objects& objects) {
  ChunkSet needed;
  std::size_t stored = 0;
  for_each_in(objects, names::kSnapshots, [&](const std::string& name, const Object& object) {
    if (is_snapshot(name)) needed |= object.meaning->chunks;
  });
  for (const std::string_view folder : {names::kData, names::kTree}) {
    for_each_in(objects, folder, [&](const std::string&, const Object& object) {
      stored += object.meaning->chunks.count();
    });
  }
  return {needed.count(), stored};
}

}  // namespace lagan::sim
