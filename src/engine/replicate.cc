// SPDX-License-Identifier: Apache-2.0
#include "src/engine/replicate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <tuple>
#include <vector>

#include "crypto/hash.h"
#include "repo/boot_record.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "util/parallel.h"

namespace lagan {
namespace {

constexpr int kLooks = 10;
// Packs at a time: each is in memory as a whole.
constexpr std::size_t kPacksAtATime = 4;

using Objects = std::map<ObjectName, ObjectInfo>;

Result<Objects> list_objects(Storage& storage, std::initializer_list<std::string_view> folders) {
  Objects found;
  for (const std::string_view folder : folders) {
    TRY(storage.list(folder, [&](const ObjectInfo& info) -> Result<void> {
      found.emplace(info.name, info);
      return {};
    }));
  }
  return found;
}

bool includes(const Objects& all, const Objects& some) {
  return std::ranges::all_of(some, [&](const auto& each) { return all.contains(each.first); });
}

bool is_in(const ObjectName& name, std::string_view folder) {
  return name.text().starts_with(folder);
}

// Names of packs and segments are the hashes of their bytes.
bool is_named_by_hash(const ObjectName& name) {
  return is_in(name, names::kData) || is_in(name, names::kTree) || is_in(name, names::kIndex);
}

// The source as it was at some moment, as far as listings can tell.
struct Picture {
  Objects packs, segments;
  Objects logs;       // condemned and forgotten packs and snapshots, fences
  Objects snapshots;  // and what proves them
};

class Replication {
 public:
  Replication(Storage& source, Storage& mirror, const ReplicateOptions& options, Observer& observer)
      : source_(source), mirror_(mirror), options_(options), observer_(observer) {}

  Result<ReplicateResult> run();

 private:
  Result<void> prepare();
  Result<Picture> look() const;
  Result<Objects> list_mirror(std::initializer_list<std::string_view> folders);
  Result<void> remove_cut(Objects& there, const Objects& originals);
  Result<bool> carry_over(const Picture& picture);
  Result<void> copy_all(const Objects& objects, const Objects& there, std::size_t at_a_time);
  Result<void> copy_segments(const Objects& segments, const Objects& there);
  Result<void> copy(const ObjectInfo& object);
  Result<void> check_stored(const ObjectName& name, ByteSpan bytes);
  Result<void> remove_gone(const Objects& there, const Objects& wanted);
  Result<void> check_stopped() const {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    return {};
  }
  std::size_t small_at_a_time() const {
    return std::max<std::size_t>(
        {1, source_.capabilities().parallel_gets, mirror_.capabilities().parallel_gets});
  }

