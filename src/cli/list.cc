// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <set>

#include "repo/names.h"
#include "src/cli/context.h"
#include "src/cli/json_array.h"
#include "src/cli/stored_objects.h"

namespace lagan::cli {
namespace {

// Ids as lines, or as one JSON array.
class IdPrinter {
 public:
  explicit IdPrinter(const Context& context) {
    if (context.globals.json) array_.emplace();
  }
  void add(std::string_view id) {
    if (array_) return array_->add(Json(std::string(id)));
    fmt::print("{}\n", id);
  }
  void add_chunk(const ChunkId& id, ChunkKind kind) {
    const char* type = kind == ChunkKind::data ? "data" : "tree";
    if (array_) return array_->add({{"id", id.hex()}, {"type", type}});
    fmt::print("{} {}\n", type, id.hex());
  }
  void finish() {
    if (!array_) return;
    array_->end();
    fmt::print("\n");
  }

 private:
  std::optional<JsonArray> array_;
};

// Where the objects of each kind lie.
const std::map<std::string, std::vector<std::string_view>>& folders() {
  static const std::map<std::string, std::vector<std::string_view>> kFolders = {
      {"packs", {names::kData, names::kTree}},
      {"index", {names::kIndex}},
      {"snapshots", {names::kSnapshots}},
      {"keys", {names::kKeys}},
      {"locks", {names::kSessions}},  // the nearest thing to one
      {"sessions", {names::kSessions}},
      {"fences", {names::kFences}},
      {"condemned", {names::kCondemned}},
      {"forgotten", {names::kForgotten}},
      {"config", {names::kConfig}}};
  return kFolders;
}

Result<void> list_chunks(Context& context, const Repository& repository, IdPrinter& printer) {
  const LocalIndex index = TRY(context.load_index(repository));
  return index.for_each_chunk([&](const ChunkId& id, const ChunkLocation& at) -> Result<void> {
    if (context.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    printer.add_chunk(id, at.kind);
    return {};
  });
}

Result<int> run_list(Context& context, const std::string& what) {
  const auto kind = folders().find(what);
  if (what != "blobs" && kind == folders().end()) {
    return fail(ErrorCode::invalid_argument,
                "list one of packs, index, snapshots, keys, blobs, sessions (locks), fences, "
                "condemned, forgotten, config");
  }
  const auto repository = TRY(context.open_repository());
  IdPrinter printer(context);
  if (what == "blobs") {
    TRY(list_chunks(context, *repository, printer));
    printer.finish();
    return kOk;
  }
  for (const std::string_view folder : kind->second) {
    // A session has several objects: its beats. Beside a snapshot there may be a mark.
    const bool has_beats = folder == names::kSessions;
    std::set<std::string, std::less<>> told;
    TRY(repository->storage().list(folder, [&](const ObjectInfo& info) -> Result<void> {
      const std::string_view name = last_name(info.name);
      const std::string_view id = name.substr(0, name.find('.'));
      if (has_beats ? told.emplace(id).second : id == name) printer.add(id);
      return {};
    }));
  }
  printer.finish();
  return kOk;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  auto what = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("list", "list the objects of the repository by id");
  command
      ->add_option("what", *what,
                   "packs, index, snapshots, keys, blobs, sessions (locks), fences, condemned, "
                   "forgotten or config")
      ->required();
  command->callback([&context, what] {
    context.run = [&context, what] {
      const auto code = run_list(context, *what);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
