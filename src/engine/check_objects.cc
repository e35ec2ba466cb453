// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check_objects.h"

#include <algorithm>
#include <map>

#include "repo/boot_record.h"
#include "repo/limits.h"
#include "util/parallel.h"
#include "src/engine/seen_snapshots.h"

namespace lagan {
namespace {

constexpr std::string_view kVerifiedEnding = ".ok";
constexpr std::uint32_t kForbidsWrite = 2;

// Most errors say which object they are about; the finding does so too.
std::string without_name(const ObjectName& name, std::string message) {
  const std::string prefix = name.text() + ": ";
  while (message.starts_with(prefix)) message.erase(0, prefix.size());
  return message;
}

class ObjectCheck {
 public:
  ObjectCheck(const Repository& repository, std::size_t threads, CheckLog& log)
      : repository_(repository), threads_(threads), log_(log), seen_(repository) {}

  Result<CheckedObjects> run();

 private:
  using Read = std::function<Result<void>(const ObjectName&)>;

  Result<void> check_boot_record();
  Result<void> check_keys();
  Result<void> check_configs();
  Result<void> read_snapshots();
  Result<void> read_forgotten();
  Result<void> read_fences();
  Result<void> read_condemned();
  Result<void> read_sessions();
  void find_missing_snapshots();
  void finish_snapshots();

  Result<std::vector<ObjectName>> list(std::string_view prefix);
  Result<void> read_each(const std::vector<ObjectName>& names, Severity severity, const Read& read);
  Result<void> read_mark(const ObjectName& name, ObjectKind kind, const SnapshotId& id);
  void note_unknown(const ObjectName& name);

