// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"
#include "src/cli/snapshot_json.h"
#include "src/engine/tree_path.h"

namespace lagan::cli {
namespace {

struct LsFlags {
  std::string snapshot;
  std::vector<std::string> folders;
  SnapshotFlags filter;
  bool is_long = false, recursive = false, human_readable = false, ncdu = false, reverse = false;
  bool birth = false;
  std::string sort = "name";
};

// Entries on their way to stdout: at once, or when all are there if they are to be sorted.
class Listing {
 public:
  using Less = bool (*)(const std::pair<std::string, Entry>&, const std::pair<std::string, Entry>&);

  Listing(const Context& context, const LsFlags& flags, Less less)
      : context_(context), flags_(flags), less_(less) {}

  void add(const std::string& path, const Entry& entry) {
    if (less_ == nullptr && !flags_.reverse) return print(path, entry);
    kept_.emplace_back(path, entry);
    // What is not shown may be long.
    Entry& kept = kept_.back().second;
    kept.slices = {};
    kept.inline_content = {};
    kept.xattrs = {};
  }

  void finish() {
    if (less_ != nullptr) std::ranges::stable_sort(kept_, less_);
    if (flags_.reverse) std::ranges::reverse(kept_);
    for (const auto& [path, entry] : kept_) print(path, entry);
  }

 private:
  void print(const std::string& path, const Entry& entry) {
    if (!context_.globals.json) {
      fmt::print("{}\n",
                 entry_line(path, entry,
                            {flags_.is_long || flags_.birth, flags_.human_readable, flags_.birth}));
      return;
    }
    Json node;
    put_text(node, "name", entry.name);
    node.update(node_json(path, entry));
    node["struct_type"] = "node";
    node["message_type"] = "node";
    context_.print_json(node);
  }

  const Context& context_;
  const LsFlags& flags_;
  const Less less_;
  std::vector<std::pair<std::string, Entry>> kept_;
};

std::string_view extension(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot);
}

// Nothing for the order they come in, which is by name.
Result<Listing::Less> order_of(const std::string& sort) {
  using Pair = std::pair<std::string, Entry>;
  if (sort == "name") return nullptr;
  if (sort == "size")
    return +[](const Pair& a, const Pair& b) { return a.second.size < b.second.size; };
  if (sort == "time" || sort == "mtime")
    return +[](const Pair& a, const Pair& b) {
      return std::pair(a.second.mtime, a.second.mtime_ns) <
             std::pair(b.second.mtime, b.second.mtime_ns);
    };
  if (sort == "extension")
    return +[](const Pair& a, const Pair& b) { return extension(a.first) < extension(b.first); };
  return fail(ErrorCode::invalid_argument, "--sort is one of name, size, time, extension");
}

using Folders = std::vector<std::pair<std::string, Entry>>;

// The given folders, or the root.
Result<Folders> find_folders(const SnapshotBrowser& browser, const Snapshot& snapshot,
                             const std::vector<std::string>& wanted) {
  Folders folders;
  for (const std::string& folder : wanted) {
    if (!folder.starts_with('/')) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("write folders from the root of the snapshot: /{}", folder));
    }
    std::string path = clean_path(folder);
    folders.emplace_back(path, TRY(entry_at(browser.source(), snapshot, path)));
  }
  if (wanted.empty()) folders.emplace_back("", TRY(entry_at(browser.source(), snapshot, "")));
  return folders;
}

