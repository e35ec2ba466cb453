// SPDX-License-Identifier: Apache-2.0
#include "repo/session.h"

#include <fmt/format.h>

#include <chrono>
#include <set>

#include "repo/machine.h"
#include "repo/names.h"
#include "repo/rescue.h"
#include "repo/snapshot_length.h"

namespace lagan {
namespace {

constexpr std::chrono::hours kHeartbeat{6};

// What both of them begin with, and nothing else does.
constexpr std::string_view kSessionsAndSnapshots = "s";
static_assert(names::kSessions.starts_with(kSessionsAndSnapshots) &&
              names::kSnapshots.starts_with(kSessionsAndSnapshots));

}  // namespace

WriterSession::WriterSession(const Repository& repository, LocalIndex& index, std::string host)
    : repository_(repository),
      index_(index),
      host_(std::move(host)),
      id_(SessionId{repository.random_id().bytes}) {}

WriterSession::~WriterSession() = default;

Result<std::unique_ptr<WriterSession>> WriterSession::begin(const Repository& repository,
                                                            LocalIndex& index, Purpose purpose,
                                                            std::string host) {
  TRY(repository.check_writable());
  auto session =
      std::unique_ptr<WriterSession>(new WriterSession(repository, index, std::move(host)));
  TRY_IN("register the session", session->put_registration(purpose, 0));
  session->heart_ = std::jthread([raw = session.get(), purpose](std::stop_token stop) {
    for (std::uint32_t beat = 1; !stop.stop_requested(); ++beat) {
      {
        std::unique_lock lock(raw->mutex_);
        raw->wake_.wait_for(lock, stop, kHeartbeat, [] { return false; });
      }
      // A heartbeat that fails is no reason to stop: at worst a collector fences the session, which
      // costs time.
      if (!stop.stop_requested()) (void)raw->put_registration(purpose, beat);
    }
  });
  if (auto learnt = session->learn(); !learnt) {
    (void)session->abandon();
    return fail(std::move(learnt).error());
  }
  return session;
}

// W2.
Result<void> WriterSession::learn() {
  auto distrusted = load_distrusted(repository_);
  const bool is_damaged = !distrusted && distrusted.error().code == ErrorCode::corrupt;
  if (!distrusted && !is_damaged) return fail(std::move(distrusted).error());
  loaded_ = TRY(load_index(repository_, index_));
  if (distrusted) {
    condemned_ = distrusted->size();
    index_.set_condemned(*std::move(distrusted));
    return {};
  }
  // What the damaged log condemns is not known: nothing that is there may be relied on.
  std::unordered_set<PackId> all;
  TRY(index_.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    all.insert(pack.name);
    return {};
  }));
  condemned_ = all.size();
  index_.set_condemned(std::move(all));
  loaded_.damaged.push_back(distrusted.error().message);
  return {};
}

Result<void> WriterSession::put_registration(Purpose purpose, std::uint32_t beat) {
  const ProcessIdentity self = this_process(repository_.bundle().keys.id_key);
  SessionMessage message;
  message.session = id_;
  message.purpose = static_cast<std::uint32_t>(purpose);
  message.created = repository_.now();
  message.host = host_;
  message.program = program_name();
  message.beat = beat;
  message.machine = self.machine;
  message.boot = self.boot;
  message.pid = self.pid;
  message.pid_started = self.pid_started;
  message.pid_namespace = self.pid_namespace;
  const ObjectName name = beat == 0 ? names::session(id_) : names::heartbeat(id_, beat);
  return repository_.put_body(ObjectKind::session, name, encode(message));
}

Result<void> WriterSession::commit(const Snapshot& snapshot, const ChunkWriterOptions& writer) {
  LAGAN_ASSERT(!closed_ && snapshot.session == id_);
  Storage& storage = repository_.storage();
  const ObjectName name = names::snapshot(id_);
  const std::set<SnapshotId> present = TRY(look_before_commit());
  // A snapshot that is named and is neither there nor forgotten counts as lost. Copies name those
  // that their originals had.
  Snapshot settled = snapshot;
  if (!settled.original)
    std::erase_if(settled.parents, [&](const SnapshotId& id) { return !present.contains(id); });
  TRY(check_length(settled));
  const std::string message = encode(settled);
  const SealedObject object =
      seal_body(repository_.sealing(), ObjectKind::snapshot, name.text(), message);
  TRY_IN("store the snapshot", repository_.put(name, object));
  if (!storage.capabilities().put_is_verified) {
    const Bytes read_back = TRY_IN("read the snapshot back", storage.get(name));
    if (hash(read_back) != hash(object.span())) {
      return fail(ErrorCode::corrupt, "the storage gives back another snapshot than it was given");
    }
  }
  closed_ = true;
  if (!TRY(is_fenced())) return {};
  auto rescued = rescue(settled, writer);
  if (!rescued && rescued.error().code == ErrorCode::not_found) {
    return fail(
        ErrorCode::unavailable,
        "a collection took this session for dead and deleted what it relied on: run it again");
  }
  if (!rescued) return fail(std::move(rescued).error().in("verifying after a fence"));
  return {};
}

// In either order, or both at once: what is asked has long been decided. One round trip where the
// storage can.
Result<std::set<SnapshotId>> WriterSession::look_before_commit() const {
  Storage& storage = repository_.storage();
  const ObjectName session = names::session(id_);
  std::set<SnapshotId> present;
  bool is_registered = false;
  const EachObject note = [&](const ObjectInfo& info) -> Result<void> {
    is_registered = is_registered || info.name == session;
    const bool is_snapshot = info.name.text().starts_with(names::kSnapshots);
    if (const auto id = names::id_of<SnapshotId>(info.name); id && is_snapshot) present.insert(*id);
    return {};
  };
  if (storage.capabilities().lists_any_prefix) {
    TRY(storage.list(kSessionsAndSnapshots, note));
  } else {
    TRY(storage.list(names::kSessions, note));
    TRY(storage.list(names::kSnapshots, note));
  }
  if (is_registered && !present.contains(id_)) return present;
  return fail(ErrorCode::unavailable,
              "this machine seems to have been rolled back during the backup: run it again");
}

// Asked for by name: no storage promises more than that a new object can be read once it is there,
// and listings may be older. Nobody has asked for the name before, so no cache in between knows
// that it was not there.
Result<bool> WriterSession::is_fenced() const {
  const auto fence = repository_.storage().stat(names::fence(id_));
  if (fence) return true;
  if (fence.error().code == ErrorCode::not_found) return false;
  return fail(fence.error());
}

// A collector has closed this session without its writer: packs it relied on may have been
// condemned meanwhile. Stores what lies only in condemned packs again, until a whole pass finds
// nothing.
Result<void> WriterSession::rescue(const Snapshot& snapshot, const ChunkWriterOptions& writer) {
  while (TRY(store_endangered(repository_, index_, id_, snapshot, writer)) != 0) {
  }
  const Mark mark{id_, repository_.now(), host_, program_name(), true};
  return repository_.put_body(ObjectKind::verified, names::verified(id_), encode(mark));
}

Result<void> WriterSession::abandon() {
  if (std::exchange(closed_, true)) return {};
  const Mark mark{id_, repository_.now(), host_, program_name(), true};
  return repository_.put_body(ObjectKind::fence, names::fence(id_), encode(mark));
}

}  // namespace lagan
