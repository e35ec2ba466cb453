// SPDX-License-Identifier: Apache-2.0
#include "repo/snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <set>

#include "repo/body_cache.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/signed_memory.h"
#include "util/parallel.h"

namespace lagan {
namespace {

constexpr std::string_view kVerifiedEnding = ".ok";
constexpr Nanoseconds kDay = Nanoseconds{86'400} * 1'000'000'000;

// Over a network several at a time: each is small and costs a round trip.
void get_each(const Repository& repository, std::size_t count,
              const std::function<void(std::size_t)>& get) {
  const std::size_t threads =
      std::max<std::size_t>(1, repository.storage().capabilities().parallel_gets);
  (void)for_each_parallel(count, threads, [&](std::size_t i) -> Result<void> {
    get(i);
    return {};
  });
}

// What was forgotten, and when first.
Result<std::map<SnapshotId, Nanoseconds>> load_forgotten(const Repository& repository,
                                                         ReadFrom from,
                                                         std::vector<std::string>& damaged) {
  std::vector<ObjectName> logs;
  std::vector<std::optional<Nanoseconds>> modified;
  TRY(repository.storage().list(names::kForgotten, [&](const ObjectInfo& info) -> Result<void> {
    logs.push_back(info.name);
    modified.push_back(info.modified);
    return {};
  }));
  std::vector<Result<std::string>> messages(logs.size());
  if (from == ReadFrom::cache) {
    messages = get_signed_once(repository, ObjectKind::forgotten, names::kForgotten, logs);
  } else {
    get_each(repository, logs.size(), [&](std::size_t i) {
      messages[i] = repository.get_signed(ObjectKind::forgotten, logs[i], limits::kCondemnedBytes);
    });
  }
  std::map<SnapshotId, Nanoseconds> forgotten;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const auto decoded =
        messages[i] ? decode_forgotten(as_bytes(*messages[i])) : fail(messages[i].error());
    if (!decoded) {
      damaged.push_back(messages[i] ? logs[i].text() + ": " + decoded.error().message
                                    : decoded.error().message);
      continue;
    }
    if (decoded->unknown_fields)
      damaged.push_back(logs[i].text() + ": was written by a later version");
    const Nanoseconds when = modified[i].value_or(decoded->created);
    for (const SnapshotId& id : decoded->snapshots) {
      const auto [at, is_new] = forgotten.try_emplace(id, when);
      if (!is_new) at->second = std::min(at->second, when);
    }
  }
  return forgotten;
}

// An `.ok` that cannot be read is none.
Result<bool> is_proven(const Repository& repository, const SnapshotId& id) {
  const auto message =
      repository.get_body(ObjectKind::verified, names::verified(id), limits::kSmallBodyBytes);
  const auto mark = message ? decode_mark(as_bytes(*message)) : fail(message.error());
  if (mark) return true;
  const ErrorCode code = mark.error().code;
  if (code != ErrorCode::corrupt && code != ErrorCode::not_found && code != ErrorCode::unsupported)
    return fail(mark.error());
  return false;
}

std::vector<Result<Snapshot>> load_snapshots(const Repository& repository, const BodyCache& cache,
                                             const std::vector<SnapshotId>& ids) {
  std::vector<Result<Snapshot>> loaded(ids.size());
  get_each(repository, ids.size(), [&](std::size_t i) {
    const auto message =
        cache.get(ObjectKind::snapshot, names::snapshot(ids[i]), limits::kSnapshotBytes);
    loaded[i] = message ? decode_snapshot(as_bytes(*message)) : fail(message.error());
  });
  return loaded;
}

template <typename T>
bool contains(const std::vector<T>& all, const T& wanted) {
  return std::ranges::find(all, wanted) != all.end();
}

// N of "latest~N"; nothing if the text is something else.
std::optional<std::size_t> latest_number(std::string_view text) {
  constexpr std::string_view kLatest = "latest";
  if (!text.starts_with(kLatest)) return std::nullopt;
  text.remove_prefix(kLatest.size());
  if (text.empty()) return 0;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  if (text[0] != '~' || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

}  // namespace

Result<SnapshotList> list_snapshots(const Repository& repository, Which which, ReadFrom from) {
  SnapshotList list;
  std::set<SnapshotId> present, proven, fenced;
  std::set<std::string> listed;
  TRY(repository.storage().list(names::kSnapshots, [&](const ObjectInfo& info) -> Result<void> {
    std::string_view text = info.name.text();
    listed.insert(info.name.text());
    if (const auto id = names::id_of<SnapshotId>(info.name)) present.insert(*id);
    if (!text.ends_with(kVerifiedEnding)) return {};
    text.remove_suffix(kVerifiedEnding.size());
    if (const auto id = SnapshotId::from_hex(text.substr(names::kSnapshots.size())))
      proven.insert(*id);
    return {};
  }));
  TRY(repository.storage().list(names::kFences, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SnapshotId>(info.name)) fenced.insert(*id);
    return {};
  }));
  const auto forgotten = TRY(load_forgotten(repository, from, list.damaged_logs));
  list.damaged = list.damaged_logs;
  for (const auto& [id, when] : forgotten) list.forgotten.insert(id);
  std::vector<SnapshotId> wanted;
  for (const SnapshotId& id : present) {
    if (which != Which::remembered || !forgotten.contains(id)) wanted.push_back(id);
  }
  const BodyCache cache(repository, from == ReadFrom::cache ? names::kSnapshots : "");
  cache.keep_only(listed);
  auto loaded = load_snapshots(repository, cache, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const SnapshotId& id = wanted[i];
    const auto when = forgotten.find(id);
    const ObjectName name = names::snapshot(id);
    Result<Snapshot>& snapshot = loaded[i];
    if (snapshot && snapshot->session != id) {
      snapshot = fail(ErrorCode::corrupt, name.text() + ": names another session");
    }
    if (!snapshot) {
      if (snapshot.error().code == ErrorCode::not_found) continue;  // deleted meanwhile
      if (snapshot.error().code != ErrorCode::corrupt &&
          snapshot.error().code != ErrorCode::unsupported) {
        return fail(std::move(snapshot).error());
      }
      list.damaged.push_back(snapshot.error().message);
      list.unreadable.push_back({.id = id, .what = snapshot.error().message});
      if (when != forgotten.end()) list.unreadable.back().forgotten = when->second;
      continue;
    }
    const bool verified =
        !fenced.contains(id) || (proven.contains(id) && TRY(is_proven(repository, id)));
    list.snapshots.push_back({.id = id, .snapshot = *std::move(snapshot), .verified = verified});
    if (when != forgotten.end()) list.snapshots.back().forgotten = when->second;
  }
  std::ranges::sort(list.snapshots, [](const StoredSnapshot& a, const StoredSnapshot& b) {
    return std::tie(a.snapshot.time, a.id) < std::tie(b.snapshot.time, b.id);
  });
  return list;
}

bool matches(const SnapshotFilter& filter, const Snapshot& snapshot) {
  if (!filter.hosts.empty() && !contains(filter.hosts, snapshot.host)) return false;
  const auto has_tags = [&](const std::vector<std::string>& tags) {
    if (tags.size() == 1 && tags[0].empty()) return snapshot.tags.empty();
    return std::ranges::all_of(
        tags, [&](const std::string& tag) { return contains(snapshot.tags, tag); });
  };
  if (!filter.tag_lists.empty() && !std::ranges::any_of(filter.tag_lists, has_tags)) return false;
  return std::ranges::all_of(
      filter.paths, [&](const std::string& path) { return contains(snapshot.paths, path); });
}

Result<StoredSnapshot> find_snapshot(const SnapshotList& list, std::string_view wanted,
                                     const SnapshotFilter& filter) {
  if (const auto number = latest_number(wanted)) {
    // A clock that was wrong once must not have the last word for years.
    const Nanoseconds soon = system_now() + kDay;
    std::vector<const StoredSnapshot*> matching, of_the_future;
    for (const StoredSnapshot& stored : list.snapshots) {
      if (!matches(filter, stored.snapshot)) continue;
      (stored.snapshot.time <= soon ? matching : of_the_future).push_back(&stored);
    }
    if (matching.empty()) matching = std::move(of_the_future);  // then ours is the wrong one
    if (*number >= matching.size()) {
      return fail(ErrorCode::not_found,
                  matching.empty()
                      ? std::string("there is no snapshot that matches")
                      : fmt::format("there are only {} snapshots that match", matching.size()));
    }
    return *matching[matching.size() - 1 - *number];
  }
  std::vector<const StoredSnapshot*> fitting;
  for (const StoredSnapshot& stored : list.snapshots) {
    if (!wanted.empty() && stored.id.hex().starts_with(wanted)) fitting.push_back(&stored);
  }
  if (fitting.empty())
    return fail(ErrorCode::not_found, fmt::format("there is no snapshot {}", wanted));
  if (fitting.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} fits {} snapshots: write more of the id", wanted, fitting.size()));
  }
  return *fitting.front();
}

Result<std::vector<StoredSnapshot>> find_snapshots(const SnapshotList& list,
                                                   const std::vector<std::string>& wanted,
                                                   const SnapshotFilter& filter) {
  std::vector<StoredSnapshot> found;
  std::set<SnapshotId> seen;
  for (const std::string& text : wanted) {
    StoredSnapshot stored = TRY(find_snapshot(list, text, filter));
    if (seen.insert(stored.id).second) found.push_back(std::move(stored));
  }
  return found;
}

std::pair<std::string, std::string> split_snapshot_path(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace lagan
