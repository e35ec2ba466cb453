// SPDX-License-Identifier: Apache-2.0
#include "src/engine/chunk_copier.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/names.h"
#include "repo/tree_walk.h"
#include "util/parallel.h"

namespace lagan {
namespace {

// Blocks are read together while the request stays below this …
constexpr std::uint64_t kUnitBytes = std::uint64_t{4} << 20;
// … and no more than this between them is read in vain.
constexpr std::uint64_t kGapBytes = std::uint64_t{128} << 10;

// False if it was set before.
bool set_bit(std::vector<bool>& bits, std::uint64_t number) {
  if (number >= bits.size()) bits.resize(std::max<std::uint64_t>(number + 1, bits.size() * 2));
  if (bits[number]) return false;
  bits[number] = true;
  return true;
}

}  // namespace

ChunkCopier::ChunkCopier(const Repository& from, const LocalIndex& from_index, const Repository& to,
                         IdMap* ids, std::size_t threads, std::function<bool()> is_stopped,
                         Observer& observer)
    : from_(from),
      from_index_(from_index),
      to_(to),
      ids_(ids),
      threads_(threads),
      is_stopped_(std::move(is_stopped)),
      observer_(observer),
      reader_(from, from_index) {}

Result<void> ChunkCopier::forget() {
  seen_.clear();
  packs_.clear();
  known_packs_.clear();
  const MutexLock lock(mutex_);
  wanted_.clear();
  waiting_ = 0;
  return ids_ != nullptr ? ids_->clear() : Result<void>();
}

Result<ChunkCopier::Amount> ChunkCopier::mark(const Snapshot& snapshot, const Knows& knows) {
  Amount amount;
  // The copy gets a root record of its own.
  Snapshot without_record = snapshot;
  without_record.root_record.reset();
  const ChunkWalk walk{
      .is_new =
          [&](const ChunkId& id) {
            const auto number = from_index_.number(id);
            return !number || set_bit(seen_, *number);
          },
      .each = [&](const ChunkId& id, ChunkKind kind, const std::string&) -> Result<void> {
        if (is_stopped_()) return fail(ErrorCode::cancelled, "interrupted");
        const bool is_done = ids_ == nullptr ? knows(id) : kind != ChunkKind::data;
        return is_done ? Result<void>() : want(id, amount);
      },
      .trouble = [](const std::string& path, Error error) -> Result<void> {
        if (error.code == ErrorCode::cancelled) return fail(std::move(error));
        return fail(std::move(error).in(path.empty() ? "/" : path));
      }};
  TRY(walk_chunks(reader_.source(), without_record, walk));
  // Lookups do not tell what is nowhere from what could not be read.
  if (from_index_.damaged())
    return fail(ErrorCode::corrupt, "the local index is damaged: try again");
  return amount;
}

Result<void> ChunkCopier::want(const ChunkId& id, Amount& amount) {
  const auto number = from_index_.number(id);
  const auto location = from_index_.find(id);
  if (!number || !location)
    return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", id.short_hex()));
  {
    const MutexLock lock(mutex_);
    if (set_bit(wanted_, *number)) ++waiting_;
  }
  if (known_packs_.insert(location->pack).second) packs_.push_back(location->pack);
  ++amount.chunks;
  amount.bytes += location->chunk_length;
  return {};
}

Result<void> ChunkCopier::copy(ChunkWriter& writer) {
  auto& lane = writer.make_data_lane();
  TRY(for_each_parallel(packs_.size(), threads_,
                        [&](std::size_t i) { return copy_pack(packs_[i], writer, lane); }));
  packs_.clear();
  known_packs_.clear();
  const MutexLock lock(mutex_);
  if (waiting_ == 0) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("{} chunks are not in the packs that the index names", waiting_));
}

