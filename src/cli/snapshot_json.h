// SPDX-License-Identifier: Apache-2.0
#pragma once

// A snapshot as restic's JSON shows one.

#include "src/cli/context.h"

namespace lagan::cli {

Json to_json(const StoredSnapshot& stored);

}  // namespace lagan::cli
