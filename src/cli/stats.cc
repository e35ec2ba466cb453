// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "src/cli/context.h"
#include "src/cli/show.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/usage.h"

namespace lagan::cli {
namespace {

struct StatsFlags {
  std::vector<std::string> wanted;
  std::string mode = "restore-size";
  SnapshotFlags filter;
};

Result<UsageMode> mode_of(const std::string& text) {
  static const std::map<std::string, UsageMode> kModes = {
      {"restore-size", UsageMode::restore_size},
      {"files-by-contents", UsageMode::files_by_contents},
      {"blobs-per-file", UsageMode::blobs_per_file},
      {"raw-data", UsageMode::raw_data}};
  if (const auto mode = kModes.find(text); mode != kModes.end()) return mode->second;
  return fail(ErrorCode::invalid_argument,
              "--mode is one of restore-size, files-by-contents, blobs-per-file, raw-data");
}

double ratio(std::uint64_t of, std::uint64_t to) {
  return to == 0 ? 1.0 : static_cast<double>(of) / static_cast<double>(to);
}

// In percent.
double saving(const Usage& usage) {
  return 100.0 * (1.0 - ratio(usage.bytes, usage.uncompressed_bytes));
}

void print_json(const Context& context, UsageMode mode, const Usage& usage, std::size_t count) {
  Json out{{"total_size", usage.bytes}};
  if (mode == UsageMode::raw_data) {
    out["total_uncompressed_size"] = usage.uncompressed_bytes;
    out["compression_ratio"] = ratio(usage.uncompressed_bytes, usage.bytes);
    out["compression_progress"] = 100;  // there never was a format without compression
    out["compression_space_saving"] = saving(usage);
  } else {
    out["total_file_count"] = usage.files;
  }
  if (mode == UsageMode::raw_data || mode == UsageMode::blobs_per_file)
    out["total_blob_count"] = usage.chunks;
  out["snapshots_count"] = count;
  context.print_json(out);
}

void print_text(const Context& context, const StatsFlags& flags, UsageMode mode, const Usage& usage,
                std::size_t count) {
  show(context, fmt::format("Stats in {} mode:", flags.mode));
  show(context, fmt::format("     Snapshots processed:  {}", count));
  if (mode == UsageMode::raw_data || mode == UsageMode::blobs_per_file)
    show(context, fmt::format("        Total Blob Count:  {}", usage.chunks));
  if (mode != UsageMode::raw_data)
    show(context, fmt::format("        Total File Count:  {}", usage.files));
  if (mode == UsageMode::raw_data) {
    show(context,
         fmt::format(" Total Uncompressed Size:  {}", format_bytes(usage.uncompressed_bytes)));
    show(context, fmt::format("       Compression Ratio:  {:.2f}x",
                              ratio(usage.uncompressed_bytes, usage.bytes)));
    show(context, fmt::format("Compression Space Saving:  {:.2f} %", saving(usage)));
  }
  show(context, fmt::format("              Total Size:  {}", format_bytes(usage.bytes)));
}

Result<int> run_stats(Context& context, const StatsFlags& flags) {
  const UsageMode mode = TRY(mode_of(flags.mode));
  const auto browser = TRY(SnapshotBrowser::open(context));
  const auto snapshots = TRY(browser->choose(flags.wanted, flags.filter.filter()));
  const UsageOptions options{.mode = mode,
                             .is_stopped = [&context] { return context.is_stopped(); },
                             .trouble = browser->trouble()};
  UsageCounter counter(browser->source(), browser->index(), options);
  for (const StoredSnapshot& stored : snapshots) TRY(counter.add(stored.snapshot));
  const Usage usage = counter.total();
  if (context.globals.json) {
    print_json(context, mode, usage, snapshots.size());
  } else {
    print_text(context, flags, mode, usage, snapshots.size());
  }
  return browser->exit_code();
}

}  // namespace

void add_stats(CLI::App& app, Context& context) {
  auto flags = std::make_shared<StatsFlags>();
  CLI::App* command = app.add_subcommand("stats", "say how much the snapshots hold");
  command->add_option("snapshot", flags->wanted, "only these");
  command
      ->add_option(
          "--mode", flags->mode,
          "restore-size (what restoring writes), files-by-contents (each content once), "
          "blobs-per-file (each chunk once a file) or raw-data (each chunk once, as stored)")
      ->type_name("MODE");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_stats(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
