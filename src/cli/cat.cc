// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "repo/index_loader.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "src/cli/context.h"
#include "src/cli/json_array.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"
#include "src/cli/snapshot_json.h"
#include "src/cli/stored_objects.h"
#include "util/base64.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

struct CatFlags {
  std::string what, which;
  SnapshotFlags filter;
};

// Packs are read in pieces of this size.
constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;

void print_indented(const Json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

const char* suite_name(std::uint32_t suite) {
  if (suite == static_cast<std::uint32_t>(Suite::aes256_gcm)) return "aes256-gcm";
  return suite == static_cast<std::uint32_t>(Suite::chacha20_poly1305) ? "chacha20-poly1305"
                                                                       : "unknown";
}

Json hex_ids(const auto& ids) {
  Json list = Json::array();
  for (const auto& id : ids) list.push_back(id.hex());
  return list;
}

Result<int> cat_config(Context& context) {
  const auto repository = TRY(context.open_repository());
  const Config& config = repository->config();
  const Bundle& bundle = repository->bundle();
  Json classes = Json::array();
  for (const SizeClass& size_class : bundle.chunker.classes) {
    classes.push_back({{"files_below", size_class.below},
                       {"min", size_class.sizes.min},
                       {"average", size_class.sizes.avg},
                       {"max", size_class.sizes.max}});
  }
  Json features = Json::array();
  for (const Feature& feature : config.features)
    features.push_back({{"name", feature.name}, {"forbids", feature.forbids}});
  Json out{{"version", bundle.format},
           {"id", repository->id().hex()},
           {"created", format_time_rfc3339(bundle.created, 0)},
           {"revision", config.revision},
           {"cipher", suite_name(config.suite)},
           {"features", std::move(features)},
           {"data_pack_target", config.data_pack_target},
           {"tree_pack_target", config.tree_pack_target},
           {"inline_max", bundle.inline_max},
           {"chunker",
            {{"prefilter_bits", bundle.chunker.prefilter_bits}, {"classes", std::move(classes)}}}};
  if (config.undelete_seconds) out["undelete_seconds"] = *config.undelete_seconds;
  print_indented(out);
  return kOk;
}

Result<int> cat_snapshot(Context& context, const CatFlags& flags) {
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  const StoredSnapshot stored = TRY(find_snapshot(list, flags.which, flags.filter.filter()));
  const Snapshot& snapshot = stored.snapshot;
  Json out = to_json(stored);
  out["root"] = Json{{"files", snapshot.root.files},
                     {"dirs", snapshot.root.dirs},
                     {"content_bytes", snapshot.root.content_bytes}};
  out["parents"] = hex_ids(snapshot.parents);
  if (snapshot.root_record) out["root_record"] = snapshot.root_record->hex();
  if (snapshot.partial) out["partial"] = true;
  if (snapshot.imported) out["imported"] = true;
  print_indented(out);
  return kOk;
}

Json pack_json(const PackEntry& pack) {
  Json blobs = Json::array();
  std::uint64_t block_offset = kHeaderSize;
  for (std::size_t number = 0; number < pack.directory.blocks.size(); ++number) {
    const Block& block = pack.directory.blocks[number];
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      blobs.push_back({{"id", block.ids[i].hex()},
                       {"type", block.kind == ChunkKind::data ? "data" : "tree"},
                       {"block", number},
                       {"block_offset", block_offset},
                       {"block_length", block.stored},
                       {"offset", offset},
                       {"uncompressed_length", block.lengths[i]}});
      offset += block.lengths[i];
    }
    block_offset += block.stored;
  }
  return {{"id", pack.name.hex()},
          {"size", pack.size},
          {"type", pack.kind == ObjectKind::data_pack ? "data" : "tree"},
          {"session", pack.directory.session.hex()},
          {"created", format_time_rfc3339(pack.directory.created, 0)},
          {"blobs", std::move(blobs)}};
}

Result<int> cat_index(Context& context, const CatFlags& flags) {
  const auto repository = TRY(context.open_repository());
  const ObjectInfo found =
      TRY(find_object(repository->storage(), {names::kIndex}, flags.which, "index segment"));
  const auto id = names::id_of<SegmentId>(found.name);
  if (!id) return fail(ErrorCode::corrupt, found.name.text() + " is no name of an index segment");
  const Segment segment = TRY(fetch_segment(*repository, *id));
  const Json head{{"supersedes", hex_ids(segment.supersedes)},
                  {"dropped", hex_ids(segment.dropped)},
                  {"session", segment.session.hex()},
                  {"created", format_time_rfc3339(segment.created, 0)}};
  std::string text = head.dump();
  text.pop_back();
  fmt::print("{},\"packs\":", text);
  JsonArray packs;
  for (const PackEntry& pack : segment.packs) packs.add(pack_json(pack));
  packs.end();
  fmt::print("}}\n");
  return kOk;
}

