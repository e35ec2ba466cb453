// SPDX-License-Identifier: Apache-2.0
#pragma once

// The logs in `forgotten/` and `condemned/`, each read once. They are never removed, an hourly
// backup with a policy makes thousands of them a year, and every listing of snapshots or beginning
// of a backup needs all. What those said whose signatures held is remembered in one file of the
// cache for each folder. Only that: which of them there are the storage's listing still decides. A
// name is random and never stands for other bytes, so what held once holds. The file proves with a
// key of the repository that this client wrote it. Who wants to know how the objects themselves are
// must not ask here. Lost, all are read again.

#include <string>
#include <string_view>
#include <vector>

#include "repo/repository.h"

namespace lagan {

// The messages of these objects, which a listing of `folder` has named, or what is wrong with each.
// Over a network several are fetched at a time. Failing to remember costs the memory only.
std::vector<Result<std::string>> get_signed_once(const Repository& repository, ObjectKind kind,
                                                 std::string_view folder,
                                                 const std::vector<ObjectName>& names);

}  // namespace lagan
