// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of a check share: where findings go, and which packs and chunks are known to be
// bad.

#include <fmt/format.h>

#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "repo/local_index.h"
#include "repo/names.h"
#include "src/engine/check.h"
#include "util/mutex.h"

namespace lagan {

// Any thread may call anything.
class CheckLog {
 public:
  explicit CheckLog(const std::function<void(const Finding&)>& each) : each_(each) {}

  void error(const std::string& where, const std::string& what) {
    add(Severity::error, where, what);
  }
  void warning(const std::string& where, const std::string& what) {
    add(Severity::warning, where, what);
  }
  void note(const std::string& where, const std::string& what) { add(Severity::note, where, what); }
  void add(Severity severity, const std::string& where, const std::string& what) {
    const MutexLock lock(mutex_);
    if (severity == Severity::error) ++errors_;
    if (severity == Severity::warning) ++warnings_;
    each_({severity, where, what});
  }

  void broken_pack(const std::string& name) {
    const MutexLock lock(mutex_);
    broken_packs_.insert(name);
  }
  void suggest_repair_index() {
    const MutexLock lock(mutex_);
    repair_index_ = true;
  }

  void fill(CheckResult& result) const {
    const MutexLock lock(mutex_);
    result.errors = errors_;
    result.warnings = warnings_;
    result.broken_packs.assign(broken_packs_.begin(), broken_packs_.end());
    result.suggest_repair_index = repair_index_;
  }

 private:
  const std::function<void(const Finding&)>& each_;
  mutable Mutex mutex_;
  std::uint64_t errors_ GUARDED_BY(mutex_) = 0, warnings_ GUARDED_BY(mutex_) = 0;
  std::set<std::string> broken_packs_ GUARDED_BY(mutex_);
  bool repair_index_ GUARDED_BY(mutex_) = false;
};

// Trouble that would meet every object, so that it is no finding about one.
inline bool ends_check(const Error& error) {
  switch (error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::cancelled:
    case ErrorCode::no_repository:
    case ErrorCode::internal:
      return true;
    default:
      return false;
  }
}

// The bytes of packs that cannot be relied on. Filled by the checks of listing and packs, on one
// thread at a time; then asked by the check of trees.
class KnownDamage {
 public:
  // Of this pack only the first so many bytes are there; 0: it is missing.
  void pack_ends(const PackId& pack, std::uint64_t size) { ends_[pack] = size; }
  void damaged_chunks(const PackId& pack, const std::vector<ChunkId>& chunks) {
    if (!chunks.empty()) packs_.insert(pack);
    chunks_.insert(chunks.begin(), chunks.end());
  }

  // All packs of which something is bad: a copy elsewhere is better.
  std::unordered_set<PackId> packs() const {
    std::unordered_set<PackId> all = packs_;
    for (const auto& [pack, size] : ends_) all.insert(pack);
    return all;
  }

  // What is wrong with the chunk at this location, or nothing.
  const char* trouble(const ChunkId& id, const ChunkLocation& location) const {
    if (const auto at = ends_.find(location.pack); at != ends_.end()) {
      if (at->second == 0) return "is missing";
      if (location.block_offset + location.stored > at->second) return "is cut short";
    }
    if (packs_.contains(location.pack) && chunks_.contains(id)) return "is damaged";
    return nullptr;
  }

 private:
  std::unordered_map<PackId, std::uint64_t> ends_;
  std::unordered_set<PackId> packs_;
  std::unordered_set<ChunkId> chunks_;
};

inline std::string pack_name_of(const ChunkLocation& location) {
  const ObjectKind kind =
      location.kind == ChunkKind::data ? ObjectKind::data_pack : ObjectKind::tree_pack;
  return names::pack(kind, location.pack).text();
}

}  // namespace lagan
