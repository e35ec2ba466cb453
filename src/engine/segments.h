// SPDX-License-Identifier: Apache-2.0
#pragma once

// The index segments as a collector sees them: all of them read whole from the storage, for it
// deletes by what they say, and written anew without the packs that go (docs/format.md, "Index
// segments").

#include <map>
#include <set>
#include <unordered_set>
#include <vector>

#include "repo/messages.h"
#include "repo/repository.h"
#include "repo/segment_size.h"

namespace lagan {

struct SegmentSummary {
  SegmentId id;
  std::uint64_t size = 0;  // of the object
  std::vector<PackId> packs;
  std::vector<SegmentId> supersedes;  // empty unless the owner signed it, like `dropped`
  std::vector<PackId> dropped;
};

class SegmentSet {
 public:
  // Any segment that cannot be read whole and is not replaced by another is an error: what it lists
  // is not known. Fields of a later version are, too.
  static Result<SegmentSet> read(const Repository& repository);
  // The same for repair: segments that cannot be read are told in unreadable().
  static Result<SegmentSet> read_what_is_whole(const Repository& repository);
  // With reasons. None of them is replaced by another.
  const std::map<SegmentId, std::string>& unreadable() const { return unreadable_; }

  const std::map<SegmentId, SegmentSummary>& all() const { return all_; }
  bool is_live(const SegmentId& id) const { return !superseded_.contains(id); }
  std::vector<const SegmentSummary*> live() const;
  // Packs that live segments list, and those that live segments say were dropped.
  std::unordered_set<PackId> listed() const;
  std::unordered_set<PackId> dropped() const;
  // Superseded segments whose packs are all listed or dropped by live ones: nothing is lost with
  // them.
  std::vector<SegmentId> replaced() const;

 private:
  static Result<SegmentSet> read_once(const Repository& repository);
  void add(SegmentSummary summary, const std::vector<PackEntry>& packs);

  std::map<SegmentId, SegmentSummary> all_;
  std::set<SegmentId> superseded_;
  std::map<SegmentId, std::string> unreadable_;
};

struct Rewritten {
  std::uint64_t segments = 0, bytes = 0;
};

// Puts signed segments that list packs, as many as it takes for each to stay far below what readers
// accept.
class SegmentWriter {
 public:
  explicit SegmentWriter(const Repository& repository, std::size_t most_bytes = kSegmentTarget)
      : repository_(repository), most_bytes_(most_bytes) {}

  Result<void> add(PackEntry pack);
  // Puts what is left, if anything is.
  Result<void> finish();
  // The same, and the last segment says what all of them replace.
  Result<void> finish_replacing(const std::set<SegmentId>& supersedes,
                                const std::set<PackId>& dropped);
  const Rewritten& written() const { return written_; }

 private:
  Result<void> put(const std::set<SegmentId>& supersedes, const std::set<PackId>& dropped);

  const Repository& repository_;
  const std::size_t most_bytes_;
  Segment segment_;
  std::size_t size_ = 0;
  Rewritten written_;
};

// What becomes of the index.
struct IndexChange {
  std::set<PackId> drop;        // condemned packs, to be deleted because of this
  std::set<PackId> gone;        // packs that are not there
  std::set<SegmentId> replace;  // unreadable segments whose packs others list
};

// G6: puts signed segments in place of the live ones that name a pack that goes, or are small and
// many, without those packs. `present` are the packs that are in the storage: what was dropped
// earlier and is gone is no longer named. Nothing is deleted.
Result<Rewritten> rewrite_index(const Repository& repository, const SegmentSet& segments,
                                const IndexChange& change,
                                const std::unordered_set<PackId>& present);

}  // namespace lagan
