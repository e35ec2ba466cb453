// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagan::cli {
namespace {

constexpr std::size_t kBarColumns = 20;
// Names are padded to the longest, so that bars stand under each other.
constexpr std::size_t kNameColumns = 8;

struct PhaseWords {
  const char* name;
  const char* unit;  // of what files_done counts; empty: it counts nothing
};

PhaseWords words_of(Phase phase) {
  switch (phase) {
    case Phase::index:
      return {"index", ""};
    case Phase::files:
      return {"files", "files"};
    case Phase::folders:
      return {"folders", ""};
    case Phase::commit:
      return {"commit", ""};
    case Phase::trees:
      return {"trees", "snapshots"};
    case Phase::packs:
      return {"packs", "packs"};
    case Phase::mark:
      return {"mark", ""};
    case Phase::copy:
      return {"copy", "chunks"};
    case Phase::remove:
      return {"delete", "objects"};
    case Phase::verify:
      return {"verify", "files"};
    case Phase::work:
      break;
  }
  return {"work", "items"};
}

struct Part {
  std::string text;
  std::size_t columns;
};

Part bar_of(double share, BarStyle style) {
  const auto full = static_cast<std::size_t>(std::lround(share * kBarColumns));
  const char* const done = style == BarStyle::blocks ? "█" : "#";
  const char* const open = style == BarStyle::blocks ? "░" : ".";
  std::string text;
  for (std::size_t i = 0; i < kBarColumns; ++i) text += i < full ? done : open;
  return {text, kBarColumns};
}

std::string of_total(const std::string& done, const std::string& total, bool is_known) {
  return is_known ? done + " of " + total : done;
}

// The most important first.
std::vector<std::string> figures(const ProgressNumbers& numbers) {
  std::vector<std::string> out;
  const auto share = done_share(numbers);
  if (share) out.push_back(fmt::format("{:3.0f} %", std::floor(100 * *share)));
  if (!numbers.is_over) {
    if (const auto left = seconds_left(numbers)) out.push_back(clock_text(*left) + " left");
  }
  const std::uint64_t files = numbers.files_done, bytes = numbers.bytes_done;
  const bool open = share && !numbers.is_over;
  if (bytes != 0 || numbers.bytes_total != 0) {
    out.push_back(of_total(short_bytes(bytes), short_bytes(numbers.bytes_total),
                           open && numbers.bytes_total >= bytes));
  }
  if (files != 0 || numbers.files_total != 0) {
    const bool has_total = open && numbers.files_total >= files;
    std::string unit = words_of(numbers.phase).unit;
    if ((has_total ? numbers.files_total : files) == 1) unit.pop_back();
    out.push_back(of_total(count_text(files), count_text(numbers.files_total), has_total) + " " +
                  unit);
  }
  if (numbers.errors != 0) {
    out.push_back(
        fmt::format("{} {}", count_text(numbers.errors), numbers.errors == 1 ? "error" : "errors"));
  }
  if (bytes != 0 && numbers.seconds > 0) {
    out.push_back(
        short_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / numbers.seconds)) +
        "/s");
  }
  return out;
}

}  // namespace

const char* phase_name(Phase phase) { return words_of(phase).name; }
const char* phase_unit(Phase phase) { return words_of(phase).unit; }
bool is_counted(Phase phase) { return *words_of(phase).unit != '\0'; }

std::optional<double> done_share(const ProgressNumbers& numbers) {
  const bool by_bytes = numbers.bytes_total != 0;
  const std::uint64_t total = by_bytes ? numbers.bytes_total : numbers.files_total;
  const std::uint64_t done = by_bytes ? numbers.bytes_done : numbers.files_done;
  if (total == 0 || done > total) return std::nullopt;
  return static_cast<double>(done) / static_cast<double>(total);
}

std::optional<double> seconds_left(const ProgressNumbers& numbers) {
  const auto share = done_share(numbers);
  if (!share || *share <= 0) return std::nullopt;
  return numbers.seconds * (1 - *share) / *share;
}

std::string progress_text(const ProgressNumbers& numbers, BarStyle bar, std::size_t columns) {
  std::vector<Part> parts;
  const auto share = done_share(numbers);
  if (bar != BarStyle::none && share && is_counted(numbers.phase))
    parts.push_back(bar_of(*share, bar));
  if (is_counted(numbers.phase)) {
    for (std::string& figure : figures(numbers)) parts.push_back({figure, figure.size()});
  }
  const std::string time = (numbers.is_over ? "in " : "after ") + clock_text(numbers.seconds);
  parts.push_back({time, time.size()});
  const std::string name = phase_name(numbers.phase);
  std::string line = bar == BarStyle::none ? name + ":" : fmt::format("{:<{}}", name, kNameColumns);
  std::size_t used = line.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string gap = i == 0 ? " " : bar == BarStyle::none ? ", " : "  ";
    if (used + gap.size() + parts[i].columns > columns) continue;
    line += gap + parts[i].text;
    used += gap.size() + parts[i].columns;
  }
  return line;
}

std::string clock_text(double seconds) {
  // A slow start foretells centuries.
  const auto whole = static_cast<long>(std::clamp(seconds, 0.0, 1e6 * 3600));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string count_text(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string short_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  const int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return fmt::format("{:.{}f} {}", value, digits, kUnits[unit]);
}

}  // namespace lagan::cli
