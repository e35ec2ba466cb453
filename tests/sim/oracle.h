// SPDX-License-Identifier: Apache-2.0
#pragma once

// Knows from the bare objects which snapshots a client could restore at this moment, and which ones
// it must be able to restore. It reads the formats with the repository's keys, once when an object
// is put, and shares none of the code that decides what may go.

#include <bitset>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repo/body.h"
#include "repo/messages.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/id.h"

namespace lagan::sim {

// Chunks by number: enough for all that one history stores.
using ChunkSet = std::bitset<1024>;

// What the oracle has read in an object.
struct Meaning {
  ChunkSet chunks;                      // a pack's, or all that a snapshot needs
  std::uint32_t pack = 0;               // a pack's own number
  std::vector<std::uint32_t> packs;     // that a segment lists or a log condemns
  std::vector<std::string> supersedes;  // names of segments
  std::vector<SnapshotId> snapshots;    // that are forgotten
  SnapshotId id;                        // of a snapshot
};

struct Object {
  std::shared_ptr<const Bytes> bytes;
  Nanoseconds modified = 0;
  std::shared_ptr<const Meaning> meaning;
};
using Objects = std::map<std::string, Object, std::less<>>;

class Oracle {
 public:
  explicit Oracle(const Sealing& sealing) : sealing_(sealing) {}

  // Objects put before the last mark() are known in all histories.
  void mark();
  // A new history, in which these snapshots were reported already.
  void begin(Nanoseconds undelete_window, std::set<SnapshotId> reported);

  // Writers tell what a tree consists of before they use it, and which snapshots were reported to
  // the user as saved.
  void note_tree(const ChunkId& root, const std::set<ChunkId>& chunks);
  void note_reported(const SnapshotId& id) { reported_.insert(id); }

  std::shared_ptr<const Meaning> read(const std::string& name, ByteSpan object);
  // Whether what is restorable can change with such an object.
  static bool matters(std::string_view name);

  // What is wrong, if anything is.
  std::optional<std::string> check(const Objects& objects, Nanoseconds now) const;
  // Must this snapshot be restorable? Reported or trusted, and not forgotten for longer than the
  // window.
  bool is_protected(const Objects& objects, const SnapshotId& id, Nanoseconds now) const;
  const std::set<SnapshotId>& reported() const { return reported_; }
  // All chunks of a snapshot that is there.
  static std::size_t size_of(const Objects& objects, const SnapshotId& id);
  // Chunks that some snapshot needs, and chunks in packs, copies counted.
  static std::pair<std::size_t, std::size_t> needed_and_stored(const Objects& objects);

 private:
  std::uint32_t number(const ChunkId& id);
  std::uint32_t number(const PackId& id);
  std::map<SnapshotId, Nanoseconds> forgotten(const Objects& objects) const;
  bool is_trusted(const Objects& objects, const SnapshotId& id) const;
  std::string describe(const SnapshotId& id, const ChunkSet& missing, const char* how) const;

  const Sealing& sealing_;
  Nanoseconds window_ = 0;
  std::unordered_map<ChunkId, std::uint32_t> chunk_numbers_;
  std::vector<ChunkId> chunks_;
  std::unordered_map<PackId, std::uint32_t> pack_numbers_;
  std::vector<PackId> packs_;
  std::vector<ChunkSet> pack_chunks_;  // by number, of all that were ever put
  std::unordered_map<ChunkId, ChunkSet> trees_;
  std::set<SnapshotId> reported_;
  std::size_t marked_chunks_ = 0, marked_packs_ = 0;
};

}  // namespace lagan::sim
