// SPDX-License-Identifier: Apache-2.0
#include "repo/index_run_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "crypto/hash.h"
#include "repo/bloom_filter.h"
#include "repo/limits.h"

namespace lagan {
namespace {

// A file that goes away unless it is published.
struct TemporaryFile {
  File file;
  std::string path;  // empty: it has no name

  TemporaryFile() = default;
  TemporaryFile(TemporaryFile&& other) noexcept
      : file(std::move(other.file)), path(std::exchange(other.path, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

Result<TemporaryFile> create_temporary(const std::string& folder) {
  if (folder.empty()) {
    TemporaryFile made;
    made.file = TRY(create_unnamed_file());
    return made;
  }
  for (int attempt = 0;; ++attempt) {
    const std::string path =
        fmt::format("{}/{}{}-{}", folder, kTemporaryRunPrefix, ::getpid(), attempt);
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) return fail(system_error("create " + path, errno));
    TemporaryFile made;
    made.file = File(descriptor);
    made.path = path;
    // Tells whoever cleans up that this one is in use. Without locks there it may be removed under
    // us, which publish() puts up with.
    ::flock(descriptor, LOCK_EX | LOCK_NB);
    return made;
  }
}

// One section, written front to back.
class SectionWriter {
 public:
  SectionWriter(int descriptor, std::uint64_t begin, const RunSection& section)
      : descriptor_(descriptor), at_(begin + section.offset), section_(section) {
    buffer_.reserve(kBufferSize);
  }

  // Room for the next record. Failures come out of finish().
  std::byte* next() {
    if (buffer_.size() + section_.width > kBufferSize) flush();
    LAGAN_ASSERT(written_++ < section_.count);
    buffer_.resize(buffer_.size() + section_.width);
    return buffer_.data() + buffer_.size() - section_.width;
  }
  template <typename T>
  void number(T value) {
    store_le(value, next());
  }
  std::uint64_t written() const { return written_; }

  Result<void> finish() {
    LAGAN_ASSERT(written_ == section_.count);
    flush();
    return status_;
  }

 private:
  static constexpr std::size_t kBufferSize = 64 * 1024;

  void flush() {
    if (status_) status_ = write_all_at(descriptor_, buffer_, at_);
    at_ += buffer_.size();
    buffer_.clear();
  }

  int descriptor_;
  std::uint64_t at_;
  RunSection section_;
  std::uint64_t written_ = 0;
  std::vector<std::byte> buffer_;
  Result<void> status_;
};

// Takes packs, each followed by its blocks, each followed by its chunks; and the sorted keys of all
// chunks, any time. Numbers what it takes.
class RunWriter {
 public:
  static Result<RunWriter> create(const RunFolder& folder, std::vector<SegmentId> segments,
                                  const RunCounts& counts) {
    TemporaryFile file = TRY(create_temporary(folder.path));
    RunWriter writer(folder, std::move(file), std::move(segments), RunLayout(counts));
    if (writer.bloom_.size() == 0) return fail(ErrorCode::internal, "not enough memory");
    return writer;
  }

  void add_pack(RunPack pack, std::span<const std::uint32_t> origins) {
    pack.first_block = number(blocks_);
    pack.first_chunk = number(chunks_);
    pack.first_origin = number(origins_);
    pack.origins = static_cast<std::uint32_t>(origins.size());
    pack_entries_.push_back(run_entry(run_key(pack.name), number(packs_)));
    pack.encode(packs_.next());
    for (const std::uint32_t segment : origins) origins_.number(segment);
  }

  void add_block(RunBlock block) {
    block.pack = number(packs_) - 1;
    block.first_chunk = number(chunks_);
    block.encode(blocks_.next());
  }

  // The chunk's number.
  std::uint32_t add_chunk(const RunChunk& chunk) {
    const std::uint32_t added = number(chunks_);
    if (added % kChunksPerMark == 0) marks_.number(number(blocks_) - 1);
    chunk.encode(chunks_.next());
    bloom::insert(
        bloom_.data() + bloom::block_of(chunk.id, layout_.bloom.count) * bloom::kBlockSize,
        chunk.id);
    return added;
  }

  void add_entry(std::uint64_t entry) {
    const std::uint64_t bucket = bucket_of_key(key_of_entry(entry), layout_.directory.count - 1);
    while (directory_.written() <= bucket) directory_.number(number(keys_));
    keys_.number(entry);
  }

  Result<std::unique_ptr<IndexRun>> finish() {
    const int descriptor = file_.file.descriptor();
    while (directory_.written() < layout_.directory.count) directory_.number(number(keys_));
    std::ranges::sort(pack_entries_);
    for (const std::uint64_t entry : pack_entries_) pack_keys_.number(entry);
    for (SectionWriter* section :
         {&directory_, &pack_keys_, &packs_, &origins_, &marks_, &blocks_, &keys_, &chunks_}) {
      TRY(section->finish());
    }
    TRY(write_all_at(descriptor, {bloom_.data(), bloom_.size()},
                     layout_.body_begin + layout_.bloom.offset));
    bloom_ = PageMemory();
    if (::ftruncate(descriptor, static_cast<off_t>(layout_.file_size)) != 0) {
      return fail(system_error("write " + file_.path, errno));
    }
    TRY(write_run_header(descriptor, folder_.repository, segments_, layout_.counts));
    return publish();
  }

 private:
  RunWriter(const RunFolder& folder, TemporaryFile file, std::vector<SegmentId> segments,
            const RunLayout& layout)
      : folder_(folder),
        file_(std::move(file)),
        segments_(std::move(segments)),
        layout_(layout),
        bloom_(layout.bloom.count * layout.bloom.width),
        directory_(section(layout.directory)),
        pack_keys_(section(layout.pack_keys)),
        packs_(section(layout.packs)),
        origins_(section(layout.origins)),
        marks_(section(layout.marks)),
        blocks_(section(layout.blocks)),
        keys_(section(layout.keys)),
        chunks_(section(layout.chunks)) {}

  SectionWriter section(const RunSection& of) const {
    return SectionWriter(file_.file.descriptor(), layout_.body_begin, of);
  }
  static std::uint32_t number(const SectionWriter& section) {
    return static_cast<std::uint32_t>(section.written());
  }

  // Two processes that cover the same segments write the same, so they may take the same name.
  std::string final_path() const {
    std::vector<SegmentId> sorted = segments_;
    std::ranges::sort(sorted);
    Hasher hasher;
    for (const SegmentId& id : sorted) hasher.update(id.span());
    return fmt::format("{}/{}{}", folder_.path, to_hex(ByteSpan(hasher.finish()).first(16)),
                       kRunSuffix);
  }

  Result<std::unique_ptr<IndexRun>> publish() {
    auto run = TRY(IndexRun::open(std::move(file_.file), folder_.repository));
    if (file_.path.empty()) return run;
    const std::string path = final_path();
    if (::rename(file_.path.c_str(), path.c_str()) == 0) {
      run->path = path;
      file_.path.clear();
    } else if (errno != ENOENT) {
      return fail(system_error("rename " + file_.path, errno));
    }
    return run;  // at worst without a name: it serves this process
  }

  RunFolder folder_;
  TemporaryFile file_;
  std::vector<SegmentId> segments_;
  RunLayout layout_;
  PageMemory bloom_;
  std::vector<std::uint64_t> pack_entries_;
  SectionWriter directory_, pack_keys_, packs_, origins_, marks_, blocks_, keys_, chunks_;
};

tl::unexpected<Error> too_large(const char* what) {
  return fail(ErrorCode::invalid_argument, fmt::format("local index: {} out of range", what));
}

Result<void> check_counts(std::uint64_t packs, std::uint64_t origins, std::uint64_t blocks,
                          std::uint64_t chunks) {
  if (std::max({packs, origins, blocks, chunks}) > kRunMaxRecords) {
    return too_large("number of records");
  }
  return {};
}

// What decoding has checked for a segment from the repository. Another caller's mistake must not
// become a wrong location.
Result<void> check_pack(const PackEntry& pack) {
  std::uint64_t offset = kHeaderSize;
  for (const Block& block : pack.directory.blocks) {
    std::uint64_t raw = 0;
    for (const std::uint32_t length : block.lengths) raw += length;
    if (block.ids.size() != block.lengths.size() || raw != block.raw) {
      return too_large("length of a chunk");
    }
    if (raw > limits::kBlockRawBytes) return too_large("size of a block");
    offset += block.stored;
  }
  if (offset > limits::kPackBytesMax) return too_large("size of a pack");
  return {};
}

std::uint32_t count_chunks(const PackDirectory& directory) {
  std::size_t chunks = 0;
  for (const Block& block : directory.blocks) chunks += block.ids.size();
  return static_cast<std::uint32_t>(chunks);
}

void write_pack(RunWriter& writer, const PackEntry& entry, std::vector<std::uint64_t>& entries) {
  RunPack pack;
  pack.name = entry.name;
  pack.header = entry.header.bytes;
  pack.session = entry.directory.session;
  pack.size = entry.size;
  pack.created = entry.directory.created;
  pack.blocks = static_cast<std::uint32_t>(entry.directory.blocks.size());
  pack.chunks = count_chunks(entry.directory);
  pack.kind = entry.kind;
  const std::uint32_t only_segment = 0;
  writer.add_pack(pack, {&only_segment, 1});
  std::uint32_t block_offset = kHeaderSize;
  for (const Block& block : entry.directory.blocks) {
    writer.add_block({.nonce_tail = block.nonce_tail,
                      .chunks = static_cast<std::uint32_t>(block.ids.size()),
                      .offset = block_offset,
                      .stored = block.stored,
                      .raw = block.raw,
                      .codec = block.codec,
                      .kind = block.kind});
    block_offset += block.stored;
    std::uint32_t chunk_offset = 0;
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      const std::uint32_t number = writer.add_chunk({block.ids[i], chunk_offset, block.lengths[i]});
      entries.push_back(run_entry(run_key(block.ids[i]), number));
      chunk_offset += block.lengths[i];
    }
  }
}

// A merge in progress.
class Merge {
 public:
  explicit Merge(std::span<const IndexRun* const> runs) : runs_(runs), inputs_(runs.size()) {}

