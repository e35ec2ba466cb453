// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a collector remembers from run to run in the local cache: for each log of condemned packs,
// the sessions that were open when it was put and may rely on these packs. A session that began
// later saw the log. So a repository to which somebody always writes can still be collected: the
// next run waits for those sessions and not for their successors. Lost or damaged, it costs a run.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "repo/repository.h"
#include "util/id.h"

namespace lagan {

class CollectorMemory {
 public:
  // Reads what is there. Without a cache folder it remembers nothing after its end.
  explicit CollectorMemory(const Repository& repository);

  // The sessions that were open at some time after `log` was put; nothing if that is not known.
  std::optional<std::set<SessionId>> waits_for(const ObjectName& log) const;
  void remember(const ObjectName& log, const std::set<SessionId>& open);
  // Keeps only what is said of these. Failing costs the memory only.
  void save(const std::set<ObjectName>& logs);

 private:
  const Repository& repository_;
  std::string path_;  // empty: there is no cache
  std::map<std::string, std::set<SessionId>> open_;
};

}  // namespace lagan
