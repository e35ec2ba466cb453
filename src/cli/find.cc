// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/json_array.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/chunk_search.h"
#include "src/engine/search.h"

namespace lagan::cli {
namespace {

struct FindFlags {
  std::vector<std::string> patterns, snapshots;
  SnapshotFlags filter;
  std::string oldest, newest, larger_than, smaller_than;
  bool ignore_case = false, is_long = false, human_readable = false;
  bool blobs = false, trees = false, packs = false, show_pack = false;
};

// What was found in one snapshot, as text or as one object of restic's array.
class Matches {
 public:
  Matches(const Context& context, const FindFlags& flags, JsonArray* snapshots)
      : context_(context), flags_(flags), snapshots_(snapshots) {}

  void begin(const StoredSnapshot& stored) {
    stored_ = &stored;
    hits_ = 0;
  }

  void add(const std::string& path, const Entry& entry) {
    if (hits_++ == 0) print_head();
    if (snapshots_ != nullptr) return nodes_->add(node_json(path, entry));
    fmt::print("{}\n", entry_line(path, entry, {flags_.is_long, flags_.human_readable}));
  }

  void end() {
    if (hits_ == 0 || snapshots_ == nullptr) return;
    nodes_->end();
    fmt::print(",\"hits\":{},\"snapshot\":\"{}\"}}", hits_, stored_->id.hex());
  }

 private:
  void print_head() {
    if (snapshots_ != nullptr) {
      snapshots_->begin_item();
      fmt::print("{{\"matches\":");
      nodes_.emplace();
      return;
    }
    if (!is_first_) context_.say("");
    is_first_ = false;
    context_.say(fmt::format("Found matching entries in snapshot {} from {}",
                             stored_->id.short_hex(), format_time(stored_->snapshot.time)));
  }

  const Context& context_;
  const FindFlags& flags_;
  JsonArray* const snapshots_;
  std::optional<JsonArray> nodes_;
  const StoredSnapshot* stored_ = nullptr;
  std::uint64_t hits_ = 0;
  bool is_first_ = true;
};

Result<SearchOptions> search_options(Context& context, const FindFlags& flags) {
  SearchOptions options;
  for (const std::string& text : flags.patterns)
    options.patterns.push_back(TRY(PathPattern::parse(text, flags.ignore_case)));
  if (!flags.oldest.empty()) options.oldest = TRY_IN("--oldest", parse_time(flags.oldest));
  if (!flags.newest.empty()) options.newest = TRY_IN("--newest", parse_time(flags.newest));
  if (!flags.larger_than.empty())
    options.larger_than = TRY_IN("--larger-than", parse_size(flags.larger_than));
  if (!flags.smaller_than.empty())
    options.smaller_than = TRY_IN("--smaller-than", parse_size(flags.smaller_than));
  options.is_stopped = [&context] { return context.is_stopped(); };
  return options;
}

Result<void> find_paths(Context& context, const FindFlags& flags, SnapshotBrowser& browser,
                        const std::vector<StoredSnapshot>& snapshots, JsonArray* array) {
  const SearchOptions options = TRY(search_options(context, flags));
  Matches matches(context, flags, array);
  const SearchVisitor visitor{
      .found = [&](const std::string& path, const Entry& entry) -> Result<void> {
        matches.add(path, entry);
        return {};
      },
      .trouble = browser.trouble()};
  Search search(browser.source(), options, visitor);
  for (const StoredSnapshot& stored : snapshots) {
    matches.begin(stored);
    TRY(search.look_through(stored.snapshot));
    matches.end();
  }
  return {};
}

// The chunks of the packs whose ids begin so.
Result<WantedChunks> chunks_of_packs(const LocalIndex& index,
                                     const std::vector<std::string>& wanted) {
  TRY(WantedChunks::parse(wanted));  // refuses what is no id
  std::vector<PackId> packs;
  TRY(index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    const std::string hex = pack.name.hex();
    if (std::ranges::any_of(wanted, [&](const auto& text) { return hex.starts_with(text); }))
      packs.push_back(pack.name);
    return {};
  }));
  if (packs.empty()) return fail(ErrorCode::not_found, "the index lists no such pack");
  WantedChunks chunks;
  for (const PackId& pack : packs) {
    const PackEntry entry = TRY(index.pack_entry(pack));
    for (const Block& block : entry.directory.blocks)
      for (const ChunkId& id : block.ids) chunks.add(id);
  }
  return chunks;
}

void print_pack(const Context& context, const LocalIndex& index, const ChunkId& id) {
  const auto at = index.find(id);
  if (!at) return context.warn(fmt::format("chunk {} is in no index", id.short_hex()));
  fmt::print(
      "Object belongs to pack {}\n ... block {} at offset {}, length {}; in it offset {}, "
      "length {}\n",
      at->pack.hex(), at->block_number, at->block_offset, at->stored, at->chunk_offset,
      at->chunk_length);
}

