// SPDX-License-Identifier: Apache-2.0
#include "src/engine/versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "src/cli/context.h"
#include "src/cli/json_array.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/walker.h"

namespace lagan::cli {
namespace {

struct VersionsFlags {
  std::string path;
  SnapshotFlags filter;
  bool metadata = false;
};

Json place_json(const StoredSnapshot& stored) {
  return {{"snapshot", stored.id.hex()},
          {"time", format_time_rfc3339(stored.snapshot.time, stored.snapshot.utc_offset_minutes)}};
}

Json span_json(const std::string& host, const std::string& path, const VersionSpan& span) {
  Json out;
  put_text(out, "hostname", host);
  put_text(out, "path", path);
  out["deleted"] = !span.entry;
  if (span.entry) {
    out["version"] = span.number;
    out["content_id"] = span.content_id.hex();
    out.update(node_json("", *span.entry));
  }
  out["first"] = place_json(span.first);
  out["last"] = place_json(span.last);
  out["snapshots"] = span.snapshots;
  return out;
}

void print_span(const VersionSpan& span) {
  const std::string when = fmt::format("{}  {}  {:>9}", format_time(span.first.snapshot.time),
                                       format_time(span.last.snapshot.time), span.snapshots);
  if (!span.entry) return fmt::print("{:>7}  {}  {:>12}\n", "-", when, "deleted");
  const Entry& entry = *span.entry;
  const bool has_size = entry.kind == EntryKind::file;
  fmt::print("{:>7}  {}  {:>12}  {}  {}  {}{}\n", span.number, when,
             has_size ? format_bytes(entry.size) : type_name(entry.kind),
             format_entry_time(entry.mtime), span.content_id.short_hex(), span.last.id.short_hex(),
             entry.state == EntryState::as_read ? "" : "  (could not be read as it should)");
}

void print_head(const Context& context, const std::string& host, const std::string& path) {
  context.say(fmt::format("{} on {}:", printable(path), printable(host)));
  context.say(fmt::format("{:>7}  {:19}  {:19}  {:>9}  {:>12}  {:19}  {:8}  {}", "version",
                          "first snapshot", "last snapshot", "snapshots", "size", "modified",
                          "content", "restore from"));
}

Result<int> run_versions(Context& context, const VersionsFlags& flags) {
  const std::string path = TRY(normalise_target(flags.path));
  const auto browser = TRY(SnapshotBrowser::open(context));
  std::map<std::string, std::vector<StoredSnapshot>> by_host;
  for (StoredSnapshot& stored : TRY(browser->choose({}, flags.filter.filter())))
    by_host[stored.snapshot.host].push_back(std::move(stored));
  const VersionOptions options{.metadata = flags.metadata,
                               .is_stopped = [&] { return context.is_stopped(); },
                               .trouble = browser->trouble()};
  std::optional<JsonArray> array;
  if (context.globals.json) array.emplace();
  bool is_found = false;
  for (const auto& [host, snapshots] : by_host) {
    const auto spans = TRY(versions_of(
        browser->source(), browser->repository().bundle().keys.id_key, snapshots, path, options));
    if (spans.empty()) continue;
    if (!array && is_found) context.say("");
    if (!array) print_head(context, host, path);
    is_found = true;
    for (const VersionSpan& span : spans)
      array ? array->add(span_json(host, path, span)) : print_span(span);
  }
  if (array) {
    array->end();
    fmt::print("\n");
  } else if (!is_found && browser->exit_code() == kOk) {
    return fail(ErrorCode::not_found,
                fmt::format("no snapshot has '{}'; 'lagan find' looks for names", path));
  }
  return browser->exit_code();
}

}  // namespace

void add_versions(CLI::App& app, Context& context) {
  auto flags = std::make_shared<VersionsFlags>();
  CLI::App* command = app.add_subcommand("versions", "list every version of a file ever saved");
  command->add_option("path", flags->path, "the file, relative to the current folder or not")
      ->type_name("PATH")
      ->required();
  command->add_flag("--metadata", flags->metadata, "also where only mode, owner or times differ");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_versions(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
