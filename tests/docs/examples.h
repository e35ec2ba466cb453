// SPDX-License-Identifier: Apache-2.0
#pragma once

// The worked examples of docs/format.md, made by our own encoders from the secrets that the
// document states. format_doc_test.cc holds the document against them; print_examples.cc prints
// them.

#include <fmt/format.h>

#include <map>
#include <string>

#include "chunker/chunker.h"
#include "crypto/hash.h"
#include "repo/boot_record.h"
#include "repo/key_slot.h"
#include "repo/names.h"
#include "repo/pack_builder.h"
#include "repo/pack_reader.h"
#include "repo/tree.h"
#include "tests/crypto/fixtures.h"
#include "util/hex.h"

namespace lagan::examples {

constexpr Nanoseconds kCreated = 1'700'000'000'123'456'789;
const RepositoryId kRepository{array_of<16>("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")};
const SessionId kSession{array_of<16>("101112131415161718191a1b1c1d1e1f")};
const std::string kSlotName = "keys/202122232425262728292a2b2c2d2e2f";
const std::string kConfigName = "config/303132333435363738393a3b3c3d3e3f";
constexpr PasswordCost kCost{.memory_kib = 64, .passes = 1};

// id_key 00 … 1f, chunk_key 20 … 3f, and so on in the order of MasterKeys.
inline const Bundle& bundle() {
  static const Bundle bundle = [] {
    Bundle made;
    made.repository = kRepository;
    made.created = kCreated;
    made.keys = MasterKeys::generate(counting_random());
    made.chunker = default_chunker_params();
    return made;
  }();
  return bundle;
}

inline Sealing sealing(Suite suite) {
  return {kRepository, &bundle().keys, suite, counting_random()};
}

inline SessionMessage session() {
  SessionMessage message;
  message.session = kSession;
  message.created = kCreated;
  message.host = "attic";
  message.program = "lagan 0.1.0";
  message.machine = std::string(16, 'm');
  message.boot = std::string(16, 'b');
  message.pid = 4711;
  message.pid_started = 815;
  message.pid_namespace = 4'026'531'836;
  return message;
}

inline Config config() {
  Config config;
  config.created = kCreated;
  return config;
}

inline ChunkId id_of(std::string_view text, ChunkKind kind = ChunkKind::data) {
  return chunk_id(bundle().keys.id_key, kind, as_bytes(text));
}

// One raw block with two chunks.
inline FinishedPack pack() {
  const std::string plain = "hello lagan";
  PackBuilder builder(ObjectKind::data_pack, sealing(Suite::aes256_gcm), kSession, 0, kCreated,
                      AlignedBuffer(4096));
  const auto slot = builder.reserve(plain.size() + kTagSize, 2);
  Block block;
  block.raw = static_cast<std::uint32_t>(plain.size());
  block.ids = {id_of("hello "), id_of("lagan")};
  block.lengths = {6, 5};
  Aead aead = builder.make_aead();
  const SealedSpan sealed = builder.seal_block(aead, *slot, as_bytes(plain), block);
  builder.commit(*slot, sealed, block);
  return builder.finish(counting_random());
}

inline Segment segment() {
  Segment segment;
  segment.packs.push_back(pack().entry);
  segment.session = kSession;
  segment.created = kCreated;
  return segment;
}

inline Entry usual(std::string name, EntryKind kind, std::uint32_t mode) {
  Entry entry;
  entry.name = std::move(name);
  entry.kind = kind;
  entry.mode = mode;
  entry.uid = entry.gid = 1000;
  entry.user = entry.group = "ann";
  entry.mtime = 1'700'000'000;
  entry.mtime_ns = 123'456'789;
  return entry;
}

inline Entry small_file() {
  Entry entry = usual("a.txt", EntryKind::file, 0644);
  entry.size = 5;
  entry.inline_content = "hello";
  return entry;
}

inline Entry sparse_file() {
  Entry entry = usual("b", EntryKind::file, 0600);
  entry.slices = {{id_of("hello "), 0, 6}, {std::nullopt, 0, 1'000'000}, {id_of("lagan"), 1, 4}};
  entry.size = 1'000'010;
  entry.hardlink = 0x0123456789abcdef;
  entry.xattrs = {{"user.note", "mine", {}}};
  return entry;
}

inline std::string directory_node() {
  std::string node;
  DirectoryBuilder builder({}, [&](ChunkKind, ByteSpan bytes) -> Result<ChunkId> {
    node = as_text(bytes);
    return id_of(node, ChunkKind::directory);
  });
  for (const Entry& entry : {small_file(), sparse_file()})
    LAGAN_ASSERT(builder.add(entry.name, encode(entry)).has_value());
  LAGAN_ASSERT(builder.finish().has_value());
  return node;
}

inline Entry folder() {
  Entry entry = usual("d", EntryKind::directory, 0755);
  entry.subtree = {id_of(directory_node(), ChunkKind::directory), 2, 0, 1'000'015};
  return entry;
}

// A list node of seventeen slices, one more than an entry holds.
inline std::string list_node() {
  std::string node;
  ContentBuilder builder([&](ChunkKind, ByteSpan bytes) -> Result<ChunkId> {
    node = as_text(bytes);
    return id_of(node, ChunkKind::list);
  });
  for (int i = 0; i < 17; ++i)
    LAGAN_ASSERT(builder.add({id_of(i % 2 == 0 ? "hello " : "lagan"), 0, 5}).has_value());
  Entry entry;
  LAGAN_ASSERT(builder.finish(entry).has_value());
  return node;
}

inline Snapshot snapshot() {
  Snapshot snapshot;
  snapshot.root = folder().subtree;
  snapshot.time = snapshot.started = kCreated;
  snapshot.finished = kCreated + 1'000'000'000;
  snapshot.utc_offset_minutes = -60;
  snapshot.host = "attic";
  snapshot.user = "ann";
  snapshot.uid = snapshot.gid = 1000;
  snapshot.paths = {"/d"};
  snapshot.tags = {"daily"};
  snapshot.program = "lagan 0.1.0";
  snapshot.summary.files_new = 2;
  snapshot.session = kSession;
  return snapshot;
}

// The stream of the cutting example: as many bytes as one likes.
inline Bytes stream(std::size_t size) {
  Bytes bytes(size);
  derive_key("example stream", {}, bytes.span());
  return bytes;
}

// Everything in docs/format.md in a `hex` block, by its name.
inline std::map<std::string, std::string> in_document() {
  const auto symmetric = new_object(ObjectKind::session, Suite::aes256_gcm, kRepository,
                                    bundle().keys.epoch, key_filled_with(0x55));
  const auto sealed = new_object(ObjectKind::data_pack, Suite::chacha20_poly1305, kRepository,
                                 bundle().keys.epoch, key_filled_with(0x55));
  LAGAN_ASSERT(symmetric && sealed);
  std::map<std::string, std::string> all;
  const auto add = [&](const std::string& name, std::string_view bytes) { all[name] = bytes; };
  add("boot-record", encode_boot_record({1, kRepository, kCreated}));
  add("header-session", as_text(symmetric->header.bytes));
  add("header-data-pack", as_text(sealed->header.bytes));
  add("bundle", as_text(encode(bundle()).span()));
  add("session", encode(session()));
  add("config",
      sign_message(sealing(Suite::aes256_gcm), ObjectKind::config, kConfigName, encode(config())));
  const FinishedPack finished = pack();
  add("pack-block", as_text(finished.bytes().subspan(kHeaderSize, 27)));
  add("pack-directory", encode(finished.entry.directory));
  add("segment", encode(segment()));
  add("entry-inline", encode(small_file()));
  add("entry-slices", encode(sparse_file()));
  add("entry-folder", encode(folder()));
  add("directory", directory_node());
  add("list", list_node());
  add("snapshot", encode(snapshot()));
  return all;
}

// Whole sealed objects, one a file in docs/examples/.
inline std::map<std::string, std::string> in_files() {
  const auto slot = seal_slot(kSlotName, bundle(), Credential::password("golden"), kCost, "attic",
                              counting_random());
  LAGAN_ASSERT(slot.has_value());
  std::map<std::string, std::string> all;
  all["key-slot"] = as_text(slot->span());
  all["session"] = as_text(seal_body(sealing(Suite::chacha20_poly1305), ObjectKind::session,
                                     names::session(kSession).text(), encode(session()))
                               .span());
  all["snapshot"] = as_text(seal_body(sealing(Suite::aes256_gcm), ObjectKind::snapshot,
                                      names::snapshot(kSession).text(), encode(snapshot()))
                                .span());
  all["index-segment"] = as_text(
      seal_body(sealing(Suite::aes256_gcm), ObjectKind::index_segment, "", encode(segment()))
          .span());
  all["data-pack"] = as_text(pack().bytes());
  return all;
}

// Thirty-two bytes a line, as the document has them.
inline std::string as_hex_lines(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 32)
    out += to_hex(as_bytes(bytes.substr(at, 32))) + "\n";
  return out;
}

}  // namespace lagan::examples
