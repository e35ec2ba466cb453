// SPDX-License-Identifier: Apache-2.0
#include "src/engine/content_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/file.h"

namespace lagan {
namespace {

// Small enough for the second-level cache, large enough that a read call does not count.
constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

// The next stretch of data at or after `from`, or nothing. Where the file system does not tell, all
// is data.
std::optional<std::pair<std::uint64_t, std::uint64_t>> next_data(int descriptor, std::uint64_t from,
                                                                 std::uint64_t size) {
  const off_t data = ::lseek(descriptor, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0 && errno == ENXIO) return std::nullopt;
  if (data < 0) return std::pair(from, size);
  const off_t hole = ::lseek(descriptor, data, SEEK_HOLE);
  const std::uint64_t end = hole < 0 ? size : std::min(static_cast<std::uint64_t>(hole), size);
  if (static_cast<std::uint64_t>(data) >= size) return std::nullopt;
  return std::pair(static_cast<std::uint64_t>(data), end);
}

// Returns when something can be read, `cancelled` when that is no longer wanted.
Result<void> wait_for_input(int descriptor, const std::function<bool()>& is_stopped) {
  constexpr int kMilliseconds = 200;
  while (!is_stopped()) {
    pollfd input{descriptor, POLLIN, 0};
    const int ready = ::poll(&input, 1, kMilliseconds);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return {};  // reading tells what is wrong
  }
  return fail(ErrorCode::cancelled, "interrupted");
}

}  // namespace

ContentReader::ContentReader(const ContentContext& context, ChunkWriter::Lane& lane)
    : context_(context), lane_(lane) {
  for (const SizeClass& size_class : context.params.classes) {
    chunkers_.emplace_back(context.key, size_class.sizes, context.params.prefilter_bits);
  }
}

void ContentReader::make_room(const Chunker& chunker) {
  const std::size_t wanted = std::max(kBufferBytes, std::size_t{2} * chunker.sizes().max);
  if (buffer_.size() < wanted) buffer_ = Bytes(wanted);
  filled_ = 0;
}

Result<ContentReader::Outcome> ContentReader::read_file(int descriptor, std::uint64_t size,
                                                        bool may_have_holes, int previous_class,
                                                        Entry& entry) {
  Outcome outcome;
  entry.size = size;
  outcome.size = size;
  const bool is_one_hole = may_have_holes && size != 0 && !next_data(descriptor, 0, size);
  if (size <= context_.inline_max && !is_one_hole) {
    entry.inline_content.resize(size);
    auto got = read_at(descriptor, std::as_writable_bytes(std::span(entry.inline_content)), 0);
    if (!got) outcome.source_error = std::move(got).error();
    const std::size_t read = got ? *got : 0;
    entry.inline_content.resize(read);
    entry.size = outcome.size = read;
    context_.bytes_read(read);
    return outcome;
  }
  const std::size_t size_class = class_for(context_.params, size, previous_class);
  outcome.chunk_class = static_cast<int>(size_class);
  const Chunker& chunker = chunkers_[size_class];
  ContentBuilder content = new_content();
  std::uint64_t at = 0;
  while (at < size && !outcome.source_error) {
    const auto data = may_have_holes ? next_data(descriptor, at, size) : std::pair(at, size);
    const std::uint64_t data_begin = data ? data->first : size;
    if (data_begin > at) TRY(content.add({std::nullopt, 0, data_begin - at}));
    at = data_begin;
    if (!data) break;
    outcome.size = at;
    TRY(read_region(descriptor, {at, data->second}, chunker, content, outcome));
    at = outcome.size;
    if (at < data->second) break;  // the file has shrunk, or cannot be read further
  }
  if (outcome.source_error && at < size) {
    TRY(content.add({std::nullopt, 0, size - at}));
    at = size;
  }
  entry.size = outcome.size = at;
  TRY(finish(content, entry, outcome));
  return outcome;
}

ContentBuilder ContentReader::new_content() {
  stored_.clear();
  return ContentBuilder([this](ChunkKind kind, ByteSpan node) -> Result<ChunkId> {
    const ChunkId id = TRY(context_.tree_sink(kind, node));
    stored_ += as_text(id.span());
    return id;
  });
}

Result<void> ContentReader::finish(ContentBuilder& content, Entry& entry, Outcome& outcome) {
  TRY(content.finish(entry));
  if (entry.list) outcome.listed = std::exchange(stored_, {});
  return {};
}

Result<void> ContentReader::read_region(int descriptor, Region region, const Chunker& chunker,
                                        ContentBuilder& content, Outcome& outcome) {
  make_room(chunker);
  std::uint64_t at = region.begin;
  while (at < region.end) {
    if (context_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const std::size_t wanted = std::min<std::uint64_t>(buffer_.size() - filled_, region.end - at);
    auto got = read_at(descriptor, buffer_.span().subspan(filled_, wanted), at);
    if (!got) {
      outcome.source_error = std::move(got).error();
      break;
    }
    filled_ += *got;
    at += *got;
    context_.bytes_read(*got);
    if (*got < wanted) break;
    if (at < region.end) TRY(store_buffered(chunker, false, content));
  }
  outcome.size = at;
  return store_buffered(chunker, true, content);
}

Result<void> ContentReader::store_buffered(const Chunker& chunker, bool is_last,
                                           ContentBuilder& content) {
  ByteSpan rest = buffer_.span().first(filled_);
  while (!rest.empty() && (is_last || rest.size() >= chunker.sizes().max)) {
    const std::size_t length = chunker.next_cut(rest, is_last);
    const ChunkId id = TRY(lane_.store(rest.first(length)));
    TRY(content.add({id, 0, length}));
    stored_ += as_text(id.span());
    rest = rest.subspan(length);
  }
  std::memmove(buffer_.data(), rest.data(), rest.size());
  filled_ = rest.size();
  return {};
}

Result<ContentReader::Outcome> ContentReader::read_stream(int descriptor, Entry& entry) {
  Outcome outcome;
  outcome.chunk_class = static_cast<int>(class_for_stream(context_.params));
  const Chunker& chunker = chunkers_[class_for_stream(context_.params)];
  ContentBuilder content = new_content();
  make_room(chunker);
  while (true) {
    // Before each read, and after the last: an interrupted dump ends like a complete one.
    TRY(wait_for_input(descriptor, context_.is_stopped));
    const MutableByteSpan room = buffer_.span().subspan(filled_);
    const ssize_t got = ::read(descriptor, room.data(), room.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) outcome.source_error = system_error("read", errno);
    if (got <= 0) break;
    filled_ += static_cast<std::size_t>(got);
    outcome.size += static_cast<std::uint64_t>(got);
    context_.bytes_read(static_cast<std::uint64_t>(got));
    if (filled_ == buffer_.size()) TRY(store_buffered(chunker, false, content));
  }
  if (context_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  if (outcome.size <= context_.inline_max) {
    entry.inline_content = as_text(buffer_.span().first(filled_));
  } else {
    TRY(store_buffered(chunker, true, content));
    TRY(finish(content, entry, outcome));
  }
  entry.size = outcome.size;
  return outcome;
}

Result<std::vector<Slice>> ContentReader::store_value(ByteSpan value) {
  const ChunkId id = TRY(lane_.store(value));
  return std::vector<Slice>{{id, 0, value.size()}};
}

}  // namespace lagan
