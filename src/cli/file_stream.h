// SPDX-License-Identifier: Apache-2.0
#pragma once

// The content of one file of a snapshot from front to back, fetched ahead by several threads: over
// a network each block costs a round trip.

#include <functional>

#include "src/cli/snapshot_browser.h"

namespace lagan::cli {

// Calls `each` with every piece and where it begins, holes as zeros. Ends with `cancelled` when the
// user does.
Result<void> stream_file(Context& context, const SnapshotBrowser& browser, const Entry& file,
                         const std::function<Result<void>(ByteSpan, std::uint64_t offset)>& each);

}  // namespace lagan::cli
