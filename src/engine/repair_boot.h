// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a repository is opened with, made again where it is lost: `lagan.repo`, byte for byte as it
// was, for every key says the same; and a config, with the defaults, where there is none that can
// be read. A config that cannot be read stays, and the new one says that it replaces it.

#include <string>
#include <vector>

#include "repo/repository.h"

namespace lagan {

struct RepairBootPlan {
  bool boot_record = false;           // is missing or damaged
  bool config = false;                // none, or one that cannot be read
  std::vector<std::string> replaces;  // configs that cannot be read
  bool is_empty() const { return !boot_record && !config; }
};

// Looks, and with `carry_out` also does it.
Result<RepairBootPlan> repair_boot(const Repository& repository, bool carry_out);

}  // namespace lagan
