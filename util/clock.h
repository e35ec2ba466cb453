// SPDX-License-Identifier: Apache-2.0
#pragma once

// Time as the formats hold it: nanoseconds since 1970 UTC. Passed in wherever it matters, so that a
// test can hold it still.

#include <cstdint>
#include <functional>

namespace lagan {

using Nanoseconds = std::int64_t;
using Clock = std::function<Nanoseconds()>;

Nanoseconds system_now();

}  // namespace lagan
