// SPDX-License-Identifier: Apache-2.0
#pragma once

// The messages inside sealed objects, all but tree nodes (those are in repo/tree.h). Protobuf wire
// format, fields ascending, defaults left out; field numbers and meaning: docs/format.md,
// "Messages". Decoders treat their input as hostile: sizes and counts are checked against
// repo/limits.h before allocation, ids must have their exact size, unknown fields are skipped, and
// a wrong wire type, a number out of range, a truncated varint or a length beyond the end is
// `corrupt`. Where a field occurs twice the last one counts; a message that may be signed (config,
// segment, condemned, forgotten) is refused for it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chunker/params.h"
#include "crypto/keys.h"
#include "crypto/object_key.h"
#include "repo/chunk.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

struct Boot {
  std::uint32_t format = 1;
  RepositoryId repository;
  Nanoseconds created = 0;
};
std::string encode(const Boot& boot);
Result<Boot> decode_boot(ByteSpan message);

// All that a key slot gives.
struct Bundle {
  std::uint32_t format = 1;
  RepositoryId repository;
  Nanoseconds created = 0;
  std::uint32_t role = 1;  // 1 owner; others are `unsupported`
  MasterKeys keys;
  ChunkerParams chunker;
  std::uint32_t inline_max = 256;
  std::uint64_t revision = 1;
};
SecretBytes encode(const Bundle& bundle);  // no intermediate copy of the secrets survives
// Checks the public keys against the secret ones, and the chunker parameters.
Result<Bundle> decode_bundle(ByteSpan message);

struct Feature {
  std::string name;
  std::uint32_t forbids = 0;  // bits: 1 read, 2 write, 4 collect, for who does not know the feature
};

// Field 100 of signed messages is not part of these structs: repo/body.h adds and checks it.
struct Config {
  std::uint64_t revision = 1;
  std::vector<std::string> replaces;  // object names
  std::vector<Feature> features;
  std::uint32_t suite = 2;
  std::uint64_t data_pack_target = std::uint64_t{32} << 20;
  std::uint64_t tree_pack_target = std::uint64_t{16} << 20;
  std::optional<std::uint64_t> undelete_seconds;
  Nanoseconds created = 0;
};
std::string encode(const Config& config);
Result<Config> decode_config(ByteSpan message);

enum class Codec : std::uint8_t { raw = 0, zstd = 1 };

struct Block {
  std::uint32_t stored = 0;  // bytes in the pack, tag included
  std::uint32_t raw = 0;     // bytes after decompression
  Codec codec = Codec::raw;
  ChunkKind kind = ChunkKind::data;
  std::uint64_t nonce_tail = 0;
  std::vector<ChunkId> ids;
  std::vector<std::uint32_t> lengths;  // one per id; they add up to raw
};

struct PackDirectory {
  std::vector<Block> blocks;  // block i begins at 96 + the stored sizes before it
  SessionId session;
  Nanoseconds created = 0;
};
std::string encode(const PackDirectory& directory);
// Checks every rule of docs/format.md about blocks (limits, raw = sum of lengths, ids = lengths,
// kinds known, no zero length, stored ≤ raw + 16, codec known).
Result<PackDirectory> decode_pack_directory(ByteSpan message);

struct PackEntry {
  PackId name;
  std::uint64_t size = 0;
  ObjectKind kind = ObjectKind::data_pack;  // data_pack or tree_pack
  Header header;
  PackDirectory directory;
};

struct Segment {
  std::vector<PackEntry> packs;
  std::vector<SegmentId> supersedes;
  std::vector<PackId> dropped;
  SessionId session;
  Nanoseconds created = 0;
  bool unknown_fields = false;  // decoded: has fields of a later version, so is not to be merged
};
std::string encode(const Segment& segment);
// Also checks: data packs hold only data chunks, tree packs only the others; blocks end within
// `size`.
Result<Segment> decode_segment(ByteSpan message);

struct SessionMessage {
  SessionId session;
  std::uint32_t purpose = 1;  // 1 backup 2 copy 3 rewrite 4 repair 5 import 6 undelete
  Nanoseconds created = 0;
  std::string host, program;
  std::uint32_t beat = 0;
  std::string machine, boot;  // empty: not known
  std::uint32_t pid = 0;
  std::uint64_t pid_started = 0, pid_namespace = 0;
};
std::string encode(const SessionMessage& session);
Result<SessionMessage> decode_session(ByteSpan message);

// A fence, or a snapshot's `.ok`.
struct Mark {
  SessionId session;
  Nanoseconds created = 0;
  std::string host, program;
  bool by_writer = false;
};
std::string encode(const Mark& mark);
Result<Mark> decode_mark(ByteSpan message);

struct Condemned {
  std::vector<PackId> data_packs, tree_packs;  // sorted once encoded and decoded
  Nanoseconds created = 0;
  std::string host;
  bool unknown_fields = false;  // decoded: has fields of a later version, so nothing may be deleted
};
std::string encode(const Condemned& condemned);
Result<Condemned> decode_condemned(ByteSpan message);

struct Forgotten {
  std::vector<SnapshotId> snapshots;  // sorted once encoded and decoded
  std::string rule;
  Nanoseconds created = 0;
  std::string host;
  bool unknown_fields = false;  // decoded: has fields of a later version, so nothing may be deleted
};
std::string encode(const Forgotten& forgotten);
Result<Forgotten> decode_forgotten(ByteSpan message);

// What lies below a directory.
struct Subtree {
  std::optional<ChunkId> id;  // none: an empty directory
  std::uint64_t files = 0, dirs = 0, content_bytes = 0;
};

struct Summary {
  std::uint64_t files_new = 0, files_changed = 0, files_unmodified = 0;
  std::uint64_t dirs_new = 0, dirs_changed = 0, dirs_unmodified = 0;
  std::uint64_t bytes_processed = 0, data_added = 0, data_stored = 0, errors = 0;
  std::uint64_t data_chunks = 0, tree_chunks = 0;
};

struct Snapshot {
  Subtree root;
  Nanoseconds time = 0, started = 0, finished = 0;
  std::int32_t utc_offset_minutes = 0;
  std::string host, user;
  std::uint64_t uid = 0, gid = 0;
  std::vector<std::string> paths, tags, excludes;
  std::string label;
  std::vector<SnapshotId> parents;
  std::optional<SnapshotId> original;
  std::string program;
  Summary summary;
  bool partial = false, imported = false;
  std::uint32_t consistency = 0;
  SessionId session;
  std::optional<ChunkId> root_record;
  std::string unknown;  // fields of a later version, as they stood; preserved when rewritten
};
std::string encode(const Snapshot& snapshot);
// The message of a root record: the snapshot without field 22. Canonical.
std::string encode_root_record(const Snapshot& snapshot);
Result<Snapshot> decode_snapshot(ByteSpan message);

}  // namespace lagan
