// SPDX-License-Identifier: Apache-2.0
#pragma once

// The repository that `copy` and `init` read from, beside the one they work on: its flags are
// --from-…, its variables LAGAN_FROM_….

#include "src/cli/context.h"

namespace lagan::cli {

struct SourceFlags {
  std::string repository, repository_file;
  std::string password_file, password_command, key_hint;
  bool insecure_no_password = false;

  void add_to(CLI::App& app);
  bool is_given() const { return !repository.empty() || !repository_file.empty(); }
  // What opens the source and speaks of it; outlives what it opens.
  Context context_of_source(const Context& context) const;
};

}  // namespace lagan::cli