  const Repository& repository_;
  const std::size_t threads_;
  CheckLog& log_;
  SeenSnapshots seen_;  // read before the listing: a backup may end meanwhile
  CheckedObjects found_;
  Mutex mutex_;  // of what several threads read
  std::map<SnapshotId, Snapshot> snapshots_ GUARDED_BY(mutex_);
  std::set<SnapshotId> verified_ GUARDED_BY(mutex_);
  std::set<SnapshotId> fenced_;
};

Result<CheckedObjects> ObjectCheck::run() {
  TRY(check_boot_record());
  TRY(check_keys());
  TRY(check_configs());
  TRY(read_snapshots());
  TRY(read_forgotten());
  TRY(read_fences());
  TRY(read_condemned());
  TRY(read_sessions());
  find_missing_snapshots();
  finish_snapshots();
  return std::move(found_);
}

Result<std::vector<ObjectName>> ObjectCheck::list(std::string_view prefix) {
  std::vector<ObjectName> names;
  TRY(repository_.storage().list(prefix, [&](const ObjectInfo& info) -> Result<void> {
    names.push_back(info.name);
    return {};
  }));
  std::ranges::sort(names);
  return names;
}

// What cannot be read is a finding about that object, and the others are read all the same.
Result<void> ObjectCheck::read_each(const std::vector<ObjectName>& names, Severity severity,
                                    const Read& read) {
  return for_each_parallel(names.size(), threads_, [&](std::size_t i) -> Result<void> {
    auto done = read(names[i]);
    if (done) return {};
    if (ends_check(done.error())) return done;
    if (done.error().code == ErrorCode::not_found) return {};  // deleted since it was listed
    log_.add(severity, names[i].text(), without_name(names[i], done.error().message));
    return {};
  });
}

void ObjectCheck::note_unknown(const ObjectName& name) {
  log_.note(name.text(), "is none of lagan's objects");
}

Result<void> ObjectCheck::check_boot_record() {
  const std::string where(names::kBoot);
  const auto boot = read_boot_record(repository_.storage());
  if (!boot && ends_check(boot.error()) && boot.error().code != ErrorCode::no_repository)
    return fail(boot.error());
  if (!boot) {
    log_.error(where,
               boot.error().code == ErrorCode::no_repository ? "is missing" : boot.error().message);
  } else if (boot->repository != repository_.id() ||
             boot->created != repository_.bundle().created) {
    log_.error(where, "says another thing than the keys");
  }
  return {};
}

Result<void> ObjectCheck::check_keys() {
  for (const Repository::KeySlot& slot : TRY(repository_.key_slots())) {
    if (!slot.info) log_.error(slot.name.text(), "the key is damaged: it opens nothing");
  }
  return {};
}

Result<void> ObjectCheck::check_configs() {
  const auto configs = TRY(list(names::kConfig));
  const auto read = [this](const ObjectName& name) -> Result<void> {
    const std::string message =
        TRY(repository_.get_signed(ObjectKind::config, name, limits::kSmallBodyBytes));
    TRY(decode_config(as_bytes(message)));
    return {};
  };
  TRY(read_each(configs, Severity::error, read));
  const bool is_feature = std::ranges::any_of(
      repository_.config().features,
      [](const Feature& feature) { return (feature.forbids & kForbidsWrite) != 0; });
  const auto writable = repository_.check_writable();
  if (!writable && is_feature) log_.note("config", writable.error().message);
  if (!writable && !is_feature) log_.error("config", writable.error().message);
  return {};
}

Result<void> ObjectCheck::read_mark(const ObjectName& name, ObjectKind kind, const SnapshotId& id) {
  const std::string message = TRY(repository_.get_body(kind, name, limits::kSmallBodyBytes));
  const Mark mark = TRY(decode_mark(as_bytes(message)));
  if (mark.session != id) return fail(ErrorCode::corrupt, "names another session");
  return {};
}

Result<void> ObjectCheck::read_snapshots() {
  const auto all = TRY(list(names::kSnapshots));
  return read_each(all, Severity::error, [this](const ObjectName& name) -> Result<void> {
    if (const auto id = names::id_of<SnapshotId>(name)) {
      {
        const MutexLock lock(mutex_);
        found_.present.insert(*id);
      }
      const std::string message =
          TRY(repository_.get_body(ObjectKind::snapshot, name, limits::kSnapshotBytes));
      Snapshot snapshot = TRY(decode_snapshot(as_bytes(message)));
      if (snapshot.session != *id) return fail(ErrorCode::corrupt, "names another session");
      const MutexLock lock(mutex_);
      snapshots_.emplace(*id, std::move(snapshot));
      return {};
    }
    std::string_view stem = name.text();
    stem.remove_prefix(names::kSnapshots.size());
    if (stem.ends_with(kVerifiedEnding)) {
      stem.remove_suffix(kVerifiedEnding.size());
      if (const auto id = SnapshotId::from_hex(stem)) {
        TRY(read_mark(name, ObjectKind::verified, *id));
        const MutexLock lock(mutex_);
        verified_.insert(*id);
        return {};
      }
    }
    note_unknown(name);
    return {};
  });
}

Result<void> ObjectCheck::read_forgotten() {
  const auto all = TRY(list(names::kForgotten));
  return read_each(all, Severity::error, [this](const ObjectName& name) -> Result<void> {
    const std::string message =
        TRY(repository_.get_signed(ObjectKind::forgotten, name, limits::kCondemnedBytes));
    const Forgotten forgotten = TRY(decode_forgotten(as_bytes(message)));
    const MutexLock lock(mutex_);
    found_.forgotten.insert(forgotten.snapshots.begin(), forgotten.snapshots.end());
    return {};
  });
}

// Its presence is the message, so a damaged one still counts.
Result<void> ObjectCheck::read_fences() {
  const auto all = TRY(list(names::kFences));
  for (const ObjectName& name : all) {
    if (const auto id = names::id_of<SnapshotId>(name)) fenced_.insert(*id);
  }
  return read_each(all, Severity::error, [this](const ObjectName& name) -> Result<void> {
    const auto id = names::id_of<SnapshotId>(name);
    if (id) return read_mark(name, ObjectKind::fence, *id);
    note_unknown(name);
    return {};
  });
}

Result<void> ObjectCheck::read_condemned() {
  const auto all = TRY(list(names::kCondemned));
  return read_each(all, Severity::error, [this](const ObjectName& name) -> Result<void> {
    const std::string message =
        TRY(repository_.get_signed(ObjectKind::condemned, name, limits::kCondemnedBytes));
    const Condemned packs = TRY(decode_condemned(as_bytes(message)));
    const MutexLock lock(mutex_);
    found_.condemned.insert(packs.data_packs.begin(), packs.data_packs.end());
    found_.condemned.insert(packs.tree_packs.begin(), packs.tree_packs.end());
    return {};
  });
}

// Nothing needs a session once its writer is gone.
Result<void> ObjectCheck::read_sessions() {
  const auto all = TRY(list(names::kSessions));
  std::uint64_t open = 0;
  for (const ObjectName& name : all) {
    const auto id = names::id_of<SessionId>(name);  // a heartbeat has none
    if (id && !found_.present.contains(*id) && !fenced_.contains(*id)) ++open;
  }
  if (open != 0)
    log_.note("sessions", fmt::format("{} backups are running or were interrupted", open));
  return read_each(all, Severity::note, [this](const ObjectName& name) -> Result<void> {
    const std::string message =
        TRY(repository_.get_body(ObjectKind::session, name, limits::kSmallBodyBytes));
    TRY(decode_session(as_bytes(message)));
    return {};
  });
}

void ObjectCheck::find_missing_snapshots() {
  std::map<SnapshotId, std::string> missing;
  const MutexLock lock(mutex_);
  const auto expect = [&](const SnapshotId& id, const std::string& why) {
    if (!found_.present.contains(id) && !found_.forgotten.contains(id)) missing.emplace(id, why);
  };
  for (const auto& [id, snapshot] : snapshots_) {
    // A copy names the parents that it had elsewhere.
    if (snapshot.original || snapshot.imported) continue;
    for (const SnapshotId& parent : snapshot.parents)
      expect(parent, fmt::format("is missing: snapshot {} was made after it", id.short_hex()));
  }
  for (const SnapshotId& id : seen_.all())
    expect(id, "is missing: this client has seen it, and nobody has forgotten it");
  for (const auto& [id, why] : missing) log_.error(names::snapshot(id).text(), why);
  seen_.update(found_.present, found_.forgotten);
}

void ObjectCheck::finish_snapshots() {
  const MutexLock lock(mutex_);
  for (auto& [id, snapshot] : snapshots_) {
    if (found_.forgotten.contains(id)) continue;
    const bool verified = !fenced_.contains(id) || verified_.contains(id);
    if (!verified)
      log_.note(names::snapshot(id).text(), "was never verified: parts of it may be missing");
    found_.snapshots.push_back({id, std::move(snapshot), verified});
  }
  std::ranges::sort(found_.snapshots, [](const StoredSnapshot& a, const StoredSnapshot& b) {
    return std::tie(a.snapshot.time, a.id) < std::tie(b.snapshot.time, b.id);
  });
}

}  // namespace

Result<CheckedObjects> check_objects(const Repository& repository, std::size_t threads,
                                     CheckLog& log) {
  return ObjectCheck(repository, threads, log).run();
}

}  // namespace lagan