// The object as it is stored.
Result<int> cat_pack(Context& context, const CatFlags& flags) {
  const auto repository = TRY(context.open_repository());
  Storage& storage = repository->storage();
  const ObjectInfo pack =
      TRY(find_object(storage, {names::kData, names::kTree}, flags.which, "pack"));
  Hasher hasher;
  for (std::uint64_t offset = 0; offset < pack.size_bytes;) {
    if (context.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const std::uint64_t length = std::min(kPieceBytes, pack.size_bytes - offset);
    const Bytes piece = TRY(storage.get(pack.name, {offset, length}));
    hasher.update(piece);
    TRY(write_all(STDOUT_FILENO, piece));
    offset += length;
  }
  if (to_hex(hasher.finish()) == last_name(pack.name)) return kOk;
  return fail(ErrorCode::corrupt, pack.name.text() + " is damaged: its hash is not its name");
}

// The chunk's own bytes, verified.
Result<int> cat_blob(Context& context, const CatFlags& flags) {
  const auto id = ChunkId::from_hex(flags.which);
  if (!id) return fail(ErrorCode::invalid_argument, "write all 64 digits of the chunk's id");
  const auto repository = TRY(context.open_repository());
  const LocalIndex index = TRY(context.load_index(*repository));
  const auto at = index.find(*id);
  if (!at) return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", flags.which));
  const Bytes chunk = TRY(ChunkReader(*repository, index).load(*id, at->kind));
  TRY(write_all(STDOUT_FILENO, chunk));
  return kOk;
}

Json slices_json(const std::vector<Slice>& slices) {
  Json list = Json::array();
  for (const Slice& slice : slices) {
    Json item{{"id", slice.id ? Json(slice.id->hex()) : Json()}};
    if (slice.offset != 0) item["offset"] = slice.offset;
    item["length"] = slice.length;
    list.push_back(std::move(item));
  }
  return list;
}

// Everything that the tree holds of an entry.
Json whole_node_json(const Entry& entry) {
  Json node;
  put_text(node, "name", entry.name);
  node.update(node_json("", entry));
  if (entry.btime) node["btime"] = format_entry_time_rfc3339(*entry.btime, entry.btime_ns);
  if (entry.kind == EntryKind::directory) {
    node["subtree"] = entry.subtree.id ? Json(entry.subtree.id->hex()) : Json();
    node["files_below"] = entry.subtree.files;
    node["dirs_below"] = entry.subtree.dirs;
    node["bytes_below"] = entry.subtree.content_bytes;
  }
  if (!entry.inline_content.empty()) node["inline_b64"] = to_base64(entry.inline_content);
  if (!entry.slices.empty()) node["content"] = slices_json(entry.slices);
  if (entry.list) node["list"] = entry.list->hex();
  for (const Xattr& attribute : entry.xattrs) {
    Json shown;
    put_text(shown, "name", attribute.name);
    if (attribute.slices.empty()) {
      shown["value_b64"] = to_base64(attribute.value);
    } else {
      shown["content"] = slices_json(attribute.slices);
    }
    node["extended_attributes"].push_back(std::move(shown));
  }
  if (entry.flags != 0) node["flags"] = entry.flags;
  if (entry.project != 0) node["project"] = entry.project;
  if (entry.state != EntryState::as_read) node["state"] = static_cast<std::uint32_t>(entry.state);
  return node;
}

Result<int> cat_tree(Context& context, const CatFlags& flags) {
  const auto browser = TRY(SnapshotBrowser::open(context));
  const auto place = TRY(browser->find_folder(flags.which, flags.filter.filter()));
  const Subtree& folder = place.stored.snapshot.root;
  fmt::print("{{\"id\":\"{}\",\"nodes\":", folder.id ? folder.id->hex() : "");
  JsonArray nodes;
  const auto add = [&](std::string_view message) -> Result<void> {
    nodes.add(whole_node_json(TRY(decode_entry(as_bytes(message)))));
    return {};
  };
  if (folder.id) TRY(for_each_entry(browser->source(), *folder.id, add));
  nodes.end();
  fmt::print("}}\n");
  return browser->exit_code();
}

Result<int> cat_key(Context& context, const CatFlags& flags) {
  const auto storage = TRY(context.open_location());
  const ObjectInfo found = TRY(find_object(*storage, {names::kKeys}, flags.which, "key"));
  const Bytes object = TRY(storage->get(found.name));
  const SlotInfo slot = TRY_IN(found.name.text(), read_slot(object));
  const bool is_password = slot.kind == Credential::Kind::password;
  Json out{{"id", last_name(found.name)},
           {"repository", slot.header.repository().hex()},
           {"kind", is_password ? "password" : "recovery code"}};
  put_text(out, "label", slot.label);
  if (is_password) {
    out["kdf"] = "argon2id";
    out["memory_kib"] = slot.cost.memory_kib;
    out["passes"] = slot.cost.passes;
  }
  if (found.modified) out["created"] = format_time_rfc3339(*found.modified, 0);
  print_indented(out);
  return kOk;
}

Result<int> run_cat(Context& context, const CatFlags& flags) {
  if (flags.what == "masterkey") {
    return fail(ErrorCode::invalid_argument,
                "the secrets of a repository are never shown: who has them once can read it for "
                "ever. To keep a key in a safe place use 'lagan key export', which is still "
                "locked by its password");
  }
  if (flags.what == "config") return cat_config(context);
  static const std::map<std::string, Result<int> (*)(Context&, const CatFlags&)> kKinds = {
      {"snapshot", cat_snapshot}, {"index", cat_index}, {"pack", cat_pack},
      {"blob", cat_blob},         {"tree", cat_tree},   {"key", cat_key}};
  const auto kind = kKinds.find(flags.what);
  if (kind == kKinds.end()) {
    return fail(ErrorCode::invalid_argument,
                "cat one of config, snapshot, index, pack, blob, tree, key");
  }
  if (flags.which.empty())
    return fail(ErrorCode::invalid_argument, fmt::format("which {}? write its id", flags.what));
  return kind->second(context, flags);
}

}  // namespace

void add_cat(CLI::App& app, Context& context) {
  auto flags = std::make_shared<CatFlags>();
  CLI::App* command = app.add_subcommand("cat", "show one object of the repository");
  command->add_option("what", flags->what, "config, snapshot, index, pack, blob, tree or key")
      ->required();
  command->add_option("which", flags->which, "its id; for a tree SNAPSHOT or SNAPSHOT:PATH")
      ->type_name("ID");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_cat(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
