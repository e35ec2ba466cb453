// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_translator.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "src/engine/known_nodes.h"

namespace lagan {

TreeTranslator::TreeTranslator(const Repository& from, const LocalIndex& from_index,
                               const Repository& to, IdMap& ids, ChunkSink sink,
                               std::function<bool()> is_stopped)
    : from_index_(from_index),
      reader_(from, from_index),
      source_(known_nodes(reader_.source())),
      split_key_(split_key(to)),
      ids_(ids),
      sink_(std::move(sink)),
      is_stopped_(std::move(is_stopped)) {}

Result<Subtree> TreeTranslator::translate(const Subtree& folder) {
  Subtree there = folder;
  if (folder.id) there.id = TRY(translate_directory(*folder.id));
  return there;
}

Result<ChunkId> TreeTranslator::translate_directory(const ChunkId& id) {
  if (const auto there = TRY(known(id))) return *there;
  if (is_stopped_()) return fail(ErrorCode::cancelled, "interrupted");
  if (++depth_ > limits::kPathDepth) return fail(ErrorCode::corrupt, "folders nest too deep");
  DirectoryBuilder builder(split_key_, sink_);
  const auto add = [&](std::string_view message) -> Result<void> {
    const std::string_view name = entry_name(message);
    const std::string translated = TRY_IN(name, translate_entry(message));
    auto added = builder.add(name, translated);
    // It is the source that has such an entry.
    if (!added && added.error().code == ErrorCode::invalid_argument)
      return fail(ErrorCode::corrupt, added.error().message);
    return added;
  };
  TRY(for_each_entry(source_, id, add));
  --depth_;
  const auto there = TRY(builder.finish());
  if (!there) return fail(ErrorCode::corrupt, fmt::format("directory {}: empty", id.short_hex()));
  TRY(note(id, *there));
  return *there;
}

Result<std::string> TreeTranslator::translate_entry(std::string_view message) {
  Entry entry = TRY(decode_entry(as_bytes(message)));
  TRY(translate_slices(entry.slices));
  if (entry.list) TRY(translate_list(entry));
  for (Xattr& xattr : entry.xattrs) TRY(translate_slices(xattr.slices));
  entry.subtree = TRY(translate(entry.subtree));
  return with_references(message, entry);
}

// Where lists are split depends on ids.
Result<void> TreeTranslator::translate_list(Entry& entry) {
  const ChunkId list = *entry.list;
  if (const auto there = TRY(known(list))) {
    entry.list = *there;
    return {};
  }
  ContentBuilder content(sink_);
  const auto add = [&](const Slice& slice) -> Result<void> {
    std::vector<Slice> one = {slice};
    TRY(translate_slices(one));
    return content.add(one.front());
  };
  TRY(for_each_slice(source_, entry, add));
  TRY(content.finish(entry));
  return entry.list ? note(list, *entry.list) : Result<void>();
}

Result<void> TreeTranslator::translate_slices(std::vector<Slice>& slices) {
  for (Slice& slice : slices) {
    if (!slice.id) continue;
    const auto there = TRY(known(*slice.id));
    if (!there) {
      return fail(ErrorCode::not_found,
                  fmt::format("chunk {} was not copied", slice.id->short_hex()));
    }
    slice.id = *there;
  }
  return {};
}

Result<std::optional<ChunkId>> TreeTranslator::known(const ChunkId& id) const {
  const auto number = from_index_.number(id);
  if (!number) return std::nullopt;
  return ids_.get(*number);
}

Result<void> TreeTranslator::note(const ChunkId& id, const ChunkId& there) {
  const auto number = from_index_.number(id);
  return number ? ids_.set(*number, there) : Result<void>();
}

}  // namespace lagan
