// SPDX-License-Identifier: Apache-2.0
#pragma once

// Manual pages in the language of man(7), from the commands themselves and their manual.h.

#include <CLI/CLI.hpp>
#include <string>

namespace lagan::cli {

// lagan-backup.1 for a command with those below it, lagan.1 for the program.
std::string man_page_name(const CLI::App& command);
std::string man_page(const CLI::App& command);

}  // namespace lagan::cli
