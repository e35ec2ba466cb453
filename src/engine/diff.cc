// SPDX-License-Identifier: Apache-2.0
#include "src/engine/diff.h"

#include "repo/entry_compare.h"
#include "repo/limits.h"
#include "src/engine/chunk_tally.h"
#include "src/engine/directory_cursor.h"

namespace lagan {
namespace {

// Chunks and entries of one side.
struct Side {
  DiffCounts counts;
  ChunkTally data, tree;
  const char* sign;

  void count(const Entry& entry) {
    ++(entry.kind == EntryKind::file        ? counts.files
       : entry.kind == EntryKind::directory ? counts.dirs
                                            : counts.others);
  }
};

bool is_folder(const Entry& entry) { return entry.kind == EntryKind::directory; }

class Diff {
 public:
  Diff(const ChunkSource& source, const DiffOptions& options, const DiffVisitor& visitor)
      : source_(source), options_(options), visitor_(visitor) {}

  Result<DiffResult> run(const Subtree& before, const Subtree& after) {
    TRY(compare_folders("", before.id, after.id, 0));
    finish(before_, after_);
    finish(after_, before_);
    return DiffResult{changed_files_, after_.counts, before_.counts};
  }

 private:
  Result<void> compare_folders(const std::string& path, const std::optional<ChunkId>& before,
                               const std::optional<ChunkId>& after, std::size_t depth);
  using EncodedEntry = std::optional<std::string_view>;
  Result<void> compare_next(const std::string& path, EncodedEntry left, EncodedEntry right,
                            std::size_t depth);
  Result<void> compare_entries(const std::string& path, const Entry& before, const Entry& after,
                               std::size_t depth);
  Result<void> tell_one_sided(const std::string& path, const Entry& entry, Side& side,
                              std::size_t depth);
  Result<void> tell_below(const std::string& path, const Entry& entry, Side& side,
                          std::size_t depth);
  void count_chunks(const std::string& path, const Entry& entry, Side& side);
  DirectoryCursor cursor(const std::optional<ChunkId>& top, Side& side);
  void skip_common(const std::string& path, DirectoryCursor& before, DirectoryCursor& after);
  EncodedEntry entry_at(const std::string& path, DirectoryCursor& cursor);
  void trouble(const std::string& path, const Error& error) {
    visitor_.trouble(path.empty() ? "/" : path, error);
  }
  static void finish(Side& side, Side& other);

