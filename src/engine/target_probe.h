// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds out by trying what a folder's file system, and this user in it, can represent. What is
// tried lies in a folder of its own, which is gone afterwards.

#include <string>
#include <vector>

#include "src/engine/fidelity.h"
#include "util/result.h"

namespace lagan {

// Those of `wanted` that cannot be had in `path`, which need not exist yet.
Result<std::vector<Trait>> find_unrepresentable(const std::string& path,
                                                const std::vector<Trait>& wanted);

}  // namespace lagan