Result<void> ChunkCopier::copy_pack(const PackId& name, ChunkWriter& writer,
                                    ChunkWriter::Lane& lane) {
  const std::string where = "pack " + name.short_hex();
  const PackEntry pack = TRY(from_index_.pack_entry(name));
  const std::vector<Unit> units = plan(pack);
  if (units.empty()) return {};
  PackOpener opener = TRY_IN(where, PackOpener::open(from_.sealing(), pack.header));
  for (const Unit& unit : units) {
    if (is_stopped_()) return fail(ErrorCode::cancelled, "interrupted");
    const Bytes sealed = TRY(from_.storage().get(names::pack(pack.kind, name), unit.range));
    for (const Part& part : unit.parts) {
      const Block& block = pack.directory.blocks[part.ordinal];
      TRY_IN(where, copy_block(block, part,
                               sealed.span().subspan(part.offset - unit.range.offset, block.stored),
                               opener, writer, lane));
    }
  }
  return {};
}

std::vector<ChunkCopier::Unit> ChunkCopier::plan(const PackEntry& pack) {
  std::vector<Unit> units;
  std::uint64_t offset = kHeaderSize;
  for (std::uint32_t ordinal = 0; ordinal < pack.directory.blocks.size(); ++ordinal) {
    const Block& block = pack.directory.blocks[ordinal];
    const std::uint64_t begin = offset;
    offset += block.stored;
    std::vector<bool> wanted = take(block);
    if (std::ranges::find(wanted, true) == wanted.end()) continue;
    const bool joins = !units.empty() &&
                       begin <= units.back().range.offset + units.back().range.length + kGapBytes &&
                       offset - units.back().range.offset <= kUnitBytes;
    if (!joins) units.push_back({.parts = {}, .range = {begin, 0}});
    units.back().range.length = offset - units.back().range.offset;
    units.back().parts.push_back({ordinal, begin, std::move(wanted)});
  }
  return units;
}

// Whoever meets a copy of a wanted chunk first takes it.
std::vector<bool> ChunkCopier::take(const Block& block) {
  std::vector<bool> taken(block.ids.size());
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const auto number = from_index_.number(block.ids[i]);
    if (!number || *number >= wanted_.size() || !wanted_[*number]) continue;
    wanted_[*number] = false;
    --waiting_;
    taken[i] = true;
  }
  return taken;
}

Result<void> ChunkCopier::copy_block(const Block& block, const Part& part, ByteSpan sealed,
                                     PackOpener& opener, ChunkWriter& writer,
                                     ChunkWriter::Lane& lane) {
  PackOpener::StoredBlock opened = TRY_IN(fmt::format("block {}", part.ordinal),
                                          opener.open_stored(part.ordinal, block, sealed));
  Block there = block;
  std::vector<ByteSpan> missing;
  ByteSpan rest = opened.content();
  for (std::size_t i = 0; i < block.ids.size(); ++i) {
    const ByteSpan chunk = rest.first(block.lengths[i]);
    rest = rest.subspan(chunk.size());
    if (!part.wanted[i]) continue;
    TRY(verify_chunk(from_.bundle().keys.id_key, block.ids[i], block.kind, chunk));
    if (ids_ != nullptr) {
      there.ids[i] = chunk_id(to_.bundle().keys.id_key, block.kind, chunk);
      if (const auto number = from_index_.number(block.ids[i]))
        TRY(ids_->set(*number, there.ids[i]));
    }
    if (!writer.knows(there.ids[i])) missing.push_back(chunk);
    ++observer_.progress.files_done;
    observer_.progress.bytes_done += chunk.size();
  }
  if (missing.size() == block.ids.size())
    return writer.store_block(std::move(there), std::move(opened.stored));
  for (const ByteSpan chunk : missing) {
    if (block.kind == ChunkKind::data) {
      const MutexLock lock(lane_mutex_);
      TRY(lane.store(chunk));
    } else {
      TRY(writer.store_tree(block.kind, chunk));
    }
  }
  return {};
}

}  // namespace lagan
