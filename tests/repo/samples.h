// SPDX-License-Identifier: Apache-2.0
#pragma once

// One of every message, with every field set to something of its own.

#include "crypto/keys.h"
#include "repo/messages.h"
#include "repo/tree.h"

namespace lagan::samples {

template <typename AnyId>
AnyId id(unsigned char first) {
  AnyId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i)
    id.bytes[i] = static_cast<std::byte>((first + i) & 0xff);
  return id;
}

// Not random at all: the same keys in every run.
inline MasterKeys keys() {
  return MasterKeys::generate([next = 7U](MutableByteSpan out) mutable {
    for (std::byte& byte : out) byte = static_cast<std::byte>((next = next * 73 + 41) >> 3 & 0xff);
  });
}

constexpr Nanoseconds kCreated = 1'700'000'000'123'456'789;

inline Boot boot() {
  return {.format = 1, .repository = id<RepositoryId>(0x10), .created = kCreated};
}

inline Bundle bundle() {
  Bundle bundle;
  bundle.repository = id<RepositoryId>(0x10);
  bundle.created = kCreated;
  bundle.keys = keys();
  bundle.chunker = default_chunker_params();
  bundle.inline_max = 300;
  bundle.revision = 5;
  return bundle;
}

inline Config config() {
  Config config;
  config.revision = 9;
  config.replaces = {"config/01", "config/02"};
  config.features = {{.name = "parity", .forbids = 6}, {.name = "news", .forbids = 0}};
  config.suite = 1;
  config.data_pack_target = 1 << 25;
  config.tree_pack_target = 1 << 22;
  config.undelete_seconds = 0;
  config.created = kCreated;
  return config;
}

inline Block block(ChunkKind kind, unsigned char first) {
  return {.stored = 900 + 16,
          .raw = 1500,
          .codec = Codec::zstd,
          .kind = kind,
          .nonce_tail = 0x0123456789abcdef,
          .ids = {id<ChunkId>(first), id<ChunkId>(static_cast<unsigned char>(first + 1))},
          .lengths = {500, 1000}};
}

inline PackDirectory directory(ChunkKind kind) {
  PackDirectory directory;
  directory.blocks = {block(kind, 1), block(kind, 100)};
  directory.blocks[1].codec = Codec::raw;
  directory.blocks[1].stored = 1516;
  directory.session = id<SessionId>(0x20);
  directory.created = kCreated;
  return directory;
}

inline Header header(ObjectKind kind) {
  Header header;
  const char* const fixed = "LGN1";
  for (std::size_t i = 0; i < 4; ++i) header.bytes[i] = static_cast<std::byte>(fixed[i]);
  header.bytes[4] = static_cast<std::byte>(kind);
  header.bytes[5] = std::byte{2};
  header.bytes[8] = std::byte{1};
  for (std::size_t i = 16; i < header.bytes.size(); ++i)
    header.bytes[i] = static_cast<std::byte>(i);
  return header;
}

inline PackEntry pack(ObjectKind kind) {
  const bool data = kind == ObjectKind::data_pack;
  return {.name = id<PackId>(data ? 0x30 : 0x40),
          .size = 4096,
          .kind = kind,
          .header = header(kind),
          .directory = directory(data ? ChunkKind::data : ChunkKind::list)};
}

inline Segment segment() {
  Segment segment;
  segment.packs.push_back(pack(ObjectKind::data_pack));
  segment.packs.push_back(pack(ObjectKind::tree_pack));
  segment.supersedes = {id<SegmentId>(1), id<SegmentId>(2)};
  segment.dropped = {id<PackId>(3)};
  segment.session = id<SessionId>(0x20);
  segment.created = kCreated;
  return segment;
}

inline SessionMessage session() {
  return {.session = id<SessionId>(0x20),
          .purpose = 4,
          .created = kCreated,
          .host = "attic",
          .program = "lagan 0.1",
          .beat = 3,
          .machine = std::string(16, 'm'),
          .boot = "boot id",
          .pid = 4242,
          .pid_started = 987654321,
          .pid_namespace = 4026531836};
}

inline Mark mark() {
  return {.session = id<SessionId>(0x20),
          .created = kCreated,
          .host = "attic",
          .program = "lagan 0.1",
          .by_writer = true};
}

