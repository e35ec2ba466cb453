// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a client remembers of one place where a repository lies (which packs are sound there, which
// snapshots it had), as opposed to what is true of all its mirrors (docs/architecture.md, "The
// local cache").

#include <string>
#include <string_view>

#include "repo/repository.h"

namespace lagan {

// The file of this kind, in the cache of the repository. Empty if this client keeps nothing.
std::string place_file(const Repository& repository, std::string_view kind);

}  // namespace lagan