Json chunk_json(const ChunkSearchVisitor::Found& found, const StoredSnapshot& stored,
                const std::optional<PackId>& pack) {
  Json item{{"object_type", found.kind == ChunkKind::directory ? "tree" : "blob"},
            {"id", found.id.hex()}};
  put_text(item, "path", found.path);
  if (found.folder) item["parent_tree"] = found.folder->hex();
  item["snapshot"] = stored.id.hex();
  item["time"] = format_time_rfc3339(stored.snapshot.time, stored.snapshot.utc_offset_minutes);
  if (pack) item["pack"] = pack->hex();
  return item;
}

void print_chunk(const ChunkSearchVisitor::Found& found, const StoredSnapshot& stored) {
  if (found.kind == ChunkKind::directory) {
    fmt::print("Found tree {}\n ... path {}\n", found.id.hex(), printable(found.path));
  } else {
    fmt::print("Found blob {}\n ... in file {}\n", found.id.hex(), printable(found.path));
    if (found.folder) fmt::print("     (tree {})\n", found.folder->hex());
  }
  fmt::print(" ... in snapshot {} ({})\n", stored.id.short_hex(),
             format_time(stored.snapshot.time));
}

Result<void> find_chunks(Context& context, const FindFlags& flags, SnapshotBrowser& browser,
                         const std::vector<StoredSnapshot>& snapshots, JsonArray* array) {
  const LocalIndex& index = browser.index();
  const WantedChunks wanted = TRY(flags.packs ? chunks_of_packs(index, flags.patterns)
                                              : WantedChunks::parse(flags.patterns));
  const StoredSnapshot* current = nullptr;
  const ChunkSearchVisitor visitor{
      .found = [&](const ChunkSearchVisitor::Found& found) -> Result<void> {
        const bool is_tree = found.kind == ChunkKind::directory;
        if (!flags.packs && !(is_tree ? flags.trees : flags.blobs)) return {};
        const auto at = flags.show_pack ? index.find(found.id) : std::nullopt;
        if (array != nullptr) {
          array->add(chunk_json(found, *current, at ? std::optional(at->pack) : std::nullopt));
          return {};
        }
        print_chunk(found, *current);
        if (flags.show_pack) print_pack(context, index, found.id);
        return {};
      },
      .trouble = browser.trouble(),
      .is_stopped = [&context] { return context.is_stopped(); }};
  ChunkSearch search(browser.source(), wanted, visitor);
  for (const StoredSnapshot& stored : snapshots) {
    current = &stored;
    TRY(search.look_through(stored.snapshot));
  }
  return {};
}

Result<int> run_find(Context& context, const FindFlags& flags) {
  const bool for_chunks = flags.blobs || flags.trees || flags.packs;
  if (flags.packs && (flags.blobs || flags.trees))
    return fail(ErrorCode::invalid_argument, "--pack goes with neither --blob nor --tree");
  const bool asks_for_files = !flags.oldest.empty() || !flags.newest.empty() ||
                              !flags.larger_than.empty() || !flags.smaller_than.empty();
  if (for_chunks && asks_for_files) {
    return fail(ErrorCode::invalid_argument,
                "times and sizes go with names: leave out --blob, --tree and --pack");
  }
  if (!for_chunks) TRY(search_options(context, flags));  // refuses before it asks for a password
  const auto browser = TRY(SnapshotBrowser::open(context));
  auto snapshots = TRY(browser->choose(flags.snapshots, flags.filter.filter()));
  std::ranges::reverse(snapshots);  // restic begins with the newest
  std::optional<JsonArray> array;
  if (context.globals.json) array.emplace();
  JsonArray* const to = array ? &*array : nullptr;
  TRY(for_chunks ? find_chunks(context, flags, *browser, snapshots, to)
                 : find_paths(context, flags, *browser, snapshots, to));
  if (array) {
    array->end();
    fmt::print("\n");
  }
  return browser->exit_code();
}

}  // namespace

void add_find(CLI::App& app, Context& context) {
  auto flags = std::make_shared<FindFlags>();
  CLI::App* command = app.add_subcommand("find", "find files, folders or chunks in the snapshots");
  command
      ->add_option("patterns", flags->patterns,
                   "what paths look like (as --exclude of backup has it), or ids")
      ->type_name("PATTERN")
      ->required();
  command->add_flag("-i,--ignore-case", flags->ignore_case, "upper and lower case alike");
  command->add_flag("-l,--long", flags->is_long, "with mode, owner, size and time");
  command->add_flag("--human-readable", flags->human_readable, "sizes as 1.234 MiB");
  command->add_option("-s,--snapshot", flags->snapshots, "only in this one (may be repeated)")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("-O,--oldest", flags->oldest, "only what was changed at TIME or later")
      ->type_name("TIME");
  command->add_option("-N,--newest", flags->newest, "only what was changed at TIME or before")
      ->type_name("TIME");
  command->add_option("--larger-than", flags->larger_than, "only files larger than SIZE")
      ->type_name("SIZE");
  command->add_option("--smaller-than", flags->smaller_than, "only files smaller than SIZE")
      ->type_name("SIZE");
  command->add_flag("--blob", flags->blobs, "find which files have these chunks");
  command->add_flag("--tree", flags->trees, "find which folders have these chunks");
  command->add_flag("--pack", flags->packs, "find what has its chunks in these packs");
  command->add_flag("--show-pack-id", flags->show_pack, "with the pack that each chunk is in");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_find(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
