// SPDX-License-Identifier: Apache-2.0
#pragma once

// How fast transfers may be, as --limit-upload and --limit-download have it.

#include <string>

#include "storage/throttle.h"
#include "util/result.h"

namespace lagan::cli {

// "5M": 5 MiB a second; "300": KiB, as restic has it; "0": no limit. Behind that perhaps other
// speeds for times of the day: "0,08:00-18:00=1M".
Result<SpeedPlan> parse_speed_plan(const std::string& text);

}  // namespace lagan::cli
