// SPDX-License-Identifier: Apache-2.0
#include "src/engine/versions.h"

#include <algorithm>
#include <map>

#include "repo/entry_compare.h"
#include "repo/pack_reader.h"

namespace lagan {
namespace {

// One path, looked up in many snapshots.
class PathLookup {
 public:
  PathLookup(const ChunkSource& source, std::string_view path) : source_(source) {
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      if (const std::string_view name = path.substr(0, slash); !name.empty())
        steps_.push_back({std::string(name), {}});
      path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
  }

  Result<std::optional<Entry>> find(const Snapshot& snapshot) {
    Entry root;
    root.kind = EntryKind::directory;
    root.subtree = snapshot.root;
    std::optional<Entry> at = root;
    for (Step& step : steps_) {
      if (!at || at->kind != EntryKind::directory || !at->subtree.id) return std::nullopt;
      const ChunkId folder = *at->subtree.id;
      auto known = step.found.find(folder);
      if (known == step.found.end())
        known = step.found.emplace(folder, TRY(find_entry(source_, folder, step.name))).first;
      at = known->second;
    }
    return at;
  }

 private:
  struct Step {
    std::string name;
    std::map<ChunkId, std::optional<Entry>> found;  // by the folder that was opened
  };
  const ChunkSource& source_;
  std::vector<Step> steps_;
};

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

// Was it asked to save the path, or something in it?
bool covers(const Snapshot& snapshot, const std::string& path) {
  return std::ranges::any_of(snapshot.paths, [&](const std::string& saved) {
    return is_at_or_below(path, saved) || is_at_or_below(saved, path);
  });
}

}  // namespace

Result<std::vector<VersionSpan>> versions_of(const ChunkSource& source, const SecretKey& id_key,
                                             const std::vector<StoredSnapshot>& snapshots,
                                             const std::string& path,
                                             const VersionOptions& options) {
  PathLookup lookup(source, path);
  std::map<std::string, std::size_t> numbers;  // by what makes a version
  std::vector<VersionSpan> spans;
  for (const StoredSnapshot& stored : snapshots) {
    if (options.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const auto found = lookup.find(stored.snapshot);
    if (!found) {
      options.trouble("snapshot " + stored.id.short_hex(), found.error());
      continue;
    }
    if (!*found && (spans.empty() || !covers(stored.snapshot, path))) continue;
    VersionSpan span{*found, 0, {}, stored, stored, 1};
    if (*found) {
      const std::string content = content_of(**found);
      span.content_id = chunk_id(id_key, ChunkKind::data, as_bytes(content));
      const std::string version = content + (options.metadata ? attributes_of(**found) : "");
      span.number = numbers.emplace(version, numbers.size() + 1).first->second;
    }
    if (spans.empty() || spans.back().number != span.number) {
      spans.push_back(std::move(span));
    } else {
      spans.back().last = stored;
      ++spans.back().snapshots;
    }
  }
  return spans;
}

}  // namespace lagan
