// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a target can represent of an entry, and what of a snapshot it could not. That is no failure
// of the restore: nobody can set a birth time, and only root gives files away. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/mutex.h"

namespace lagan {

enum class Trait {
  owner,
  xattr,
  acl,
  capability,
  selinux,
  flags,
  project,
  times,  // to the nanosecond, before 1970 and after 2106
  btime,
  holes,
  hardlink,
  symlink,
  device,
  fifo,
  socket,
  set_id,  // set-user-id and set-group-id
};
constexpr std::size_t kTraits = 16;

// As flags and JSON write it.
const char* trait_name(Trait trait);
// "extended attributes", for sentences.
const char* trait_words(Trait trait);
std::optional<Trait> parse_trait(std::string_view name);
// Which of them an extended attribute belongs to.
Trait trait_of_xattr(std::string_view name);

struct Loss {
  Trait trait = Trait::owner;
  std::uint64_t entries = 0;
  std::vector<std::string> examples;  // the first few paths
};

class FidelityReport {
 public:
  void lost(Trait trait, std::string_view path);
  std::vector<Loss> losses() const;
  // Should a time that was set be looked at? The first few, and all once one was not what it should
  // be.
  bool doubts_times();

 private:
  std::array<std::atomic<std::uint64_t>, kTraits> counts_{};
  std::atomic<int> times_seen_ = 0;
  mutable Mutex mutex_;
  std::array<std::vector<std::string>, kTraits> examples_ GUARDED_BY(mutex_);
};

}  // namespace lagan
