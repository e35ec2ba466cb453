// SPDX-License-Identifier: Apache-2.0
#include "repo/index_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "crypto/hash.h"
#include "repo/bloom_filter.h"
#include "util/coding.h"

namespace lagan {
namespace {

// Enough for a bucket of keys, for the blocks between two marks, and for a hundred chunks.
constexpr std::size_t kScratchSize = 4096;
using Scratch = std::array<std::byte, kScratchSize>;
constexpr std::uint32_t kKeysAtOnce = kScratchSize / kRunKeySize;
constexpr std::uint32_t kBlocksAtOnce = kScratchSize / RunBlock::kSize;
constexpr std::uint32_t kChunksAhead = kScratchSize / RunChunk::kSize;

tl::unexpected<Error> no_run() { return fail(ErrorCode::corrupt, "not a run of this index"); }

bool known(const RunPack& pack) {
  return pack.kind == ObjectKind::data_pack || pack.kind == ObjectKind::tree_pack;
}

bool known(const RunBlock& block) {
  return (block.codec == Codec::raw || block.codec == Codec::zstd) &&
         block.kind >= ChunkKind::data && block.kind <= ChunkKind::root_record;
}

bool within(std::uint64_t first, std::uint64_t count, std::uint64_t limit) {
  return first + count <= limit;
}

// A record begins with the id.
bool is_chunk(const std::byte* record, const ChunkId& id) {
  return record != nullptr && std::memcmp(record, id.bytes.data(), ChunkId::kSize) == 0;
}

// The first of `count` sorted entries that is not below `entry`.
std::uint32_t lower_bound(const std::byte* entries, std::uint32_t count, std::uint64_t entry) {
  std::uint32_t begin = 0;
  while (count > 0) {
    const std::uint32_t half = count / 2;
    if (load_le<std::uint64_t>(entries + (begin + half) * kRunKeySize) < entry) {
      begin += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return begin;
}

}  // namespace

Result<std::unique_ptr<IndexRun>> IndexRun::open(File file, const RepositoryId& repository) {
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return fail(system_error("stat", errno));
  std::array<std::byte, kRunHeaderSize> begin;
  if (TRY(read_at(file.descriptor(), begin, 0)) != begin.size()) return no_run();
  Reader in(begin);
  const ByteSpan magic = TRY(in.bytes(kRunMagic.size()));
  const std::uint32_t version = TRY(in.u32le());
  TRY(in.u32le());
  const ByteSpan owner = TRY(in.bytes(RepositoryId::kSize));
  if (as_text(magic) != kRunMagic || version != kRunVersion ||
      RepositoryId::from_bytes(owner) != repository) {
    return no_run();
  }
  RunCounts counts;
  for (std::uint32_t* count :
       {&counts.segments, &counts.packs, &counts.origins, &counts.blocks, &counts.chunks}) {
    *count = TRY(in.u32le());
  }
  const RunLayout layout(counts);
  if (static_cast<std::uint64_t>(status.st_size) != layout.file_size) return no_run();

  // The file has this size, so what is allocated here is bounded by it.
  const std::size_t hashes_begin = counts.segments * SegmentId::kSize;
  Bytes lists(hashes_begin + layout.pages * sizeof(PagedFile::PageHash));
  if (TRY(read_at(file.descriptor(), lists.span(), kRunHeaderSize)) != lists.size()) {
    return no_run();
  }
  Hasher hasher;
  hasher.update(ByteSpan(begin).first(kRunHashedHeaderSize));
  hasher.update(lists);
  const Hash expected = hasher.finish();
  if (!std::equal(expected.begin(), expected.end(), begin.begin() + kRunHashedHeaderSize)) {
    return no_run();
  }

  std::vector<SegmentId> segments(counts.segments);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::memcpy(segments[i].bytes.data(), lists.data() + i * SegmentId::kSize, SegmentId::kSize);
  }
  std::vector<PagedFile::PageHash> hashes(layout.pages);
  std::memcpy(hashes.data(), lists.data() + hashes_begin, lists.size() - hashes_begin);
  return std::unique_ptr<IndexRun>(
      new IndexRun(std::move(file), std::move(hashes), layout, std::move(segments)));
}

IndexRun::IndexRun(File file, std::vector<PagedFile::PageHash> hashes, const RunLayout& layout,
                   std::vector<SegmentId> segments)
    : body_(std::move(file), layout.body_begin, layout.body_size, std::move(hashes)),
      layout_(layout),
      segments_(std::move(segments)) {
  keep_in_memory(0);
}

Error IndexRun::damage() const {
  body_.mark_damaged();
  return Error{ErrorCode::corrupt,
               "the local index is damaged: " + (path.empty() ? "a temporary file" : path),
               Retry::never,
               {}};
}

void IndexRun::keep_in_memory(std::uint64_t more) {
  body_.set_resident_size(layout_.directory.end() + more);
}

void IndexRun::prepare_to_merge() {
  body_.set_resident_size(layout_.pack_keys.end());
  body_.forget(layout_.bloom.end());
}

// What the hashes promised was written is not what a writer writes: our own bug, or a forged file.
std::nullopt_t IndexRun::impossible() const {
  body_.mark_damaged();
  return std::nullopt;
}

const std::byte* IndexRun::look(const RunSection& section, std::uint64_t first, std::uint64_t count,
                                MutableByteSpan scratch) const {
  if (count == 0 || !within(first, count, section.count)) {
    body_.mark_damaged();
    return nullptr;
  }
  return body_.look(section.offset + first * section.width, count * section.width, scratch);
}

bool IndexRun::set_live(const std::unordered_set<SegmentId>& live) {
  for (std::uint8_t& flags : flags_) flags &= kCondemned;
  dead_segments_.assign(segments_.size(), false);
  dead_chunks_ = 0;
  std::size_t dead = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    dead_segments_[i] = !live.contains(segments_[i]);
    if (dead_segments_[i]) ++dead;
  }
  if (dead == segments_.size()) return false;
  if (dead == 0) {
    dead_segments_.clear();
    forget_flags_if_none();
    return true;
  }
  flags_.resize(counts().packs);
  std::vector<std::uint32_t> listed_by;
  for (std::uint32_t number = 0; number < counts().packs; ++number) {
    const auto record = pack(number);
    listed_by.clear();
    if (!record || !origins(*record, listed_by)) return true;  // damaged: it answers nothing
    if (std::ranges::any_of(listed_by, [&](std::uint32_t i) { return is_live(i); })) continue;
    flags_[number] |= kDead;
    dead_chunks_ += record->chunks;
  }
  return true;
}

void IndexRun::set_condemned(const std::unordered_set<PackId>& packs) {
  for (std::uint8_t& flags : flags_) flags &= kDead;
  for (const PackId& name : packs) {
    const auto number = find_pack(name);
    if (!number) continue;
    flags_.resize(counts().packs);
    flags_[*number] |= kCondemned;
  }
  forget_flags_if_none();
}

void IndexRun::forget_flags_if_none() {
  if (std::ranges::all_of(flags_, [](std::uint8_t flags) { return flags == 0; })) flags_.clear();
}

std::optional<std::uint32_t> IndexRun::find(const ChunkId& id, Copies copies) const {
  return may_contain(id) ? search(id, copies) : std::nullopt;
}

bool IndexRun::may_contain(const ChunkId& id) const {
  if (damaged()) return false;
  Scratch scratch;
  const std::byte* const block =
      look(layout_.bloom, bloom::block_of(id, layout_.bloom.count), 1, scratch);
  return block != nullptr && bloom::may_contain(block, id);
}

bool IndexRun::is_first(std::uint32_t chunk) const {
  std::call_once(firsts_found_, [this] { find_firsts(); });
  return chunk < firsts_.size() && firsts_[chunk];
}

// A run that turns out to be damaged answers nothing, so what was not reached does not matter.
void IndexRun::find_firsts() const {
  firsts_.resize(counts().chunks);
  std::array<std::uint64_t, kKeysAtOnce> some;
  std::optional<std::uint32_t> last;
  for (std::uint64_t at = 0; at < layout_.keys.count;) {
    const std::span now =
        std::span(some).first(std::min<std::uint64_t>(some.size(), layout_.keys.count - at));
    if (!entries(at, now)) return;
    for (const std::uint64_t entry : now) {
      const std::uint32_t chunk = number_of_entry(entry);
      if (chunk >= firsts_.size()) return body_.mark_damaged();
      if (last != key_of_entry(entry)) firsts_[chunk] = true;
      last = key_of_entry(entry);
    }
    at += now.size();
  }
}

std::optional<std::uint32_t> IndexRun::search(const ChunkId& id, Copies copies) const {
  Scratch scratch;
  const std::uint32_t key = run_key(id);
  const std::uint64_t bucket = bucket_of_key(key, layout_.directory.count - 1);
  const std::byte* const bounds = look(layout_.directory, bucket, 2, scratch);
  if (bounds == nullptr) return std::nullopt;
  std::uint32_t first = load_le<std::uint32_t>(bounds);
  const std::uint32_t last = load_le<std::uint32_t>(bounds + sizeof first);
  while (first < last) {
    const std::uint32_t count = std::min(last - first, kKeysAtOnce);
    const std::byte* const found = look(layout_.keys, first, count, scratch);
    if (found == nullptr) return std::nullopt;
    for (std::uint32_t i = lower_bound(found, count, run_entry(key, 0)); i < count; ++i) {
      const auto entry = load_le<std::uint64_t>(found + i * kRunKeySize);
      if (key_of_entry(entry) != key) return std::nullopt;
      const std::uint32_t chunk = number_of_entry(entry);
      if (matches(chunk, id) && wanted(chunk, copies)) return chunk;
      if (damaged()) return std::nullopt;
    }
    first += count;
  }
  return std::nullopt;
}

bool IndexRun::matches(std::uint32_t chunk, const ChunkId& id) const {
  Scratch scratch;
  if (chunks_are_in_memory()) return is_chunk(look(layout_.chunks, chunk, 1, scratch), id);
  Ahead& ahead = ahead_[thread_slot()];
  MutexLock lock(ahead.mutex);
  // Reading a page of chunks costs twice what one costs, so only the second in a row reads ahead.
  const bool in_a_row = chunk == ahead.last_found + 1 && chunk < counts().chunks;
  const std::uint32_t count = in_a_row ? std::min(kChunksAhead, counts().chunks - chunk) : 1;
  const std::byte* const records = look(layout_.chunks, chunk, count, scratch);
  if (!is_chunk(records, id)) return false;
  ahead.last_found = chunk;
  if (in_a_row) {
    if (ahead.chunks.empty()) ahead.chunks = Bytes(kScratchSize);
    std::memcpy(ahead.chunks.data(), records, count * RunChunk::kSize);
    ahead.first = chunk;
    ahead.count = count;
  }
  return true;
}

bool IndexRun::is_next(std::uint32_t chunk, const ChunkId& id, Copies copies) const {
  if (chunk >= counts().chunks || damaged()) return false;
  if (chunks_are_in_memory()) {
    Scratch scratch;
    return is_chunk(look(layout_.chunks, chunk, 1, scratch), id) && wanted(chunk, copies);
  }
  {
    Ahead& ahead = ahead_[thread_slot()];
    MutexLock lock(ahead.mutex);
    const std::uint32_t at = chunk - ahead.first;
    if (at >= ahead.count || !is_chunk(ahead.chunks.data() + at * RunChunk::kSize, id)) {
      return false;
    }
    ahead.last_found = chunk;
  }
  return wanted(chunk, copies);
}

bool IndexRun::wanted(std::uint32_t chunk, Copies copies) const {
  if (flags_.empty()) return true;
  const auto pack = pack_of(chunk);
  if (!pack) return false;
  const std::uint8_t unwanted =
      copies == Copies::any ? kDead : static_cast<std::uint8_t>(kDead | kCondemned);
  return (flags_[*pack] & unwanted) == 0;
}

// The next chunk to be asked for lies mostly in the same block.
std::optional<std::uint32_t> IndexRun::pack_of(std::uint32_t chunk) const {
  Ahead& ahead = ahead_[thread_slot()];
  {
    const MutexLock lock(ahead.mutex);
    if (chunk - ahead.block.first_chunk < ahead.block.chunks) return ahead.block.pack;
  }
  const auto in = block_of(chunk);
  if (!in) return std::nullopt;
  const MutexLock lock(ahead.mutex);
  ahead.block = in->block;
  return in->block.pack;
}

std::optional<IndexRun::NumberedBlock> IndexRun::block_of(std::uint32_t chunk) const {
  Scratch scratch;
  const std::uint32_t mark = chunk / kChunksPerMark;
  const bool is_last = mark + std::uint64_t{1} == layout_.marks.count;
  const std::byte* const marks = look(layout_.marks, mark, is_last ? 1 : 2, scratch);
  if (marks == nullptr) return std::nullopt;
  std::uint32_t first = load_le<std::uint32_t>(marks);
  std::uint32_t last = is_last ? counts().blocks - 1 : load_le<std::uint32_t>(marks + sizeof first);
  // The last block that begins at or before the chunk. Rarely a long way: blocks without chunks.
  while (first < last && last - first >= kBlocksAtOnce) {
    const std::uint32_t middle = first + (last - first + 1) / 2;
    const auto between = block(middle);
    if (!between) return std::nullopt;
    if (between->first_chunk <= chunk) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  if (first > last) return impossible();
  const std::byte* const blocks = look(layout_.blocks, first, last - first + 1, scratch);
  if (blocks == nullptr) return std::nullopt;
  for (std::uint32_t number = last;; --number) {
    const RunBlock candidate = RunBlock::decode(blocks + (number - first) * RunBlock::kSize);
    if (candidate.first_chunk <= chunk) {
      if (chunk - candidate.first_chunk >= candidate.chunks || !checked(candidate)) {
        return impossible();
      }
      return NumberedBlock{number, candidate};
    }
    if (number == first) return impossible();
  }
}

std::optional<ChunkLocation> IndexRun::location(std::uint32_t chunk) const {
  Scratch scratch;
  const std::byte* const record = look(layout_.chunks, chunk, 1, scratch);
  if (record == nullptr) return std::nullopt;
  const RunChunk found = RunChunk::decode(record);
  const auto in = block_of(chunk);
  const auto of = in ? pack(in->block.pack) : std::nullopt;
  if (!of) return std::nullopt;
  if (in->number - of->first_block >= of->blocks) return impossible();
  return ChunkLocation{.pack = of->name,
                       .pack_number = in->block.pack,
                       .block_number = in->number - of->first_block,
                       .block_offset = in->block.offset,
                       .stored = in->block.stored,
                       .raw = in->block.raw,
                       .codec = in->block.codec,
                       .kind = in->block.kind,
                       .nonce_tail = in->block.nonce_tail,
                       .chunk_offset = found.offset,
                       .chunk_length = found.length};
}

std::optional<std::uint32_t> IndexRun::find_pack(const PackId& name) const {
  Scratch scratch;
  const std::uint64_t wanted_entry = run_entry(run_key(name), 0);
  std::uint32_t first = 0, count = counts().packs;
  while (count > 0) {
    const std::uint32_t half = count / 2;
    const std::byte* const entry = look(layout_.pack_keys, first + half, 1, scratch);
    if (entry == nullptr) return std::nullopt;
    const bool before = load_le<std::uint64_t>(entry) < wanted_entry;
    first = before ? first + half + 1 : first;
    count = before ? count - half - 1 : half;
  }
  for (; first < counts().packs; ++first) {
    const std::byte* const entry = look(layout_.pack_keys, first, 1, scratch);
    if (entry == nullptr) return std::nullopt;
    const auto found = load_le<std::uint64_t>(entry);
    if (key_of_entry(found) != run_key(name)) return std::nullopt;
    const auto record = pack(number_of_entry(found));
    if (!record) return std::nullopt;
    if (record->name == name && !is_dead(number_of_entry(found))) return number_of_entry(found);
  }
  return std::nullopt;
}

std::optional<RunPack> IndexRun::pack(std::uint32_t number) const {
  Scratch scratch;
  const std::byte* const record = look(layout_.packs, number, 1, scratch);
  if (record == nullptr) return std::nullopt;
  const RunPack found = RunPack::decode(record);
  if (!known(found) || !within(found.first_block, found.blocks, counts().blocks) ||
      !within(found.first_chunk, found.chunks, counts().chunks) ||
      !within(found.first_origin, found.origins, counts().origins)) {
    return impossible();
  }
  return found;
}

std::optional<RunBlock> IndexRun::block(std::uint32_t number) const {
  Scratch scratch;
  const std::byte* const record = look(layout_.blocks, number, 1, scratch);
  if (record == nullptr) return std::nullopt;
  return checked(RunBlock::decode(record));
}

std::optional<RunBlock> IndexRun::checked(const RunBlock& block) const {
  if (!known(block) || block.pack >= counts().packs ||
      !within(block.first_chunk, block.chunks, counts().chunks)) {
    return impossible();
  }
  return block;
}

Result<void> IndexRun::each_chunk(std::uint32_t first, std::uint32_t count,
                                  const std::function<Result<void>(const RunChunk&)>& each) const {
  Scratch scratch;
  while (count > 0) {
    const std::uint32_t now = std::min(count, kChunksAhead);
    const std::byte* const records = look(layout_.chunks, first, now, scratch);
    if (records == nullptr) return fail(damage());
    for (std::uint32_t i = 0; i < now; ++i) {
      TRY(each(RunChunk::decode(records + i * RunChunk::kSize)));
    }
    first += now;
    count -= now;
  }
  return {};
}

bool IndexRun::origins(const RunPack& pack, std::vector<std::uint32_t>& into) const {
  Scratch scratch;
  for (std::uint32_t i = 0; i < pack.origins; ++i) {
    const std::byte* const record = look(layout_.origins, pack.first_origin + i, 1, scratch);
    if (record == nullptr) return false;
    const auto segment = load_le<std::uint32_t>(record);
    if (segment >= segments_.size()) {
      body_.mark_damaged();
      return false;
    }
    into.push_back(segment);
  }
  return true;
}

bool IndexRun::entries(std::uint64_t first, std::span<std::uint64_t> into) const {
  Scratch scratch;
  while (!into.empty()) {
    const std::size_t now = std::min<std::size_t>(into.size(), kKeysAtOnce);
    const std::byte* const found = look(layout_.keys, first, now, scratch);
    if (found == nullptr) return false;
    for (std::size_t i = 0; i < now; ++i) {
      into[i] = load_le<std::uint64_t>(found + i * kRunKeySize);
    }
    into = into.subspan(now);
    first += now;
  }
  return true;
}

}  // namespace lagan