Result<void> list_entries(Context& context, SnapshotBrowser& browser, const Folders& folders,
                          bool goes_down, Listing& listing) {
  const TreeVisitor visitor{
      .each = [&](const std::string& path, const Entry& entry) -> Result<bool> {
        if (context.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
        listing.add(path, entry);
        return goes_down;
      },
      .trouble = browser.trouble()};
  for (const auto& [path, entry] : folders) {
    if (!path.empty()) listing.add(path, entry);
    TRY(visit_tree(browser.source(), entry.subtree, path, visitor));
  }
  return {};
}

// https://dev.yorhel.nl/ncdu/jsonfmt: folders are arrays that begin with themselves.
class NcduWriter {
 public:
  NcduWriter(Context& context, SnapshotBrowser& browser) : context_(context), browser_(browser) {}

  Result<void> write(const StoredSnapshot& stored) {
    fmt::print("[1, 2, {}, [{{\"name\":\"/\"}}", text_of(to_json(stored)));
    TRY(write_folder(stored.snapshot.root, ""));
    fmt::print("]]\n");
    return {};
  }

 private:
  static std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  Result<void> write_folder(const Subtree& folder, const std::string& path) {
    const TreeVisitor visitor{
        .each = [&](const std::string& below, const Entry& entry) -> Result<bool> {
          if (context_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
          const bool is_folder = entry.kind == EntryKind::directory;
          fmt::print(",\n{}{}", is_folder ? "[" : "", text_of(node(entry)));
          if (is_folder) {
            TRY(write_folder(entry.subtree, below));
            fmt::print("]");
          }
          return false;
        },
        .trouble = browser_.trouble()};
    return visit_tree(browser_.source(), folder, path, visitor, depth_of(path));
  }

  static std::size_t depth_of(const std::string& path) {
    return static_cast<std::size_t>(std::ranges::count(path, '/'));
  }

  static Json node(const Entry& entry) {
    Json out;
    put_text(out, "name", entry.name);
    out.update(Json{{"asize", entry.size},
                    {"dsize", (entry.size + 511) / 512 * 512},
                    {"dev", 0},
                    {"ino", entry.hardlink.value_or(0)},
                    {"notreg", entry.kind != EntryKind::file && entry.kind != EntryKind::directory},
                    {"uid", entry.uid},
                    {"gid", entry.gid},
                    {"mode", entry.mode & 07777},
                    {"mtime", entry.mtime}});
    if (entry.hardlink) out["hlnkc"] = true;
    return out;
  }

  Context& context_;
  SnapshotBrowser& browser_;
};

Result<int> run_ls(Context& context, const LsFlags& flags) {
  const Listing::Less order = TRY(order_of(flags.sort));
  if (flags.ncdu && (flags.sort != "name" || flags.reverse || !flags.folders.empty())) {
    return fail(ErrorCode::invalid_argument,
                "--ncdu shows a whole tree: it goes with neither folders, --sort nor --reverse");
  }
  const auto browser = TRY(SnapshotBrowser::open(context));
  const auto place = TRY(browser->find(flags.snapshot, flags.filter.filter()));
  const StoredSnapshot& stored = place.stored;
  if (flags.ncdu) {
    TRY(NcduWriter(context, *browser).write(stored));
    return browser->exit_code();
  }
  Folders folders;
  if (place.entry.kind != EntryKind::directory) {
    folders.emplace_back("/" + place.entry.name, place.entry);
  } else {
    folders = TRY(find_folders(*browser, stored.snapshot, flags.folders));
  }
  if (context.globals.json) {
    Json head = to_json(stored);
    head["struct_type"] = "snapshot";
    head["message_type"] = "snapshot";
    context.print_json(head);
  } else {
    context.say(fmt::format("snapshot {} of [{}] at {} by {}@{}:", stored.id.short_hex(),
                            printable(fmt::format("{}", fmt::join(stored.snapshot.paths, ", "))),
                            format_time(stored.snapshot.time), stored.snapshot.user,
                            stored.snapshot.host));
  }
  Listing listing(context, flags, order);
  const bool goes_down = flags.recursive || flags.folders.empty();
  TRY(list_entries(context, *browser, folders, goes_down, listing));
  listing.finish();
  return browser->exit_code();
}

}  // namespace

void add_ls(CLI::App& app, Context& context) {
  auto flags = std::make_shared<LsFlags>();
  CLI::App* command = app.add_subcommand("ls", "list the files of a snapshot");
  command
      ->add_option("snapshot", flags->snapshot,
                   "`latest`, an id or its beginning, with :PATH only what is below PATH")
      ->required();
  command->add_option("folders", flags->folders, "only what lies directly in these folders")
      ->type_name("FOLDER");
  command->add_flag("-l,--long", flags->is_long, "with mode, owner, size and time");
  command->add_flag("--birth", flags->birth,
                    "the same, with the time of birth behind that of the last change");
  command->add_flag("-R,--recursive", flags->recursive,
                    "with folders given: also what lies deeper in them");
  command->add_flag("--human-readable", flags->human_readable, "sizes as 1.234 MiB");
  command->add_option("-s,--sort", flags->sort, "by name, size, time or extension");
  command->add_flag("--reverse", flags->reverse, "the other way round");
  command->add_flag("--ncdu", flags->ncdu, "as JSON for the disk usage browser ncdu");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_ls(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
