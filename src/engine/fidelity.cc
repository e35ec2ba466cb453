// SPDX-License-Identifier: Apache-2.0
#include "src/engine/fidelity.h"

namespace lagan {
namespace {

constexpr std::uint64_t kExamples = 3;

struct Words {
  const char* name;
  const char* words;
};
constexpr std::array<Words, kTraits> kWords{{{"owner", "owners"},
                                             {"xattr", "extended attributes"},
                                             {"acl", "access control lists"},
                                             {"capability", "capabilities"},
                                             {"selinux", "SELinux labels"},
                                             {"flags", "inode flags"},
                                             {"project", "project ids"},
                                             {"times", "times"},
                                             {"btime", "birth times"},
                                             {"holes", "holes"},
                                             {"hardlink", "hard links"},
                                             {"symlink", "symbolic links"},
                                             {"device", "devices"},
                                             {"fifo", "pipes"},
                                             {"socket", "sockets"},
                                             {"setid", "set-user-id and set-group-id bits"}}};

}  // namespace

const char* trait_name(Trait trait) { return kWords.at(static_cast<std::size_t>(trait)).name; }

const char* trait_words(Trait trait) { return kWords.at(static_cast<std::size_t>(trait)).words; }

std::optional<Trait> parse_trait(std::string_view name) {
  for (std::size_t i = 0; i < kTraits; ++i) {
    if (name == kWords.at(i).name) return static_cast<Trait>(i);
  }
  return std::nullopt;
}

Trait trait_of_xattr(std::string_view name) {
  if (name.starts_with("system.posix_acl_")) return Trait::acl;
  if (name == "security.capability") return Trait::capability;
  return name == "security.selinux" ? Trait::selinux : Trait::xattr;
}

void FidelityReport::lost(Trait trait, std::string_view path) {
  const auto i = static_cast<std::size_t>(trait);
  // Every entry of every restore comes here for its birth time.
  if (counts_.at(i)++ >= kExamples) return;
  const MutexLock lock(mutex_);
  examples_.at(i).emplace_back(path);
}

std::vector<Loss> FidelityReport::losses() const {
  std::vector<Loss> losses;
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < kTraits; ++i) {
    if (counts_.at(i) != 0)
      losses.push_back({static_cast<Trait>(i), counts_.at(i), examples_.at(i)});
  }
  return losses;
}

bool FidelityReport::doubts_times() {
  constexpr int kFew = 16;
  return times_seen_ < kFew ? times_seen_++ < kFew
                            : counts_.at(static_cast<std::size_t>(Trait::times)) != 0;
}

}  // namespace lagan
