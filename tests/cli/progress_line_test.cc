// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_line.h"

#include <doctest/doctest.h>

namespace lagan::cli {
namespace {

TEST_CASE("JSON calls what is counted by its name") {
  Context context;
  context.globals.quiet = true;
  ProgressLine line(context, "check");
  CHECK(line.status()["total_files"] == 0);
  line.begin(Phase::trees);
  line.progress.files_total = 5;
  line.progress.files_done = 2;
  CHECK(line.status()["total_snapshots"] == 5);
  CHECK(line.status()["snapshots_done"] == 2);
  CHECK_FALSE(line.status().contains("total_files"));
  line.begin(Phase::packs);
  line.progress.files_done = 3;
  CHECK(line.status()["packs_done"] == 1);
  // This one counts nothing: the figures are those of the one before.
  line.begin(Phase::mark);
  CHECK(line.status()["phase"] == "mark");
  CHECK(line.status()["packs_done"] == 1);
}

}  // namespace
}  // namespace lagan::cli