  Result<std::unique_ptr<IndexRun>> run(const RunFolder& folder) {
    choose_segments();
    for (std::size_t i = 0; i < runs_.size(); ++i) TRY(choose_packs(i));
    TRY(check_counts(packs_, origins_, blocks_, chunks_));
    RunWriter writer =
        TRY(RunWriter::create(folder, segments_,
                              {.segments = static_cast<std::uint32_t>(segments_.size()),
                               .packs = static_cast<std::uint32_t>(packs_),
                               .origins = static_cast<std::uint32_t>(origins_),
                               .blocks = static_cast<std::uint32_t>(blocks_),
                               .chunks = static_cast<std::uint32_t>(chunks_)}));
    for (std::size_t i = 0; i < runs_.size(); ++i) TRY(copy_packs(i, writer));
    TRY(merge_entries(writer));
    for (const IndexRun* run : runs_) {
      if (run->damaged()) return fail(run->damage());
    }
    return writer.finish();
  }

 private:
  // Chunks [first, end) of an input become those from `moved_to` on. In order; gaps are left out.
  struct Stretch {
    std::uint32_t first = 0, end = 0, moved_to = 0;
  };
  struct Input {
    std::vector<bool> kept;               // packs
    std::vector<std::uint32_t> segments;  // new numbers of the live ones
    std::vector<Stretch> stretches;
    std::uint64_t chunks = 0;  // of kept packs
  };