  Storage& source_;
  Storage& mirror_;
  const ReplicateOptions& options_;
  Observer& observer_;
  std::atomic<std::uint64_t> copied_ = 0, bytes_ = 0, damaged_ = 0;
  bool is_new_ = false;  // the mirror was no repository
  // Something that makes the picture wrong has gone from the source since it was made.
  std::atomic<bool> has_moved_ = false;
  ReplicateResult result_;
};

Result<ReplicateResult> Replication::run() {
  TRY(prepare());
  for (int look_number = 0; look_number < kLooks; ++look_number) {
    observer_.begin(Phase::index);
    const Picture picture = TRY(look());
    has_moved_ = false;
    if (!TRY(carry_over(picture))) continue;
    result_.copied = copied_;
    result_.bytes = bytes_;
    result_.damaged = damaged_;
    return result_;
  }
  return fail(ErrorCode::unavailable,
              "the source is being collected each time it is looked at: try again later");
}

// First what makes it a repository, without any snapshot; so that a run that was interrupted finds
// out that it goes on with its own.
Result<void> Replication::prepare() {
  const Boot boot = TRY_IN("source", read_boot_record(source_));
  const auto there = read_boot_record(mirror_);
  if (there && there->repository != boot.repository) {
    return fail(
        ErrorCode::already_exists,
        fmt::format("{} holds another repository: name an empty place", mirror_.description()));
  }
  if (!there && there.error().code != ErrorCode::no_repository)
    return fail(std::move(there.error()));
  is_new_ = !there.has_value();
  if (!options_.dry_run) TRY(mirror_.create());
  const Objects settings = TRY(list_objects(source_, {names::kKeys, names::kConfig}));
  const Objects own = TRY(list_mirror({names::kKeys, names::kConfig}));
  if (!there && !includes(settings, own)) {
    return fail(ErrorCode::already_exists,
                fmt::format("{} holds keys of another repository: name an empty place",
                            mirror_.description()));
  }
  TRY(copy_all(settings, own, small_at_a_time()));
  if (!there) TRY(copy({.name = names::boot()}));
  // A key that was taken away opens the mirror no longer, either.
  if (options_.remove_gone) TRY(remove_gone(own, settings));
  return {};
}

// What is needed by whatever is here was listed after it, and nothing that was there before has
// gone meanwhile; else it would be a picture of two moments.
Result<Picture> Replication::look() const {
  const auto list_packs = [&] { return list_objects(source_, {names::kTree, names::kData}); };
  const auto list_snapshots = [&] { return list_objects(source_, {names::kSnapshots}); };
  Objects packs_before = TRY(list_packs());
  for (int look_number = 0; look_number < kLooks; ++look_number) {
    TRY(check_stopped());
    Picture picture;
    const Objects snapshots_before = TRY(list_snapshots());
    picture.logs =
        TRY(list_objects(source_, {names::kFences, names::kForgotten, names::kCondemned}));
    picture.segments = TRY(list_objects(source_, {names::kIndex}));
    picture.packs = TRY(list_packs());
    const Objects segments_after = TRY(list_objects(source_, {names::kIndex}));
    // One that was deleted before the index was listed may need what that no longer has.
    picture.snapshots = TRY(list_snapshots());
    std::erase_if(picture.snapshots,
                  [&](const auto& each) { return !snapshots_before.contains(each.first); });
    if (includes(picture.packs, packs_before) && includes(segments_after, picture.segments))
      return picture;
    packs_before = std::move(picture.packs);
  }
  return fail(
      ErrorCode::unavailable,
      "the source lists other packs each time: a collection may be at work; try again later");
}

// False if the source has moved on: it is to be looked at again.
Result<bool> Replication::carry_over(const Picture& picture) {
  Objects packs = TRY(list_mirror({names::kTree, names::kData}));
  Objects segments = TRY(list_mirror({names::kIndex}));
  const Objects logs = TRY(list_mirror({names::kFences, names::kForgotten, names::kCondemned}));
  Objects snapshots = TRY(list_mirror({names::kSnapshots}));
  TRY(remove_cut(packs, picture.packs));
  TRY(remove_cut(segments, picture.segments));

  observer_.begin(Phase::packs);
  for (const auto& [name, info] : picture.packs) {
    if (packs.contains(name)) continue;
    ++observer_.progress.files_total;
    observer_.progress.bytes_total += info.size_bytes;
  }
  TRY(copy_all(picture.packs, packs, kPacksAtATime));
  if (has_moved_) return false;
  // Before what was forgotten goes, or it would look lost; and fences before what they distrust.
  TRY(copy_all(picture.logs, logs, small_at_a_time()));

  // The segments to come may no longer have what only these need.
  if (!includes(picture.snapshots, snapshots)) {
    if (options_.remove_gone) {
      TRY(remove_gone(snapshots, picture.snapshots));
      snapshots = TRY(list_mirror({names::kSnapshots}));
    }
    if (!includes(picture.snapshots, snapshots) && !options_.dry_run) {
      // Written to the source meanwhile, by way of another replication: the next look has them.
      if (options_.remove_gone) return false;
      return fail(
          ErrorCode::already_exists,
          fmt::format(
              "{} has snapshots that the source has no longer: give --delete to delete them "
              "there too, or see whether source and mirror are the right way round",
              mirror_.description()));
    }
  }
  TRY(copy_segments(picture.segments, segments));
  if (has_moved_) return false;
  TRY(copy_all(picture.snapshots, snapshots, small_at_a_time()));
  result_.snapshots =
      static_cast<std::uint64_t>(std::ranges::count_if(picture.snapshots, [](const auto& each) {
        return names::id_of<SnapshotId>(each.first).has_value();
      }));
  result_.already_there = 0;
  const auto note_kept = [&](const Objects& wanted, const Objects& there) {
    result_.already_there += static_cast<std::uint64_t>(std::ranges::count_if(
        wanted, [&](const auto& each) { return there.contains(each.first); }));
  };
  note_kept(picture.packs, packs);
  note_kept(picture.segments, segments);
  note_kept(picture.logs, logs);
  note_kept(picture.snapshots, snapshots);
  if (!options_.remove_gone) return true;
  observer_.begin(Phase::remove);
  TRY(remove_gone(segments, picture.segments));
  TRY(remove_gone(packs, picture.packs));
  return true;
}

Result<Objects> Replication::list_mirror(std::initializer_list<std::string_view> folders) {
  if (is_new_ && options_.dry_run) return Objects();
  return list_objects(mirror_, folders);
}

// What has another size there is no such object, whatever its name says.
Result<void> Replication::remove_cut(Objects& there, const Objects& originals) {
  for (auto at = there.begin(); at != there.end();) {
    const auto original = originals.find(at->first);
    if (original == originals.end() || original->second.size_bytes == at->second.size_bytes) {
      ++at;
      continue;
    }
    if (!options_.dry_run) TRY(mirror_.remove(at->first));
    at = there.erase(at);
  }
  return {};
}

Result<void> Replication::copy_all(const Objects& objects, const Objects& there,
                                   std::size_t at_a_time) {
  std::vector<const ObjectInfo*> missing;
  for (const auto& [name, info] : objects) {
    if (!there.contains(name)) missing.push_back(&info);
  }
  return for_each_parallel(missing.size(), at_a_time, [&](std::size_t i) -> Result<void> {
    TRY(check_stopped());
    return copy(*missing[i]);
  });
}

// In the order in which they were written, one after the other: one that drops packs comes behind
// the one that lists the copies of what was needed in them.
Result<void> Replication::copy_segments(const Objects& segments, const Objects& there) {
  std::vector<const ObjectInfo*> missing;
  for (const auto& [name, info] : segments) {
    if (!there.contains(name)) missing.push_back(&info);
  }
  std::ranges::stable_sort(missing, {},
                           [](const ObjectInfo* info) { return info->modified.value_or(0); });
  for (const ObjectInfo* info : missing) {
    TRY(check_stopped());
    TRY(copy(*info));
  }
  return {};
}

Result<void> Replication::copy(const ObjectInfo& object) {
  const ObjectName& name = object.name;
  if (options_.dry_run) {
    ++copied_;
    bytes_ += object.size_bytes;
    return {};
  }
  auto bytes = source_.get(name);
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    // Snapshots expire, and logs say nothing about what is there; the others are missed.
    if (is_named_by_hash(name)) has_moved_ = true;
    return {};
  }
  if (!bytes) return fail(std::move(bytes).error().in("source: " + name.text()));
  if (is_named_by_hash(name) && names::id_of<PackId>(name) != PackId{hash(*bytes)}) {
    ++damaged_;
    ++observer_.progress.errors;
    observer_.trouble(name.text(),
                      Error{ErrorCode::corrupt,
                            "does not match its name, and was left out: 'lagan check --read-data' "
                            "of the source says what to do"});
    return {};
  }
  TRY_IN(name.text(), mirror_.put(name, *bytes));
  TRY(check_stored(name, *bytes));
  ++copied_;
  bytes_ += bytes->size();
  ++observer_.progress.files_done;
  observer_.progress.bytes_done += bytes->size();
  return {};
}

Result<void> Replication::check_stored(const ObjectName& name, ByteSpan bytes) {
  if (mirror_.capabilities().put_is_verified) return {};
  auto stored = mirror_.get(name);
  if (!stored) return fail(std::move(stored).error().in("read back " + name.text()));
  if (std::ranges::equal(stored->span(), bytes)) return {};
  // The next run would take it for what it should be.
  (void)mirror_.remove(name);
  return fail(ErrorCode::corrupt, fmt::format("{}: {} gives back other bytes than it was given",
                                              name.text(), mirror_.description()));
}

// A listing that is short, or older than what somebody else has copied meanwhile, deletes nothing.
Result<void> Replication::remove_gone(const Objects& there, const Objects& wanted) {
  std::vector<const ObjectName*> gone;
  for (const auto& [name, info] : there) {
    if (!wanted.contains(name)) gone.push_back(&name);
  }
  // A snapshot before what proves it, which sorts behind it: so it is never one that is not proven.
  std::atomic<std::uint64_t> removed = 0;
  const bool are_snapshots = !gone.empty() && is_in(*gone.front(), names::kSnapshots);
  const auto remove_one = [&](std::size_t i) -> Result<void> {
    TRY(check_stopped());
    const auto original = source_.stat(*gone[i]);
    if (original) return {};
    if (original.error().code != ErrorCode::not_found) return fail(original.error());
    if (!options_.dry_run) TRY(mirror_.remove(*gone[i]));
    ++removed;
    return {};
  };
  TRY(for_each_parallel(gone.size(), are_snapshots ? 1 : small_at_a_time(), remove_one));
  result_.removed += removed;
  return {};
}

}  // namespace

Result<ReplicateResult> replicate(Storage& source, Storage& mirror, const ReplicateOptions& options,
                                  Observer& observer) {
  return Replication(source, mirror, options, observer).run();
}

}  // namespace lagan
