// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the objects of `forgotten/` say that were opened once and whose signatures held, in one file
// of the cache. They are never removed, an hourly backup with a policy makes thousands of them a
// year, and every listing of snapshots needs all. Only their content is remembered: which of them
// there are the storage's listing still decides. A name is random and never stands for other bytes,
// so what held once holds. The file proves with a key of the repository that this client wrote it.
// Who wants to know how the objects themselves are must not ask here. Lost, all are read again.

#include <map>
#include <vector>

#include "repo/repository.h"

namespace lagan {

struct ForgottenObject {
  std::vector<SnapshotId> snapshots;
  Nanoseconds created = 0;
  friend bool operator==(const ForgottenObject&, const ForgottenObject&) = default;
};
using ForgottenObjects = std::map<ObjectName, ForgottenObject>;

ForgottenObjects recall_forgotten(const Repository& repository);

// In place of what was remembered before. Failing costs the memory only.
void remember_forgotten(const Repository& repository, const ForgottenObjects& objects);

}  // namespace lagan
