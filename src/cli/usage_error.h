// SPDX-License-Identifier: Apache-2.0
#pragma once

// One sentence for a command line that cannot be understood: which word or flag, and what to write
// instead.

#include <CLI/CLI.hpp>

#include "util/result.h"

namespace lagan::cli {

// `error` is what parsing with `app` threw.
Error usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace lagan::cli
