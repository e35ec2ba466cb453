// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <set>

#include "src/cli/context.h"
#include "src/cli/node_format.h"
#include "src/cli/show.h"
#include "src/cli/snapshot_json.h"
#include "src/engine/seen_snapshots.h"
#include "util/base64.h"

namespace lagan::cli {
namespace {

struct SnapshotsFlags {
  std::vector<std::string> wanted;
  SnapshotFlags filter;
  std::size_t latest = 0;
  bool compact = false;
};

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

// With a twin in base64 if one of them is not UTF-8.
void put_texts(Json& out, const std::string& key, const std::vector<std::string>& all) {
  Json list = Json::array(), exact = Json::array();
  bool is_valid = true;
  for (const std::string& text : all) {
    Json one;
    put_text(one, "text", text);
    is_valid = is_valid && !one.contains("text_b64");
    list.push_back(text);
    exact.push_back(to_base64(text));
  }
  out[key] = std::move(list);
  if (!is_valid) out[key + "_b64"] = std::move(exact);
}

// Of each host with these paths only the newest `count`.
std::vector<StoredSnapshot> newest_of_each(std::vector<StoredSnapshot> all, std::size_t count) {
  std::map<std::pair<std::string, std::vector<std::string>>, std::size_t> left;
  for (const StoredSnapshot& stored : all) ++left[{stored.snapshot.host, stored.snapshot.paths}];
  std::erase_if(all, [&](const StoredSnapshot& stored) {
    return left[{stored.snapshot.host, stored.snapshot.paths}]-- > count;
  });
  return all;
}

void print_table(const Context& context, const std::vector<StoredSnapshot>& chosen) {
  std::size_t host_width = 4, tag_width = 4;
  for (const StoredSnapshot& stored : chosen) {
    host_width = std::max(host_width, stored.snapshot.host.size());
    tag_width = std::max(tag_width, joined(stored.snapshot.tags, ",").size());
  }
  show(context, fmt::format("{:8}  {:19}  {:{}}  {:{}}  {:>11}  {}", "id", "time", "host",
                            host_width, "tags", tag_width, "size", "paths"));
  for (const StoredSnapshot& stored : chosen) {
    const Snapshot& snapshot = stored.snapshot;
    show(context, fmt::format("{:8}  {:19}  {:{}}  {:{}}  {:>11}  {}{}", stored.id.short_hex(),
                              format_time(snapshot.time), printable(snapshot.host), host_width,
                              printable(joined(snapshot.tags, ",")), tag_width,
                              format_bytes(snapshot.root.content_bytes),
                              printable(joined(snapshot.paths, ", ")),
                              stored.verified ? "" : "  (never verified)"));
    if (!snapshot.label.empty())
      show(context, fmt::format("{:10}{}", "", printable(snapshot.label)));
  }
  show(context, fmt::format("{} snapshots", chosen.size()));
}

// For `check`, which finds out when one of them has vanished.
void remember(const Repository& repository, const SnapshotList& list) {
  std::set<SnapshotId> present;
  for (const StoredSnapshot& stored : list.snapshots) present.insert(stored.id);
  SeenSnapshots(repository).update(present, {});
}

Result<int> run_snapshots(Context& context, const SnapshotsFlags& flags) {
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  remember(*repository, list);
  std::vector<StoredSnapshot> chosen;
  const SnapshotFilter filter = flags.filter.filter();
  if (!flags.wanted.empty()) {
    for (const std::string& wanted : flags.wanted)
      chosen.push_back(TRY(find_snapshot(list, wanted, filter)));
  } else {
    for (const StoredSnapshot& stored : list.snapshots) {
      if (matches(filter, stored.snapshot)) chosen.push_back(stored);
    }
  }
  if (flags.latest != 0) chosen = newest_of_each(std::move(chosen), flags.latest);
  if (context.globals.json) {
    Json out = Json::array();
    for (const StoredSnapshot& stored : chosen) out.push_back(to_json(stored));
    context.print_json(out);
  } else {
    print_table(context, chosen);
  }
  return list.damaged.empty() ? kOk : kFailed;
}

}  // namespace

Json to_json(const StoredSnapshot& stored) {
  const Snapshot& snapshot = stored.snapshot;
  const Summary& summary = snapshot.summary;
  Json out{{"time", format_time_rfc3339(snapshot.time, snapshot.utc_offset_minutes)}};
  if (!snapshot.parents.empty()) out["parent"] = snapshot.parents.front().hex();
  out["tree"] = snapshot.root.id ? snapshot.root.id->hex() : "";
  put_texts(out, "paths", snapshot.paths);
  put_text(out, "hostname", snapshot.host);
  put_text(out, "username", snapshot.user);
  out["uid"] = snapshot.uid;
  out["gid"] = snapshot.gid;
  if (!snapshot.excludes.empty()) put_texts(out, "excludes", snapshot.excludes);
  if (!snapshot.tags.empty()) put_texts(out, "tags", snapshot.tags);
  if (!snapshot.label.empty()) put_text(out, "description", snapshot.label);
  if (snapshot.original) out["original"] = snapshot.original->hex();
  out["program_version"] = snapshot.program;
  out["summary"] =
      Json{{"backup_start", format_time_rfc3339(snapshot.started, snapshot.utc_offset_minutes)},
           {"backup_end", format_time_rfc3339(snapshot.finished, snapshot.utc_offset_minutes)},
           {"files_new", summary.files_new},
           {"files_changed", summary.files_changed},
           {"files_unmodified", summary.files_unmodified},
           {"dirs_new", summary.dirs_new},
           {"dirs_changed", summary.dirs_changed},
           {"dirs_unmodified", summary.dirs_unmodified},
           {"data_blobs", summary.data_chunks},
           {"tree_blobs", summary.tree_chunks},
           {"data_added", summary.data_added},
           {"data_added_packed", summary.data_stored},
           {"total_files_processed", snapshot.root.files},
           {"total_bytes_processed", snapshot.root.content_bytes},
           {"errors", summary.errors}};
  if (!stored.verified) out["verified"] = false;
  out["id"] = stored.id.hex();
  out["short_id"] = stored.id.short_hex();
  return out;
}

Json changed_json(const SnapshotId& before, const SnapshotId& after) {
  return {{"message_type", "changed"},
          {"old_snapshot_id", before.hex()},
          {"new_snapshot_id", after.hex()}};
}

void add_snapshots(CLI::App& app, Context& context) {
  auto flags = std::make_shared<SnapshotsFlags>();
  CLI::App* command = app.add_subcommand("snapshots", "list the snapshots");
  command->add_option("snapshot", flags->wanted, "only these");
  flags->filter.add_to(*command);
  command->add_option("--latest", flags->latest, "only the newest N of each host and set of paths")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  command->add_flag("-c,--compact", flags->compact,
                    "accepted for restic's sake: the list is compact");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_snapshots(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
