// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check.h"

#include <fmt/format.h>

#include <charconv>

#include "src/cli/context.h"
#include "src/cli/progress_line.h"
#include "src/cli/value_check.h"
#include "util/duration.h"

namespace lagan::cli {
namespace {

struct CheckFlags {
  std::vector<std::string> snapshots;
  SnapshotFlags filter;
  bool read_data = false, read_directories = false, with_cache = false;
  std::string subset, max_duration, max_age;
  std::size_t restore_test = 0;
};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "n/t", "x%" or a size.
Result<ReadSubset> parse_subset(const std::string& text) {
  ReadSubset subset;
  if (const auto slash = text.find('/'); slash != std::string::npos) {
    const auto part = whole_number(std::string_view(text).substr(0, slash));
    const auto parts = whole_number(std::string_view(text).substr(slash + 1));
    if (!part || !parts || *part < 1 || *part > *parts)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no part: write for example 1/10", text));
    subset.kind = ReadSubset::Kind::part;
    subset.part = *part;
    subset.parts = *parts;
  } else if (text.ends_with('%')) {
    char* end = nullptr;
    const double percent = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() - 1 || !(percent > 0 && percent <= 100))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no share: write for example 2.5%", text));
    subset.kind = ReadSubset::Kind::share;
    subset.share = percent / 100;
  } else {
    subset.kind = ReadSubset::Kind::bytes;
    subset.bytes = TRY(parse_size(text));
    if (subset.bytes == 0) return fail(ErrorCode::invalid_argument, "expected more than 0 bytes");
  }
  return subset;
}

void print_finding(const Context& context, ProgressLine& progress, const Finding& finding) {
  if (finding.severity == Severity::error) {
    progress.trouble(finding.where, Error{ErrorCode::corrupt, finding.what, Retry::never, {}});
  } else if (context.globals.json) {
    Json message{{"message_type", finding.severity == Severity::note ? "note" : "warning"},
                 {"message", finding.what}};
    put_text(message, "item", finding.where);
    put(stderr, fmt::format("{}\n", message.dump(-1, ' ', false, Json::error_handler_t::replace)));
  } else if (finding.severity == Severity::warning) {
    progress.note(fmt::format("warning: {}: {}", finding.where, finding.what));
  } else if (!context.globals.quiet) {
    progress.note(fmt::format("note: {}: {}", finding.where, finding.what));
  }
}

void add_verified(Json& message, const CheckResult& result) {
  message["total_bytes"] = result.total_bytes;
  message["verified_bytes"] = result.verified_bytes;
  if (result.verified_since != 0)
    message["verified_since"] = format_time_rfc3339(result.verified_since, 0);
  message["recently_verified_bytes"] = result.recent_bytes;
  message["recent_seconds"] = result.recent / 1'000'000'000;
}

// Never says 100 % of less than all.
std::uint64_t percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 100
                    : static_cast<std::uint64_t>(100.0L * static_cast<long double>(part) /
                                                 static_cast<long double>(whole));
}

void print_what_was_read(const Context& context, const CheckResult& result) {
  if (result.packs_read != 0) {
    context.say(
        fmt::format("read {} packs whole: {}", result.packs_read, format_bytes(result.bytes_read)));
  }
  if (result.packs_left != 0) {
    context.say(fmt::format("{} more were left when the time was over: the next run begins there",
                            result.packs_left));
  }
  if (result.directories_read != 0)
    context.say(fmt::format("read the directories of {} packs", result.directories_read));
  if (result.trial_files != 0) {
    context.say(fmt::format("read {} files as a restore does: {}", result.trial_files,
                            format_bytes(result.trial_bytes)));
  }
  if (result.verified_bytes == 0) return;
  std::string line =
      fmt::format("verified: {} % of data within {}",
                  percent(result.recent_bytes, result.total_bytes), format_duration(result.recent));
  if (result.recent_bytes != result.verified_bytes) {
    line += fmt::format(", {} % since {}", percent(result.verified_bytes, result.total_bytes),
                        format_time(result.verified_since));
  }
  context.say(line);
}

