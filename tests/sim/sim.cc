// SPDX-License-Identifier: Apache-2.0

// sim [--from SEED] [--histories N]: runs that many histories with consecutive seeds. A violation
//   ends it with 1 and says how to see it again; so does an event that never happened.
// sim --seed N [--trace]: that history alone, with every operation.
// sim --must-fail [--histories N]: for programs with a mistake built in. Succeeds with the first
//   violation, fails if there is none.

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "tests/sim/history.h"

namespace lagan::sim {
namespace {

struct Flags {
  std::uint64_t from = 1, histories = 1000;
  bool is_alone = false, is_traced = false, must_fail = false;
};

// In fewer histories something rare may never happen.
constexpr std::uint64_t kEnoughHistories = 500;
constexpr std::uint64_t kTellEvery = 20'000;

bool parse(int count, char** words, Flags& flags) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto number = [&](std::uint64_t& into) {
      if (++i == count) return false;
      const std::string_view text = words[i];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
      return error == std::errc() && end == text.data() + text.size();
    };
    bool is_known = true;
    if (word == "--seed") {
      is_known = number(flags.from);
      flags.is_alone = true;
      flags.histories = 1;
    } else if (word == "--from") {
      is_known = number(flags.from);
    } else if (word == "--histories") {
      is_known = number(flags.histories);
    } else if (word == "--trace") {
      flags.is_traced = true;
    } else if (word == "--must-fail") {
      flags.must_fail = true;
    } else {
      is_known = false;
    }
    if (!is_known) return false;
  }
  return true;
}

int run(const Flags& flags, const char* program) {
  Histories histories;
  Counts counts;
  for (std::uint64_t seed = flags.from; seed < flags.from + flags.histories; ++seed) {
    const Outcome outcome = histories.run(seed, flags.is_traced);
    counts.add(outcome.counts);
    if (outcome.violation) {
      fmt::print("history {} of {}: {}\nsee it again: {} --seed {} --trace\n", seed,
                 counts.histories, *outcome.violation, program, seed);
      return flags.must_fail ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (counts.histories % kTellEvery == 0) {
      fmt::print("{} histories without a violation\n", counts.histories);
      std::fflush(stdout);
    }
  }
  fmt::print("{}", counts.text());
  if (flags.must_fail) {
    fmt::print("no violation: the mistake was not noticed\n");
    return EXIT_FAILURE;
  }
  const auto missing = counts.missing();
  if (missing && counts.histories >= kEnoughHistories) {
    fmt::print("there were no {}\n", *missing);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace lagan::sim

int main(int argc, char** argv) {
  lagan::sim::Flags flags;
  if (!lagan::sim::parse(argc, argv, flags)) {
    fmt::print(stderr,
               "usage: sim [--from SEED] [--histories N] [--must-fail]\n"
               "       sim --seed N [--trace]\n");
    return EXIT_FAILURE;
  }
  return lagan::sim::run(flags, argv[0]);
}
