// SPDX-License-Identifier: Apache-2.0
// The decoders of repo/tree.h. The first byte chooses. A canonical entry must encode to itself, a
// canonical node must be what the readers say it is, and a node that names itself as its child must
// not keep them busy.
#include <cstddef>
#include <cstdint>

#include "repo/canonical.h"
#include "repo/tree.h"

namespace lagan {
namespace {

Result<void> ignore_reference(const ChunkId&, ChunkKind) { return {}; }

void try_entry(ByteSpan message) {
  const auto entry = decode_entry(message);
  const auto references = for_each_reference(message, ignore_reference);
  if (!entry) return;
  LAGAN_ASSERT(references.has_value());
  const std::string written = encode(*entry);
  const auto again = decode_entry(as_bytes(written));
  LAGAN_ASSERT(again.has_value());
  LAGAN_ASSERT(encode(*again) == written);
  // What is canonical comes back as it was. (Fields of a later version inside slices are not kept.)
  if (is_canonical_entry(as_text(message)) && written.size() == message.size())
    LAGAN_ASSERT(written == as_text(message));
  if (is_canonical_entry(as_text(message)) && entry->unknown.empty())
    LAGAN_ASSERT(entry_name(as_text(message)) == entry->name);
}

// Every id leads to the same node.
ChunkSource always(ByteSpan node) {
  return [node](const ChunkId&, ChunkKind) -> Result<Bytes> { return Bytes::copy_of(node); };
}

void try_directory(ByteSpan bytes) {
  const auto node = decode_directory(bytes);
  if (node && node->canonical && node->level == 0) {
    for (const std::string_view entry : node->entries) LAGAN_ASSERT(is_canonical_entry(entry));
  }
  std::string last;
  const auto walk = for_each_entry(always(bytes), ChunkId{}, [&](std::string_view entry) {
    last = entry_name(entry);
    return Result<void>();
  });
  if (walk && node->canonical && is_valid_entry_name(last)) {
    const auto found = find_entry(always(bytes), ChunkId{}, last);
    LAGAN_ASSERT(!found || found->has_value());
  }
}

void try_list(ByteSpan bytes) {
  (void)decode_list(bytes);
  Entry entry;
  entry.name = "x";
  entry.list = ChunkId{};
  const auto node = decode_list(bytes);
  if (!node) return;
  for (const Slice& slice : node->slices) entry.size += slice.length;
  for (const ListChild& child : node->children) entry.size += child.length;
  (void)for_each_slice(always(bytes), entry, [](const Slice&) { return Result<void>(); });
}

// The input as a list of slices, to build from.
void try_builder(ByteSpan bytes) {
  const auto node = decode_list(bytes);
  if (!node) return;
  std::string only;
  std::size_t nodes = 0;
  ContentBuilder builder([&](ChunkKind, ByteSpan written) -> Result<ChunkId> {
    only = as_text(written);
    ++nodes;
    LAGAN_ASSERT(decode_list(written)->canonical);
    return ChunkId{};
  });
  Entry entry;
  entry.name = "x";
  for (const Slice& slice : node->slices) {
    if (!builder.add(slice)) return;
    entry.size += slice.length;
  }
  if (!builder.finish(entry)) return;
  LAGAN_ASSERT(entry.list.has_value() == (nodes > 0));
  if (nodes > 1) return;  // a source that knows one node only
  const ChunkSource source = always(as_bytes(only));
  const auto read = for_each_slice(source, entry, [](const Slice&) { return Result<void>(); });
  LAGAN_ASSERT(read.has_value() || entry.size > std::uint64_t{1} << 62);
}

void run(unsigned choice, ByteSpan message) {
  switch (choice % 4) {
    case 0:
      return try_directory(message);
    case 1:
      return try_list(message);
    case 2:
      return try_builder(message);
    default:
      return try_entry(message);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) lagan::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
