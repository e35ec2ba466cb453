// SPDX-License-Identifier: Apache-2.0
#pragma once

// Symlinks, devices, pipes and sockets of a restore's target.

#include <string>

#include "repo/tree.h"
#include "src/engine/source_entry.h"
#include "util/result.h"

namespace lagan {

// Makes what the entry is, under a name that is free, without attributes.
Result<void> make_special(int folder, const std::string& name, const Entry& entry);

// Is `there`, which has the entry's name in the folder, what make_special would make?
bool is_such(int folder, const SourceStatus& there, const Entry& entry);

}  // namespace lagan
