// SPDX-License-Identifier: Apache-2.0
#include "src/engine/content_fetcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/names.h"
#include "src/engine/existing_content.h"
#include "util/threads.h"

namespace lagan {
namespace {

// A window holds at most so much; a hundred bytes are needed for each write.
constexpr std::size_t kWindowWrites = 32'768;
constexpr std::uint64_t kWindowBytes = std::uint64_t{256} << 20;
// Blocks are read together while the request stays below this …
constexpr std::uint64_t kUnitBytes = std::uint64_t{4} << 20;
// … and no more than this between them is read in vain.
constexpr std::uint64_t kGapBytes = std::uint64_t{128} << 10;
constexpr std::size_t kQueuedUnits = 4;

}  // namespace

ContentFetcher::ContentFetcher(const Repository& repository, const LocalIndex& index,
                               std::size_t threads, Observer& observer)
    : repository_(repository),
      index_(index),
      observer_(observer),
      reader_(repository, index),
      units_(kQueuedUnits) {
  reader_.follow_copies();
  // Without any, whoever adds does all of it.
  (void)start_threads(threads_, threads, [this] { run(); });
}

ContentFetcher::~ContentFetcher() {
  units_.abandon();
  threads_.clear();
}

void ContentFetcher::add(const std::shared_ptr<RestoredFile>& file, const Slice& slice,
                         std::uint64_t offset) {
  const auto location = index_.find(*slice.id);
  if (!location) {
    const Error error{ErrorCode::not_found,
                      fmt::format("chunk {} is in no index", slice.id->short_hex()),
                      Retry::never,
                      {}};
    file->announce();
    write_moved({file,
                 offset,
                 {},
                 *slice.id,
                 static_cast<std::uint32_t>(slice.offset),
                 static_cast<std::uint32_t>(slice.length)},
                error);
    return;
  }
  if (location->kind != ChunkKind::data || slice.offset + slice.length > location->chunk_length) {
    file->damaged(Error{ErrorCode::corrupt, "a slice lies beyond its chunk", Retry::never, {}},
                  offset, slice.length);
    return;
  }
  file->announce();
  window_.push_back({file, offset, *location, *slice.id, static_cast<std::uint32_t>(slice.offset),
                     static_cast<std::uint32_t>(slice.length)});
  window_bytes_ += slice.length;
  if (window_.size() >= kWindowWrites || window_bytes_ >= kWindowBytes) flush();
}

void ContentFetcher::flush() {
  std::ranges::sort(window_, {}, [](const Write& write) {
    return std::tuple(write.location.pack_number, write.location.block_offset,
                      write.location.chunk_offset);
  });
  Unit unit;
  const auto send = [&] {
    if (unit.writes.empty()) return;
    if (threads_.empty()) {
      carry_out(unit);
      unit = {};
    } else {
      units_.push(std::exchange(unit, {}));
    }
  };
  for (Write& write : window_) {
    const ChunkLocation& at = write.location;
    const std::uint64_t end = at.block_offset + at.stored;
    if (!unit.writes.empty()) {
      const std::uint64_t unit_end = unit.range.offset + unit.range.length;
      const bool joins = unit.writes.back().location.pack_number == at.pack_number &&
                         at.block_offset <= unit_end + kGapBytes &&
                         end - unit.range.offset <= kUnitBytes;
      if (!joins) send();
    }
    if (unit.writes.empty()) unit.range = {at.block_offset, 0};
    unit.range.length = std::max(unit.range.length, end - unit.range.offset);
    unit.writes.push_back(std::move(write));
  }
  send();
  window_.clear();
  window_bytes_ = 0;
}

void ContentFetcher::finish() {
  flush();
  units_.close();
  threads_.clear();  // joins
}

void ContentFetcher::run() {
  while (auto unit = units_.pop()) carry_out(*unit);
}

// What a file holds already is neither fetched nor written.
bool ContentFetcher::is_there(const Write& write) {
  const int descriptor = write.file->descriptor();
  const bool is_whole = write.offset == 0 && write.length == write.location.chunk_length;
  if (!write.file->has_old_content() || !is_whole) return false;
  if (!write.file->is_sparse() && !has_no_hole(descriptor, write.file_offset, write.length))
    return false;
  if (!holds_chunk(descriptor, write.file_offset, write.id, write.length,
                   repository_.bundle().keys.id_key))
    return false;
  write.file->settle();
  observer_.progress.bytes_done += write.length;
  bytes_kept_ += write.length;
  return true;
}

void ContentFetcher::carry_out(Unit& unit) {
  if (std::erase_if(unit.writes, [this](const Write& write) { return is_there(write); }) != 0) {
    if (unit.writes.empty()) return;
    const ChunkLocation& last = unit.writes.back().location;  // blocks do not overlap
    unit.range.offset = unit.writes.front().location.block_offset;
    unit.range.length = last.block_offset + last.stored - unit.range.offset;
  }
  const ChunkLocation& first = unit.writes.front().location;
  const ObjectName name = names::pack(ObjectKind::data_pack, first.pack);
  const auto sealed = repository_.storage().get(name, unit.range);
  for (auto begin = unit.writes.begin(); begin != unit.writes.end();) {
    const ChunkLocation& at = begin->location;
    const auto end = std::find_if(begin, unit.writes.end(), [&](const Write& write) {
      return write.location.block_offset != at.block_offset;
    });
    // A pack that is cut short may still have this block: then it is read alone.
    const auto raw =
        sealed ? reader_.open_block(
                     at, sealed->span().subspan(at.block_offset - unit.range.offset, at.stored))
               : reader_.read_block(at);
    if (raw) {
      write_block(*raw, begin, end);
    } else {
      const Error error = Error(raw.error()).in("pack " + at.pack.short_hex());
      for (auto it = begin; it != end; ++it) write_moved(*it, error);
    }
    begin = end;
  }
}

void ContentFetcher::give_up(const Write& write, const Error& error) {
  write.file->damaged(error, write.file_offset, write.length);
  write.file->settle();
}

// The chunk is not where the index said, or damaged there. `error` is the file's if it is nowhere
// else either.
void ContentFetcher::write_moved(const Write& write, const Error& error) {
  if (error.code != ErrorCode::not_found && error.code != ErrorCode::corrupt)
    return give_up(write, error);
  const auto chunk = reader_.load(write.id, ChunkKind::data);
  if (!chunk) {
    const ErrorCode code = chunk.error().code;
    const bool is_known = code == ErrorCode::not_found || code == ErrorCode::corrupt;
    return give_up(write, is_known ? error : chunk.error());
  }
  if (write.offset + std::uint64_t{write.length} > chunk->size()) {
    return give_up(write,
                   Error{ErrorCode::corrupt, "a slice lies beyond its chunk", Retry::never, {}});
  }
  write_piece(write, chunk->span());
}

void ContentFetcher::write_block(ByteSpan raw, std::vector<Write>::iterator begin,
                                 std::vector<Write>::iterator end) {
  const ChunkId* verified = nullptr;
  for (auto it = begin; it != end; ++it) {
    const ByteSpan chunk = raw.subspan(it->location.chunk_offset, it->location.chunk_length);
    if (verified == nullptr || *verified != it->id) {
      if (auto sound =
              verify_chunk(repository_.bundle().keys.id_key, it->id, ChunkKind::data, chunk);
          !sound) {
        write_moved(*it, sound.error());
        continue;
      }
      verified = &it->id;
    }
    write_piece(*it, chunk);
  }
}

void ContentFetcher::write_piece(const Write& write, ByteSpan chunk) {
  const ByteSpan piece = chunk.subspan(write.offset, write.length);
  if (auto written = write.file->write(piece, write.file_offset); !written)
    return give_up(write, written.error());
  write.file->settle();
  observer_.progress.bytes_done += write.length;
}

}  // namespace lagan
