// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_translator.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/engine/folder_walk.h"
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

Result<Subtree> TreeTranslator::translate(const Subtree& root) {
  Subtree there = root;
  if (!root.id) return there;
  there.id = TRY(known(*root.id));
  if (there.id) return there;
  const auto leave = [&](Folder& done, Folder* around) -> Result<void> {
    there.id = TRY(finish(done));
    if (around == nullptr) return {};
    done.entry.subtree.id = there.id;
    return add(*around, done.entry, done.message);
  };
  const auto look = [this](std::string_view message, Folder& here) {
    return look_at(message, here);
  };
  TRY(walk_folders(open(*root.id, ""), is_stopped_, look, leave));
  return there;
}

TreeTranslator::Folder TreeTranslator::open(const ChunkId& id, std::string path) const {
  return {.id = id,
          .cursor = DirectoryCursor(source_, id, [](const ChunkId&, std::size_t) {}),
          .builder = DirectoryBuilder(split_key_, sink_),
          .path = std::move(path),
          .entry = {},
          .message = {}};
}

// A folder that has to be translated comes back; everything else is added at once.
Result<std::optional<TreeTranslator::Folder>> TreeTranslator::look_at(std::string_view message,
                                                                      Folder& here) {
  Entry entry = TRY(decode_entry(as_bytes(message)));
  TRY(translate_slices(entry.slices));
  if (entry.list) TRY(translate_list(entry));
  for (Xattr& xattr : entry.xattrs) TRY(translate_slices(xattr.slices));
  if (entry.subtree.id) {
    const auto there = TRY(known(*entry.subtree.id));
    if (!there) {
      Folder below = open(*entry.subtree.id, here.path + "/" + entry.name);
      below.entry = std::move(entry);
      below.message = message;
      return below;
    }
    entry.subtree.id = *there;
  }
  TRY(add(here, entry, message));
  return std::nullopt;
}

Result<void> TreeTranslator::add(Folder& here, const Entry& entry, std::string_view message) {
  auto added = here.builder.add(entry.name, with_references(message, entry));
  // It is the source that has such an entry.
  if (!added && added.error().code == ErrorCode::invalid_argument)
    return fail(ErrorCode::corrupt, added.error().message);
  return added;
}

Result<ChunkId> TreeTranslator::finish(Folder& folder) {
  const auto there = TRY(folder.builder.finish());
  if (!there)
    return fail(ErrorCode::corrupt, fmt::format("directory {}: empty", folder.id.short_hex()));
  TRY(note(folder.id, *there));
  return *there;
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
