// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lengths of time on the command line. Not those of retention policies, which count in calendars
// and to which `m` means months.

#include <string>

#include "util/clock.h"
#include "util/result.h"

namespace lagan {

// "90s", "30m", "1h30m", "7d", "2w", or "0"; `invalid_argument` names what is wrong.
Result<Nanoseconds> parse_duration(const std::string& text);

// In the largest two units that it has: "1 h 30 min", "30 days".
std::string format_duration(Nanoseconds length);

}  // namespace lagan
