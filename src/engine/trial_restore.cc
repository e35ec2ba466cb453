// SPDX-License-Identifier: Apache-2.0
#include "src/engine/trial_restore.h"

#include "repo/chunk_reader.h"
#include "repo/file_content.h"
#include "util/parallel.h"

namespace lagan {

// Each further file takes the place of another with the likelihood that keeps all alike.
TrialRestore::File* TrialRestore::draw() {
  if (wanted_ == 0) return nullptr;
  ++seen_;
  if (drawn_.size() < wanted_) return &drawn_.emplace_back();
  const std::uint64_t place = std::uniform_int_distribution<std::uint64_t>(0, seen_ - 1)(random_);
  return place < wanted_ ? &drawn_[place] : nullptr;
}

Result<void> TrialRestore::run(const Repository& repository, const LocalIndex& index,
                               const CheckOptions& options, CheckLog& log) {
  ChunkReader reader(repository, index);
  reader.follow_moves();
  const ChunkSource source = reader.source();
  const auto read = [&](const Entry& entry) -> Result<void> {
    std::uint64_t length = 0;
    TRY(read_content(source, entry, [&](ByteSpan piece) -> Result<void> {
      if (options.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
      length += piece.size();
      bytes_ += piece.size();
      return {};
    }));
    if (length != entry.size)
      return fail(ErrorCode::corrupt, fmt::format("has {} bytes of {}", length, entry.size));
    for (const Xattr& attribute : entry.xattrs)
      TRY_IN("attribute " + attribute.name, xattr_value(source, attribute));
    return {};
  };
  return for_each_parallel(drawn_.size(), options.threads, [&](std::size_t i) -> Result<void> {
    auto whole = read(drawn_[i].entry);
    if (whole || ends_check(whole.error())) return whole;
    log.add(drawn_[i].severity, drawn_[i].where, "cannot be restored: " + whole.error().message);
    return {};
  });
}

}  // namespace lagan