  void choose_segments() {
    std::unordered_map<SegmentId, std::uint32_t> numbers;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const auto& listed = runs_[i]->segments();
      for (std::size_t s = 0; s < listed.size(); ++s) {
        const auto next = static_cast<std::uint32_t>(segments_.size());
        inputs_[i].segments.push_back(next);
        if (!runs_[i]->is_live(s)) continue;
        const auto [at, is_new] = numbers.try_emplace(listed[s], next);
        if (is_new) segments_.push_back(listed[s]);
        inputs_[i].segments.back() = at->second;
      }
    }
  }

  // The live segments that list a pack: those of `input` and of the later runs that have it too.
  Result<std::vector<std::uint32_t>> origins_of(std::size_t input, const RunPack& pack) const {
    std::vector<std::uint32_t> all, listed;
    for (std::size_t i = input; i < runs_.size(); ++i) {
      std::optional<RunPack> here;
      if (i == input) {
        here = pack;
      } else if (const auto number = runs_[i]->find_pack(pack.name)) {
        here = runs_[i]->pack(*number);
      }
      listed.clear();
      if (here && !runs_[i]->origins(*here, listed)) return fail(runs_[i]->damage());
      for (const std::uint32_t segment : listed) {
        if (runs_[i]->is_live(segment)) all.push_back(inputs_[i].segments[segment]);
      }
      if (runs_[i]->damaged()) return fail(runs_[i]->damage());
    }
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  Result<void> choose_packs(std::size_t input) {
    const IndexRun& run = *runs_[input];
    Input& chosen = inputs_[input];
    chosen.kept.assign(run.counts().packs, false);
    for (std::uint32_t number = 0; number < run.counts().packs; ++number) {
      const auto pack = run.pack(number);
      if (!pack) return fail(run.damage());
      const bool repeated = std::ranges::any_of(runs_.first(input), [&](const IndexRun* earlier) {
        return earlier->find_pack(pack->name).has_value();
      });
      if (repeated || run.is_dead(number)) continue;
      chosen.kept[number] = true;
      chosen.chunks += pack->chunks;
      Stretch moved{pack->first_chunk, pack->first_chunk + pack->chunks,
                    static_cast<std::uint32_t>(chunks_)};
      if (!chosen.stretches.empty() && chosen.stretches.back().end == moved.first) {
        chosen.stretches.back().end = moved.end;
      } else {
        chosen.stretches.push_back(moved);
      }
      packs_ += 1;
      origins_ += TRY(origins_of(input, *pack)).size();
      blocks_ += pack->blocks;
      chunks_ += pack->chunks;
    }
    return {};
  }

  Result<void> copy_packs(std::size_t input, RunWriter& writer) const {
    const IndexRun& run = *runs_[input];
    for (std::uint32_t number = 0; number < run.counts().packs; ++number) {
      if (!inputs_[input].kept[number]) continue;
      const auto pack = run.pack(number);
      if (!pack) return fail(run.damage());
      writer.add_pack(*pack, TRY(origins_of(input, *pack)));
      std::uint32_t next_chunk = pack->first_chunk;
      for (std::uint32_t i = 0; i < pack->blocks; ++i) {
        const auto block = run.block(pack->first_block + i);
        if (!block || block->first_chunk != next_chunk ||
            block->chunks > pack->chunks - (next_chunk - pack->first_chunk)) {
          return fail(run.damage());
        }
        writer.add_block(*block);
        next_chunk += block->chunks;
        TRY(run.each_chunk(block->first_chunk, block->chunks,
                           [&](const RunChunk& chunk) -> Result<void> {
                             writer.add_chunk(chunk);
                             return {};
                           }));
      }
      if (next_chunk != pack->first_chunk + pack->chunks) return fail(run.damage());
    }
    return {};
  }

  // The sorted keys of one input, renumbered.
  class EntryReader {
   public:
    EntryReader(const IndexRun& run, const Input& input) : run_(run), input_(input) {}

    std::uint64_t entry() const { return entry_; }

    // False at the end.
    Result<bool> advance() {
      while (true) {
        if (at_ == buffer_.size() && !TRY(fill())) return false;
        const std::uint64_t entry = buffer_[at_++];
        const auto after =
            std::ranges::upper_bound(input_.stretches, number_of_entry(entry), {}, &Stretch::first);
        if (after == input_.stretches.begin()) continue;
        const Stretch& in = *std::prev(after);
        if (number_of_entry(entry) >= in.end) continue;
        const std::uint64_t last = std::exchange(
            entry_,
            run_entry(key_of_entry(entry), number_of_entry(entry) - in.first + in.moved_to));
        if (taken_++ > 0 && entry_ <= last) return fail(run_.damage());
        if (taken_ > input_.chunks) return fail(run_.damage());
        return true;
      }
    }

   private:
    Result<bool> fill() {
      constexpr std::uint64_t kAtOnce = 8192;
      const std::uint64_t left = run_.counts().chunks - read_;
      if (left == 0 && taken_ != input_.chunks) return fail(run_.damage());
      if (left == 0) return false;
      buffer_.resize(std::min(left, kAtOnce));
      at_ = 0;
      if (!run_.entries(read_, buffer_)) return fail(run_.damage());
      read_ += buffer_.size();
      return true;
    }

    const IndexRun& run_;
    const Input& input_;
    std::vector<std::uint64_t> buffer_;
    std::size_t at_ = 0;
    std::uint64_t read_ = 0, taken_ = 0;
    std::uint64_t entry_ = 0;
  };

  Result<void> merge_entries(RunWriter& writer) const {
    std::vector<std::unique_ptr<EntryReader>> heap;
    const auto later = [](const auto& a, const auto& b) { return a->entry() > b->entry(); };
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      auto reader = std::make_unique<EntryReader>(*runs_[i], inputs_[i]);
      if (TRY(reader->advance())) heap.push_back(std::move(reader));
    }
    std::ranges::make_heap(heap, later);
    while (!heap.empty()) {
      std::ranges::pop_heap(heap, later);
      writer.add_entry(heap.back()->entry());
      if (TRY(heap.back()->advance())) {
        std::ranges::push_heap(heap, later);
      } else {
        heap.pop_back();
      }
    }
    return {};
  }

