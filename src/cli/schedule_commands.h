// SPDX-License-Identifier: Apache-2.0
#pragma once

// The commands that live on profiles.

#include <CLI/CLI.hpp>

namespace lagan::cli {

class Context;

void add_config(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_schedule(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);

}  // namespace lagan::cli
