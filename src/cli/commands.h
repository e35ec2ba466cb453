// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole command line: global flags and every command, under the headings of the manual.

#include "src/cli/context.h"

namespace lagan::cli {

// What a word begins with that stood behind `--`.
constexpr char kPlainMark = '\x01';

// Parsing then sets `context.globals` and `context.run`; nothing is run. Both outlive `app`'s use.
void add_everything(CLI::App& app, Context& context);

}  // namespace lagan::cli
