// SPDX-License-Identifier: Apache-2.0
#include "src/cli/tree_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "repo/derived_keys.h"
#include "src/cli/snapshot_browser.h"
#include "util/duration.h"

namespace lagan::cli {

void TreeFlags::add_to(CLI::App& command) {
  command.add_option("snapshot", snapshot,
                     "only this one: `latest`, an id or its beginning, with :PATH only what is "
                     "below PATH");
  command.add_option("--oldest", oldest, "only snapshots of this time or later")->type_name("TIME");
  command.add_option("--newest", newest, "only snapshots of this time or earlier")
      ->type_name("TIME");
  command.add_option("--cache-memory", cache_memory, "for what was read, in memory")
      ->type_name("SIZE");
  command.add_option("--refresh", refresh, "how often to look for new snapshots")
      ->type_name("DURATION");
  filter.add_to(command);
}

Result<MountSourceOptions> TreeFlags::source_options() const {
  MountSourceOptions options;
  options.filter = filter.filter();
  options.snapshot = split_snapshot_path(snapshot).first;
  if (options.snapshot.empty() && !snapshot.empty())
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} names no snapshot: write latest{}", snapshot, snapshot));
  options.block_cache_bytes = TRY(cache_sizes()).blocks;
  if (!oldest.empty()) options.oldest = TRY_IN("--oldest", parse_time(oldest));
  if (!newest.empty()) options.newest = TRY_IN("--newest", parse_time(newest));
  return options;
}

Result<MountTreeOptions> TreeFlags::tree_options(const Repository& repository) const {
  MountTreeOptions options;
  options.is_single = !snapshot.empty();
  options.folder = clean_path(split_snapshot_path(snapshot).second);
  options.uid = ::getuid();
  options.gid = ::getgid();
  options.content_cache_bytes = TRY(cache_sizes()).chunks;
  const std::size_t gets = repository.storage().capabilities().parallel_gets;
  options.prefetch_threads = std::clamp<std::size_t>(gets == 0 ? 2 : gets, 2, 16);
  options.key = split_key(repository);
  options.repository = repository.id().hex();
  return options;
}

Result<CacheSizes> TreeFlags::cache_sizes() const {
  return split_cache(TRY_IN("--cache-memory", parse_size(cache_memory)));
}

Result<std::chrono::milliseconds> TreeFlags::interval() const {
  constexpr Nanoseconds kShortest = 100'000'000;
  const Nanoseconds every = TRY_IN("--refresh", parse_duration(refresh));
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(std::max(every, kShortest)));
}

void shorten_retries(const CLI::App& app, Globals& globals) {
  if (app.get_option("--retry-time")->count() == 0) globals.retry_time = "1m";
  if (app.get_option("--stuck-request-timeout")->count() == 0) globals.stall_time = "30s";
}

}  // namespace lagan::cli