  std::span<const IndexRun* const> runs_;
  std::vector<Input> inputs_;
  std::vector<SegmentId> segments_;
  std::uint64_t packs_ = 0, origins_ = 0, blocks_ = 0, chunks_ = 0;
};

}  // namespace

Result<std::unique_ptr<IndexRun>> build_run(const RunFolder& folder, const SegmentId& id,
                                            const Segment& segment) {
  std::vector<const PackEntry*> packs;
  std::unordered_set<PackId> seen;
  std::uint64_t blocks = 0, chunks = 0;
  for (const PackEntry& pack : segment.packs) {
    if (!seen.insert(pack.name).second) continue;
    TRY_IN("pack " + pack.name.short_hex(), check_pack(pack));
    packs.push_back(&pack);
    blocks += pack.directory.blocks.size();
    chunks += count_chunks(pack.directory);
  }
  TRY(check_counts(packs.size(), packs.size(), blocks, chunks));
  RunWriter writer = TRY(RunWriter::create(folder, {id},
                                           {.segments = 1,
                                            .packs = static_cast<std::uint32_t>(packs.size()),
                                            .origins = static_cast<std::uint32_t>(packs.size()),
                                            .blocks = static_cast<std::uint32_t>(blocks),
                                            .chunks = static_cast<std::uint32_t>(chunks)}));
  std::vector<std::uint64_t> entries;
  entries.reserve(chunks);
  for (const PackEntry* pack : packs) write_pack(writer, *pack, entries);
  std::ranges::sort(entries);
  for (const std::uint64_t entry : entries) writer.add_entry(entry);
  return writer.finish();
}

Result<std::unique_ptr<IndexRun>> merge_runs(const RunFolder& folder,
                                             std::span<const IndexRun* const> runs) {
  return Merge(runs).run(folder);
}

Result<void> write_run_header(int descriptor, const RepositoryId& repository,
                              const std::vector<SegmentId>& segments, const RunCounts& counts) {
  const RunLayout layout(counts);
  std::string lists;
  for (const SegmentId& id : segments) lists += as_text(id.span());
  // Reading everything once more is cheaper than it sounds (it was written a moment ago), and
  // sections may be written in any order.
  Bytes page(PagedFile::kPageSize);
  for (std::uint64_t begin = 0; begin < layout.body_size; begin += page.size()) {
    const auto now =
        page.span().first(std::min<std::uint64_t>(page.size(), layout.body_size - begin));
    if (TRY(read_at(descriptor, now, layout.body_begin + begin)) != now.size()) {
      return fail(ErrorCode::corrupt, "local index: a new run is too short");
    }
    lists += as_text(PagedFile::hash_page(now));
  }
  std::string header(kRunMagic);
  append_le(header, kRunVersion);
  append_le(header, std::uint32_t{0});
  header += as_text(repository.span());
  for (const std::uint32_t count :
       {counts.segments, counts.packs, counts.origins, counts.blocks, counts.chunks}) {
    append_le(header, count);
  }
  header.resize(kRunHashedHeaderSize);
  Hasher hasher;
  hasher.update(as_bytes(header));
  hasher.update(as_bytes(lists));
  header += as_text(hasher.finish());
  TRY(write_all_at(descriptor, as_bytes(header), 0));
  return write_all_at(descriptor, as_bytes(lists), kRunHeaderSize);
}

}  // namespace lagan