void print_summary(const Context& context, const CheckResult& result) {
  if (context.globals.json) {
    Json message{{"message_type", "summary"},
                 {"num_errors", result.errors},
                 {"broken_packs", result.broken_packs},
                 {"suggest_repair_index", result.suggest_repair_index},
                 {"suggest_prune", result.suggest_prune},
                 {"num_warnings", result.warnings},
                 {"snapshots", result.snapshots},
                 {"packs", result.packs},
                 {"packs_read", result.packs_read},
                 {"bytes_read", result.bytes_read},
                 {"packs_left", result.packs_left},
                 {"directories_read", result.directories_read},
                 {"restore_tested_files", result.trial_files},
                 {"restore_tested_bytes", result.trial_bytes}};
    add_verified(message, result);
    context.print_json(message);
    return;
  }
  context.say(fmt::format("checked {} snapshots with {} files in {} tree nodes, {} packs",
                          result.snapshots, result.files, result.tree_nodes, result.packs));
  print_what_was_read(context, result);
  if (result.errors == 0) {
    context.say("no errors were found");
    return;
  }
  const char* const advice = result.suggest_repair_index    ? ": try 'lagan repair index'"
                             : !result.broken_packs.empty() ? ": try 'lagan repair packs'"
                                                            : "";
  context.warn(fmt::format("{} errors were found{}", result.errors, advice));
}

Result<CheckOptions> parse_options(const CheckFlags& flags) {
  CheckOptions options;
  if (!flags.max_duration.empty()) {
    options.read.kind = ReadSubset::Kind::all;
    options.max_duration = TRY_IN("--max-duration", parse_duration(flags.max_duration));
  }
  if (flags.read_data) options.read.kind = ReadSubset::Kind::all;
  if (!flags.subset.empty()) {
    if (flags.read_data)
      return fail(ErrorCode::invalid_argument,
                  "--read-data and --read-data-subset cannot be used together");
    options.read = TRY_IN("--read-data-subset", parse_subset(flags.subset));
  }
  if (!flags.max_age.empty()) {
    if (options.read.kind == ReadSubset::Kind::none)
      return fail(ErrorCode::invalid_argument,
                  "--max-age says what need not be read again: use it with --read-data");
    options.max_age = TRY_IN("--max-age", parse_duration(flags.max_age));
  }
  options.snapshots = flags.snapshots;
  options.filter = flags.filter.filter();
  options.with_cache = flags.with_cache;
  options.read_directories = flags.read_directories;
  options.trial_files = flags.restore_test;
  return options;
}

Result<int> run_check(Context& context, const CheckFlags& flags) {
  CheckOptions options = TRY(parse_options(flags));
  options.is_stopped = [&context] { return context.is_stopped(); };

  // What this machine has kept proves nothing about what is stored.
  std::erase_if(context.globals.storage_options,
                [](const std::string& option) { return option.starts_with("cache.size="); });
  const auto repository = TRY(context.open_repository());
  ProgressLine progress(context, "check");
  const auto result = check(*repository, options, progress, [&](const Finding& finding) {
    print_finding(context, progress, finding);
  });
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result);
  return result->errors != 0 ? kFailed : kOk;
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* command = app.add_subcommand(
      "check", "look whether everything is there and consistent, and with --read-data unharmed");
  command->footer(
      "Objects, index and trees are always looked at. --read-directories adds the packs' own\n"
      "directories, --read-data their data, --restore-test whole files. Nothing is written to the\n"
      "repository.");
  command->add_option("snapshot", flags->snapshots, "walk the trees of these only");
  command->add_flag("--read-data", flags->read_data, "read every pack and verify every chunk");
  command
      ->add_option("--read-data-subset", flags->subset,
                   "read only some packs: `n/t` the nth of t parts, `x%` or a SIZE at random")
      ->type_name("SUBSET")
      ->check(parsed_by(parse_subset));
  command
      ->add_option("--max-duration", flags->max_duration,
                   "read data for so long (30m), beginning with what this machine verified longest "
                   "ago; of all or of the --read-data-subset")
      ->type_name("TIME")
      ->check(parsed_by(parse_duration));
  command
      ->add_option("--max-age", flags->max_age,
                   "leave out data that this machine verified within so long (30d)")
      ->type_name("TIME")
      ->check(parsed_by(parse_duration));
  command->add_flag("--read-directories", flags->read_directories,
                    "compare every pack's own directory with the index");
  command
      ->add_option("--restore-test", flags->restore_test,
                   "read N random files whole, as a restore does, and write nothing")
      ->type_name("N");
  command->add_flag("--with-cache", flags->with_cache,
                    "believe the local index instead of reading all of the repository's");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_check(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
