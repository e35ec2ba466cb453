// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restored_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "src/engine/existing_content.h"

namespace lagan {
namespace {

// What file systems allocate, nearly all of them.
constexpr std::uint64_t kHoleBytes = 4096;
constexpr std::size_t kRangesShown = 10;
constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

bool is_zero(ByteSpan bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

RestoredFile::~RestoredFile() {
  if (announced_ != 0) return;
  auto completed = complete();
  if (!completed) failed(completed.error());
  if (const auto trouble = whole_trouble()) {
    context_.report(path_, *trouble);
    if (other_names_) other_names_->damaged(*trouble, context_.report);
  }
  if (context_.finished) {
    const bool changed = place_.change == ItemChange::unchanged && was_written_;
    context_.finished(path_, changed ? ItemChange::changed : place_.change, entry_.size);
  }
}

Result<void> RestoredFile::complete() {
  const int file = descriptor();
  if (place_.old_size > entry_.size) {
    was_written_ = true;
    // Not before: until now the old content was whole.
    if (::ftruncate(file, static_cast<off_t>(entry_.size)) != 0)
      return fail(system_error("set size", errno));
  }
  if (context_.verify) {
    const Error differs{
        ErrorCode::io, "reads back otherwise than it was written", Retry::never, {}};
    auto verified = context_.verify(file, entry_, [&](std::uint64_t offset, std::uint64_t length) {
      damaged(differs, offset, length);
    });
    if (!verified) failed(verified.error());
  }
  auto applied = apply_plain_attributes(file, entry_, path_, context_.attributes, place_.bearer);
  // With the snapshot's time a later restore, or diff, would take it for whole; with a later one
  // a restore of what is newer would leave it.
  const std::array<timespec, 2> older{
      {{0, UTIME_OMIT}, {std::max<std::int64_t>(entry_.mtime, kNoTime + 1) - 1, 0}}};
  if (!joined_missing().empty()) (void)::futimens(file, older.data());
  if (place_.replacement) TRY(take_name());
  // Last of all: an immutable file takes nothing else, and no other name.
  if (!place_.keeps_flags_for_later) {
    auto flags = apply_inode_flags(file, entry_, path_, context_.attributes, place_.bearer);
    if (applied) applied = std::move(flags);
  }
  return applied;
}

Result<void> RestoredFile::take_name() {
  std::uint64_t missing = 0;
  for (const Range& range : joined_missing()) missing += range.end - range.begin;
  // Nothing at all is no reason to part with what was there.
  const bool is_worthless = entry_.size != 0 && missing >= entry_.size;
  auto named = is_worthless ? fail(ErrorCode::io, "nothing of it could be restored")
                            : place_.replacement->commit(descriptor());
  if (!named && other_names_) other_names_->lose();
  return named;
}

Result<void> RestoredFile::make_room() {
  // One write of everything needs no room made first.
  const bool is_one_slice = entry_.slices.size() == 1 && entry_.slices[0].id && !context_.sparse;
  const bool is_enough = place_.has_old_content ? place_.old_size >= entry_.size : is_one_slice;
  if (is_enough || ::ftruncate(descriptor(), static_cast<off_t>(entry_.size)) == 0) return {};
  return fail(system_error("set size", errno));
}

Result<void> RestoredFile::write(ByteSpan bytes, std::uint64_t offset) {
  was_written_ = true;
  if (context_.sparse) return write_sparse(bytes, offset);
  return write_all_at(descriptor(), bytes, offset);
}

// Pieces are cut where blocks of the file lie, for only whole ones can be holes.
Result<void> RestoredFile::write_sparse(ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto to_border = [&](std::size_t from) {
      return std::min<std::size_t>(bytes.size(), from + kHoleBytes - (offset + from) % kHoleBytes);
    };
    const bool zeros = is_zero(bytes.first(to_border(0)));
    std::size_t run = to_border(0);
    while (run < bytes.size() && is_zero(bytes.subspan(run, to_border(run) - run)) == zeros)
      run = to_border(run);
    if (zeros) {
      TRY(make_hole(offset, run));
    } else {
      TRY(write_all_at(descriptor(), bytes.first(run), offset));
    }
    bytes = bytes.subspan(run);
    offset += run;
  }
  return {};
}

Result<void> RestoredFile::make_hole(std::uint64_t offset, std::uint64_t length) {
  if (!place_.has_old_content) return {};
  if (is_hole(descriptor(), offset, length)) return {};
  was_written_ = true;
  if (::fallocate(descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(offset), static_cast<off_t>(length)) == 0)
    return {};
  if (errno != EOPNOTSUPP) return fail(system_error("punch a hole", errno));
  if (holds_zeros(descriptor(), offset, length)) return {};
  static constexpr std::array<std::byte, 65'536> kZeros{};
  if (context_.attributes.fidelity != nullptr)
    context_.attributes.fidelity->lost(Trait::holes, path_);
  for (; length > 0;) {
    const std::uint64_t piece = std::min<std::uint64_t>(length, kZeros.size());
    TRY(write_all_at(descriptor(), ByteSpan(kZeros).first(piece), offset));
    offset += piece;
    length -= piece;
  }
  return {};
}

void RestoredFile::damaged(const Error& error, std::uint64_t offset, std::uint64_t length) {
  const MutexLock lock(mutex_);
  if (!trouble_) trouble_ = error;
  if (length != 0) missing_.push_back({offset, offset + length});
}

std::vector<RestoredFile::Range> RestoredFile::joined_missing() {
  const MutexLock lock(mutex_);
  std::ranges::sort(missing_, {}, &Range::begin);
  std::vector<Range> joined;
  for (const Range& range : missing_) {
    if (!joined.empty() && range.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

// The first error, and all that is missing.
std::optional<Error> RestoredFile::whole_trouble() {
  const std::vector<Range> joined = joined_missing();
  const MutexLock lock(mutex_);
  if (!trouble_ || joined.empty()) return trouble_;
  std::string text;
  for (std::size_t i = 0; i < std::min(joined.size(), kRangesShown); ++i)
    text += fmt::format("{}{}-{}", i == 0 ? "" : ", ", joined[i].begin, joined[i].end - 1);
  if (joined.size() > kRangesShown)
    text += fmt::format(" and {} more", joined.size() - kRangesShown);
  Error error = *trouble_;
  error.message += fmt::format("; missing: bytes {} of {}", text, entry_.size);
  return error;
}

}  // namespace lagan
