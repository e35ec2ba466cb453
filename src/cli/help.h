// SPDX-License-Identifier: Apache-2.0
#pragma once

// What --help shows: examples first, then flags under headings. Bold headings on a terminal, and
// lines as long as it is wide.

#include <CLI/CLI.hpp>

namespace lagan::cli {

class Help : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

// What somebody who has just installed lagan wants to know: the first three steps.
std::string first_steps();

}  // namespace lagan::cli
