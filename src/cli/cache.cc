// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "repo/client_memory.h"
#include "src/cli/context.h"
#include "src/cli/show.h"

namespace lagan::cli {
namespace {

struct CacheFlags {
  bool cleanup = false, forget_location = false;
  std::uint32_t max_age_days = 30;
};

constexpr Nanoseconds kDay = std::int64_t{24} * 3600 * 1'000'000'000;

std::int64_t age_days(const ClientMemory::Folder& folder) {
  return std::max<Nanoseconds>(0, system_now() - folder.used) / kDay;
}

Result<void> forget_location(Context& context, const ClientMemory& memory) {
  const auto storage = TRY(context.open_location());
  TRY(memory.forget(storage->description()));
  context.say(fmt::format("forgot which repository was at {}", storage->description()));
  return {};
}

Json folder_json(const ClientMemory::Folder& folder) {
  return {{"repository", folder.repository.hex()},
          {"path", folder.path},
          {"size", folder.size_bytes},
          {"last_used", format_time_rfc3339(folder.used, 0)},
          {"age_days", age_days(folder)}};
}

Result<void> list_folders(Context& context, const ClientMemory& memory) {
  const auto folders = TRY(memory.folders());
  if (context.globals.json) {
    Json out = Json::array();
    for (const ClientMemory::Folder& folder : folders) out.push_back(folder_json(folder));
    context.print_json(out);
    return {};
  }
  show(context, fmt::format("{:32}  {:19}  {:>11}", "repository", "last used", "size"));
  std::uint64_t total = 0;
  for (const ClientMemory::Folder& folder : folders) {
    show(context, fmt::format("{:32}  {:19}  {:>11}", folder.repository.hex(),
                              format_time(folder.used), format_bytes(folder.size_bytes)));
    total += folder.size_bytes;
  }
  show(context, fmt::format("{} repositories, {} in {}", folders.size(), format_bytes(total),
                            context.cache_folder()));
  return {};
}

Result<void> clean_up(Context& context, const ClientMemory& memory, std::uint32_t max_age_days) {
  const auto folders = TRY(memory.folders());
  Json removed = Json::array();
  for (const ClientMemory::Folder& folder : folders) {
    if (age_days(folder) < max_age_days) continue;
    TRY(memory.remove(folder));
    removed.push_back(folder_json(folder));
    context.say(fmt::format("removed the cache of {} ({}, unused for {} days)",
                            folder.repository.short_hex(), format_bytes(folder.size_bytes),
                            age_days(folder)));
  }
  if (context.globals.json)
    context.print_json({{"message_type", "cache_cleaned"}, {"removed", std::move(removed)}});
  if (removed.empty()) context.say(fmt::format("no cache is unused for {} days", max_age_days));
  return {};
}

Result<void> run_cache(Context& context, const CacheFlags& flags) {
  if (flags.cleanup && flags.forget_location)
    return fail(ErrorCode::invalid_argument, "--cleanup and --forget-location: one at a time");
  const std::string root = context.cache_folder();
  if (root.empty()) {
    return fail(ErrorCode::invalid_argument,
                "there is no cache: --no-cache is given, or no folder is known (--cache-dir)");
  }
  const ClientMemory memory(root);
  if (flags.forget_location) return forget_location(context, memory);
  return flags.cleanup ? clean_up(context, memory, flags.max_age_days)
                       : list_folders(context, memory);
}

}  // namespace

void add_cache(CLI::App& app, Context& context) {
  auto flags = std::make_shared<CacheFlags>();
  CLI::App* command = app.add_subcommand("cache", "what this machine keeps of repositories");
  command->add_flag("--cleanup", flags->cleanup, "remove what was not used for --max-age days");
  command->add_option("--max-age", flags->max_age_days, "how long unused, in days")
      ->type_name("DAYS");
  command->add_flag("--forget-location", flags->forget_location,
                    "forget which repository was at -r LOCATION");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_cache(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
