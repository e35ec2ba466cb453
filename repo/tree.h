// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tree nodes: directories and lists of file content, in canonical bytes, so that equal content has
// one id. What is stored where and the canonical rules: docs/format.md, "Trees". Decoders treat
// their input as hostile (repo/limits.h) and are lenient about canonical form: that a node breaches
// it is told beside the value, for `check`. Pure functions and plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repo/chunk.h"
#include "repo/messages.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

enum class EntryKind : std::uint32_t {
  file = 1,
  directory = 2,
  symlink = 3,
  character_device = 4,
  block_device = 5,
  fifo = 6,
  socket = 7,
};

// `length` bytes at `offset` of a chunk; without id a hole of zeros.
struct Slice {
  std::optional<ChunkId> id;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const Slice&, const Slice&) = default;
};

struct Xattr {
  std::string name;
  std::string value;          // up to 512 bytes here …
  std::vector<Slice> slices;  // … longer ones as chunks
  friend bool operator==(const Xattr&, const Xattr&) = default;
};

enum class EntryState : std::uint32_t {
  as_read = 0,
  changed_while_read = 1,
  partly_unreadable = 2,
  unreadable = 3
};

struct Entry {
  std::string name;
  EntryKind kind = EntryKind::file;
  std::uint32_t mode = 0;  // permission bits 07777
  std::uint64_t uid = 0, gid = 0;
  std::string user, group;
  std::int64_t mtime = 0;  // seconds since 1970 UTC, and nanoseconds 0 to 999,999,999
  std::uint32_t mtime_ns = 0;
  std::optional<std::int64_t> btime;
  std::uint32_t btime_ns = 0;
  std::uint64_t size = 0;
  std::vector<Slice> slices;
  std::optional<ChunkId> list;
  std::string inline_content;
  Subtree subtree;  // directories
  std::string link_target;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  std::optional<std::uint64_t> hardlink;  // not 0, which is written as none
  std::vector<Xattr> xattrs;              // sorted by name
  std::uint64_t flags = 0;                // chattr bits of Linux
  std::uint32_t project = 0;
  EntryState state = EntryState::as_read;
  std::optional<std::int64_t> atime;
  std::uint32_t atime_ns = 0;
  std::string unknown;  // fields of a later version, as they stood; preserved when rewritten
};

// Canonical. Nanoseconds above 999,999,999 are written as that.
std::string encode(const Entry& entry);
// A forbidden name is `corrupt`. Entries of a later version's kind decode with their kind number;
// see is_known_kind.
Result<Entry> decode_entry(ByteSpan message);
// The encoded entry with the content, subtree and large xattrs of `changed`, which was decoded from
// it. All other fields stay as they stand, byte for byte, those of a later version too.
std::string with_references(std::string_view encoded_entry, const Entry& changed);
// Only the name, borrowed, without looking at the rest. Empty if there is none.
std::string_view entry_name(std::string_view encoded_entry);
bool is_known_kind(const Entry& entry);
// 1 to 4,096 bytes, no '/', no NUL, not "." or "..".
bool is_valid_entry_name(std::string_view name);

// Calls `each` with every chunk id that an encoded entry names directly: slices and list of its
// content, its subtree, its large xattrs. Cheaper than decode_entry; the same checks on what it
// reads.
Result<void> for_each_reference(ByteSpan entry_message,
                                const std::function<Result<void>(const ChunkId&, ChunkKind)>& each);

struct DirectoryChild {
  std::string last_name;
  ChunkId id;
  std::uint64_t entries = 0;
};

struct DirectoryNode {
  std::uint32_t level = 0;
  std::vector<std::string_view> entries;  // level 0: encoded entries, borrowed from the input
  std::vector<DirectoryChild> children;   // level ≥ 1
  bool canonical = true;  // false: fields out of order, defaults written, names not ascending …
  bool unknown_fields = false;  // outside the entries; writing the directory anew loses them
};
Result<DirectoryNode> decode_directory(ByteSpan node);

struct ListChild {
  ChunkId id;
  std::uint64_t length = 0;
};

struct ListNode {
  std::uint32_t level = 0;
  std::vector<Slice> slices;        // level 0
  std::vector<ListChild> children;  // level ≥ 1
  bool canonical = true;
  bool unknown_fields = false;
};
Result<ListNode> decode_list(ByteSpan node);

// Writes a directory of any size as canonical nodes: leaves split where the keyed hash of a name
// says so, index nodes above them. Holds one node per level.
class DirectoryBuilder {
 public:
  DirectoryBuilder(const PrfKey& split_key, ChunkSink sink);

  // Names must be valid and come in strictly ascending byte order, entries be at most 256 KiB long:
  // else `invalid_argument`, and nothing was added.
  Result<void> add(std::string_view name, std::string_view encoded_entry);

  // The id of the top node, or nothing for an empty directory. Consumes the builder.
  Result<std::optional<ChunkId>> finish();

 private:
  struct Level {
    std::string node;  // encoded so far
    std::size_t elements = 0;
    std::uint64_t entries_below = 0;
    std::string last_name;
    std::size_t nodes_written = 0;
    std::optional<DirectoryChild> only;  // the node written, while it is the only one
  };
  Result<void> append(std::size_t level, std::string_view name, std::string_view element,
                      std::uint64_t entries);
  Result<void> close_node(std::size_t level);

  PrfKey split_key_;
  ChunkSink sink_;
  std::string last_name_;  // of all that were added
  std::vector<Level> levels_;
};

// Collects the content of one file. Neighbouring holes and neighbouring slices that continue in the
// same chunk are merged. Up to 16 slices stay in the entry; longer lists become list nodes as they
// grow.
class ContentBuilder {
 public:
  explicit ContentBuilder(ChunkSink sink);
  Result<void> add(const Slice& slice);
  // Fills entry.slices or entry.list. Consumes the builder.
  Result<void> finish(Entry& entry);

 private:
  struct Level {
    std::string node;
    std::size_t elements = 0;
    std::uint64_t length_below = 0;
    std::optional<ListChild> only;
    std::size_t nodes_written = 0;
  };
  Result<void> emit(const Slice& slice);
  Result<void> append_slice(const Slice& slice);
  Result<void> append_child(std::size_t level, const ListChild& child);
  Result<void> appended(std::size_t level, const std::optional<ChunkId>& id, std::uint64_t length);
  Result<void> close_node(std::size_t level);

  ChunkSink sink_;
  std::vector<Slice> first_;  // the first 16, until there are more
  std::optional<Slice> pending_;
  std::vector<Level> levels_;
  bool spilled_ = false;
};

// Calls `each` with every encoded entry of the directory whose top node is `id`, in name order,
// holding one node per level, until it returns an error. Nodes below the top that are missing or
// damaged are passed over, and the first such error is returned when all others were handed out.
Result<void> for_each_entry(
    const ChunkSource& source, const ChunkId& id,
    const std::function<Result<void>(std::string_view encoded_entry)>& each);

// The entry `name` of that directory, reading one node per level. Nothing if there is none.
Result<std::optional<Entry>> find_entry(const ChunkSource& source, const ChunkId& id,
                                        std::string_view name);

// Calls `each` with every slice of a file's content, in order (the inline content of small files is
// the caller's). Slices that do not cover exactly `entry.size` bytes are `corrupt`, but content
// that could not be read when it was saved has none.
Result<void> for_each_slice(const ChunkSource& source, const Entry& entry,
                            const std::function<Result<void>(const Slice&)>& each);

}  // namespace lagan