inline Condemned condemned() {
  Condemned condemned;
  condemned.data_packs = {id<PackId>(1), id<PackId>(2)};
  condemned.tree_packs = {id<PackId>(3)};
  condemned.created = kCreated;
  condemned.host = "attic";
  return condemned;
}

inline Forgotten forgotten() {
  Forgotten forgotten;
  forgotten.snapshots = {id<SnapshotId>(1), id<SnapshotId>(2)};
  forgotten.rule = "keep 7 daily";
  forgotten.created = kCreated;
  forgotten.host = "attic";
  return forgotten;
}

inline Snapshot snapshot() {
  Snapshot snapshot;
  snapshot.root = {.id = id<ChunkId>(0x50), .files = 3, .dirs = 2, .content_bytes = 12345};
  snapshot.time = kCreated;
  snapshot.started = kCreated + 1;
  snapshot.finished = kCreated + 2;
  snapshot.utc_offset_minutes = -210;
  snapshot.host = "attic";
  snapshot.user = "ann";
  snapshot.uid = 1000;
  snapshot.gid = 1001;
  snapshot.paths = {"/home/ann", "/etc"};
  snapshot.tags = {"weekly", ""};
  snapshot.excludes = {"*.o"};
  snapshot.label = "before the move";
  snapshot.parents = {id<SnapshotId>(0x60), id<SnapshotId>(0x61)};
  snapshot.original = id<SnapshotId>(0x62);
  snapshot.program = "lagan 0.1";
  snapshot.summary = {.files_new = 1,
                      .files_changed = 2,
                      .files_unmodified = 3,
                      .dirs_new = 4,
                      .dirs_changed = 5,
                      .dirs_unmodified = 6,
                      .bytes_processed = 7,
                      .data_added = 8,
                      .data_stored = 9,
                      .errors = 10,
                      .data_chunks = 11,
                      .tree_chunks = 12};
  snapshot.partial = true;
  snapshot.imported = true;
  snapshot.consistency = 3;
  snapshot.session = id<SessionId>(0x20);
  snapshot.root_record = id<ChunkId>(0x70);
  return snapshot;
}

// Fields that exclude each other in life stand side by side here.
inline Entry entry() {
  Entry entry;
  entry.name = "letter.txt";
  entry.kind = EntryKind::file;
  entry.mode = 0644;
  entry.uid = 1000;
  entry.gid = 1001;
  entry.user = "ann";
  entry.group = "staff";
  entry.mtime = -1'000'000;
  entry.mtime_ns = 999'999'999;
  entry.btime = 0;
  entry.btime_ns = 5;
  entry.size = 70'000;
  entry.slices = {{.id = id<ChunkId>(0x80), .offset = 100, .length = 65'536},
                  {.id = {}, .offset = 0, .length = 4'464}};
  entry.list = id<ChunkId>(0x90);
  entry.inline_content = "hello";
  entry.subtree = {.id = id<ChunkId>(0xa0), .files = 1, .dirs = 2, .content_bytes = 3};
  entry.link_target = "../elsewhere";
  entry.rdev_major = 8;
  entry.rdev_minor = 17;
  entry.hardlink = 0xfedcba9876543210;
  entry.xattrs = {{.name = "user.big",
                   .value = {},
                   .slices = {{.id = id<ChunkId>(0xb0), .offset = 0, .length = 600}}},
                  {.name = "user.small", .value = "value", .slices = {}}};
  entry.flags = 0x10;
  entry.project = 7;
  entry.state = EntryState::changed_while_read;
  entry.atime = 1'600'000'000;
  entry.atime_ns = 1;
  return entry;
}

// A usual file, as millions of them are.
inline Entry usual_entry(std::string name) {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.uid = 1000;
  entry.gid = 1000;
  entry.user = "ann";
  entry.group = "ann";
  entry.mtime = 1'700'000'000;
  entry.mtime_ns = 123'456'789;
  entry.size = 9'000;
  entry.slices = {{.id = id<ChunkId>(0x80), .offset = 0, .length = 9'000}};
  return entry;
}

}  // namespace lagan::samples
