// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "util/result.h"

namespace lagan::cli {

// Says what is wrong with how a location is written. Opens nothing, and needs no secret.
Result<void> check_location(const std::string& text);

}  // namespace lagan::cli