  const ChunkSource& source_;
  const DiffOptions& options_;
  const DiffVisitor& visitor_;
  Side before_{{}, {}, {}, "-"}, after_{{}, {}, {}, "+"};
  std::uint64_t changed_files_ = 0;
};

void Diff::finish(Side& side, Side& other) {
  const auto data = side.data.total_without(other.data);
  const auto tree = side.tree.total_without(other.tree);
  side.counts.data_chunks = data.count;
  side.counts.tree_chunks = tree.count;
  side.counts.bytes = data.bytes + tree.bytes;
}

DirectoryCursor Diff::cursor(const std::optional<ChunkId>& top, Side& side) {
  return {source_, top, [&side](const ChunkId& id, std::size_t size) { side.tree.add(id, size); }};
}

// A node that both have next holds the same entries. Of two that differ the higher one is opened,
// so that equal nodes further down meet.
void Diff::skip_common(const std::string& path, DirectoryCursor& before, DirectoryCursor& after) {
  while (true) {
    const auto left = before.unopened(), right = after.unopened();
    if (!left || !right) return;
    if (left->id == right->id) {
      before.skip();
      after.skip();
      continue;
    }
    const auto open = [&](DirectoryCursor& side) {
      if (auto opened = side.open(); !opened) trouble(path, opened.error());
    };
    if (left->level >= right->level) open(before);
    if (right->level >= left->level) open(after);
  }
}

// Passes over what cannot be read.
Diff::EncodedEntry Diff::entry_at(const std::string& path, DirectoryCursor& cursor) {
  while (true) {
    auto entry = cursor.entry();
    if (entry) return *entry;
    trouble(path, entry.error());
  }
}

Result<void> Diff::compare_folders(const std::string& path, const std::optional<ChunkId>& before,
                                   const std::optional<ChunkId>& after, std::size_t depth) {
  if (before == after) return {};
  if (depth > limits::kPathDepth) {
    trouble(path, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return {};
  }
  DirectoryCursor old_cursor = cursor(before, before_), new_cursor = cursor(after, after_);
  while (true) {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    skip_common(path, old_cursor, new_cursor);
    EncodedEntry left = entry_at(path, old_cursor), right = entry_at(path, new_cursor);
    if (!left && !right) return {};
    const std::string name(entry_name(left ? *left : *right));
    if (left && right) {
      const int order = name.compare(entry_name(*right));
      if (order < 0) right.reset();
      if (order > 0) left.reset();
    }
    TRY(compare_next(path, left, right, depth));
    if (left) old_cursor.advance();
    if (right) new_cursor.advance();
  }
}

// One name, on both sides or on one.
Result<void> Diff::compare_next(const std::string& path, EncodedEntry left, EncodedEntry right,
                                std::size_t depth) {
  if (left == right) return {};
  const std::string below = path + "/" + std::string(entry_name(left ? *left : *right));
  const auto before = left ? decode_entry(as_bytes(*left)) : Result<Entry>();
  const auto after = right ? decode_entry(as_bytes(*right)) : Result<Entry>();
  if (!before || !after) {
    trouble(below, before ? after.error() : before.error());
    return {};
  }
  if (left && right) return compare_entries(below, *before, *after, depth);
  return left ? tell_one_sided(below, *before, before_, depth)
              : tell_one_sided(below, *after, after_, depth);
}

Result<void> Diff::compare_entries(const std::string& path, const Entry& before, const Entry& after,
                                   std::size_t depth) {
  const bool same_kind = before.kind == after.kind;
  const bool same_attributes = attributes_of(before) == attributes_of(after);
  const bool content_differs = same_kind && !same_content(before, after);
  std::string modifier = same_kind ? "" : "T";
  if (content_differs) {
    modifier += "M";
    // A disk that forgets, or a program that hides what it did.
    if (same_attributes && before.size == after.size && after.kind == EntryKind::file)
      modifier += "?";
    if (after.kind == EntryKind::file) ++changed_files_;
  } else if (options_.metadata && same_kind && !same_attributes) {
    modifier += "U";
  }
  if (!modifier.empty()) TRY(visitor_.change(is_folder(after) ? path + "/" : path, modifier));
  if (!same_kind) {
    before_.count(before);
    after_.count(after);
    TRY(tell_below(path, before, before_, depth));
    return tell_below(path, after, after_, depth);
  }
  if (content_differs) {
    count_chunks(path, before, before_);
    count_chunks(path, after, after_);
  }
  return compare_folders(path, before.subtree.id, after.subtree.id, depth + 1);
}

Result<void> Diff::tell_one_sided(const std::string& path, const Entry& entry, Side& side,
                                  std::size_t depth) {
  side.count(entry);
  TRY(visitor_.change(is_folder(entry) ? path + "/" : path, side.sign));
  return tell_below(path, entry, side, depth);
}

// All that an entry of one side brings with it.
Result<void> Diff::tell_below(const std::string& path, const Entry& entry, Side& side,
                              std::size_t depth) {
  count_chunks(path, entry, side);
  if (!is_folder(entry)) return {};
  const bool is_old = &side == &before_;
  return compare_folders(path, is_old ? entry.subtree.id : std::nullopt,
                         is_old ? std::nullopt : entry.subtree.id, depth + 1);
}

void Diff::count_chunks(const std::string& path, const Entry& entry, Side& side) {
  if (entry.kind != EntryKind::file) return;
  const ChunkSource counting = [&](const ChunkId& id, ChunkKind kind) {
    auto node = source_(id, kind);
    if (node) side.tree.add(id, node->size());
    return node;
  };
  const auto counted = for_each_slice(counting, entry, [&](const Slice& slice) -> Result<void> {
    if (slice.id) side.data.add(*slice.id, slice.length);
    return {};
  });
  if (!counted) trouble(path, counted.error());
}

}  // namespace

Result<DiffResult> diff(const ChunkSource& source, const Subtree& before, const Subtree& after,
                        const DiffOptions& options, const DiffVisitor& visitor) {
  return Diff(source, options, visitor).run(before, after);
}

}  // namespace lagan
