// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far long work is, in one line: "files ██████░░░░  62 %  1,204 of 1,940 files …". Pure
// functions.

#include <optional>
#include <string>

#include "src/engine/observer.h"

namespace lagan::cli {

// One phase of the work.
struct ProgressNumbers {
  Phase phase = Phase::work;
  double seconds = 0;  // since it began
  std::uint64_t files_done = 0, bytes_done = 0;
  std::uint64_t files_total = 0, bytes_total = 0;  // 0: not known
  std::uint64_t errors = 0;
  bool is_over = false;
};

enum class BarStyle { none, ascii, blocks };

const char* phase_name(Phase phase);
// Of what it counts, as files_done: "packs". Empty: nothing.
const char* phase_unit(Phase phase);
// Does it count anything? Else only its name and time are worth showing.
bool is_counted(Phase phase);

// Of 1, by bytes if their number is known, else by files. Nothing if neither is, or more was done
// than was expected.
std::optional<double> done_share(const ProgressNumbers& numbers);
std::optional<double> seconds_left(const ProgressNumbers& numbers);

// At most `columns` wide: what matters less is left out.
std::string progress_text(const ProgressNumbers& numbers, BarStyle bar, std::size_t columns);

std::string clock_text(double seconds);        // "0:35", "1:02:03"
std::string count_text(std::uint64_t number);  // "1,234,567"
std::string short_bytes(std::uint64_t bytes);  // "1.23 GiB": as long as it needs to be here

}  // namespace lagan::cli
