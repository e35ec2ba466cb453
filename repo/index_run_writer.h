// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes one index run: from a segment in memory, or from several runs, in memory that does not
// grow with them but for the new filter (two bytes a chunk). A run appears under its name when it
// is whole or not at all; there is no fsync, for a run that a power failure cuts short is found out
// and made again. Many processes may write into one folder.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "repo/index_run.h"
#include "repo/messages.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

constexpr std::string_view kRunSuffix = ".run";
constexpr std::string_view kTemporaryRunPrefix = "tmp-";

struct RunFolder {
  std::string path;  // empty: runs have no names and end with the process
  RepositoryId repository;
};

// The packs of one segment, each once.
Result<std::unique_ptr<IndexRun>> build_run(const RunFolder& folder, const SegmentId& id,
                                            const Segment& segment);

// All that is live in `runs`, each pack once with all segments that list it. A run that turns out
// to be damaged is then damaged(), and the error says so.
Result<std::unique_ptr<IndexRun>> merge_runs(const RunFolder& folder,
                                             std::span<const IndexRun* const> runs);

// Writes the header of a run whose body is in the file. Apart for the fuzzer, which makes bodies
// of its own.
Result<void> write_run_header(int descriptor, const RepositoryId& repository,
                              const std::vector<SegmentId>& segments, const RunCounts& counts);

}  // namespace lagan
