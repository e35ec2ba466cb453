// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stat(2) says of the kind of an entry.

#include <sys/stat.h>

#include "repo/tree.h"

namespace lagan {

// S_IFREG and the like. A kind of a later version counts as a file.
mode_t file_type(EntryKind kind);

}  // namespace lagan
