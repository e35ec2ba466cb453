// SPDX-License-Identifier: Apache-2.0
#include "src/engine/open_sessions.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "repo/limits.h"
#include "repo/names.h"

namespace lagan {
namespace {

constexpr Nanoseconds kFencedStay = Nanoseconds{7 * 86'400} * 1'000'000'000;

// The session of `sessions/<s>` or `sessions/<s>.<n>`.
std::optional<SessionId> session_of(const ObjectName& name) {
  std::string_view text = name.text();
  text.remove_prefix(std::min(text.size(), names::kSessions.size()));
  return SessionId::from_hex(text.substr(0, text.find('.')));
}

bool is_heartbeat(const ObjectName& name) { return name.text().find('.') != std::string::npos; }

Result<std::set<SessionId>> ids_in(const Repository& repository, std::string_view folder) {
  std::set<SessionId> ids;
  TRY(repository.storage().list(folder, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SessionId>(info.name)) ids.insert(*id);
    return {};
  }));
  return ids;
}

// What is there but cannot be read is nothing here; a storage that fails is an error.
template <typename Message>
Result<std::optional<Message>> read_message(const Repository& repository, ObjectKind kind,
                                            const ObjectName& name,
                                            Result<Message> (*decode)(ByteSpan)) {
  const auto body = repository.get_body(kind, name, limits::kSmallBodyBytes);
  auto message = body ? decode(as_bytes(*body)) : Result<Message>(fail(body.error()));
  if (message) return std::optional<Message>(*std::move(message));
  const ErrorCode code = message.error().code;
  if (code == ErrorCode::corrupt || code == ErrorCode::unsupported || code == ErrorCode::not_found)
    return std::optional<Message>();
  return fail(std::move(message).error());
}

}  // namespace

Result<std::vector<SessionState>> list_sessions(const Repository& repository) {
  std::map<SessionId, SessionState> sessions;
  TRY(repository.storage().list(names::kSessions, [&](const ObjectInfo& info) -> Result<void> {
    const auto id = session_of(info.name);
    if (!id) return {};
    SessionState& session = sessions[*id];
    session.id = *id;
    if (is_heartbeat(info.name)) {
      session.objects.insert(session.objects.begin(), info.name);
    } else {
      session.is_registered = true;
      session.objects.push_back(info.name);
    }
    if (info.modified) {
      session.last_sign = std::max(session.last_sign.value_or(*info.modified), *info.modified);
    }
    return {};
  }));
  const auto snapshots = TRY(ids_in(repository, names::kSnapshots));
  const auto fences = TRY(ids_in(repository, names::kFences));
  std::vector<SessionState> list;
  for (auto& [id, session] : sessions) {
    session.has_snapshot = snapshots.contains(id);
    if (fences.contains(id)) {
      const auto fence =
          TRY(read_message<Mark>(repository, ObjectKind::fence, names::fence(id), decode_mark));
      session.has_fence = fence.has_value();
      session.is_abandoned = fence && fence->by_writer;
    }
    if (session.is_open()) {
      session.message = TRY(read_message<SessionMessage>(repository, ObjectKind::session,
                                                         names::session(id), decode_session));
    }
    list.push_back(std::move(session));
  }
  return list;
}

bool is_known_gone(const SessionMessage& session, const ProcessIdentity& here) {
  if (session.machine.empty() || session.machine != here.machine) return false;
  if (session.boot.empty() || here.boot.empty()) return false;
  // Clones of one machine, which have its id, run at the same time, each under a name of its own.
  if (session.boot != here.boot) return session.host == host_name();
  if (session.pid_namespace != here.pid_namespace) return false;
  const std::uint64_t started = process_start(session.pid);
  // Another user's process may be hidden from us.
  const bool may_be_hidden =
      started == 0 && (::kill(static_cast<pid_t>(session.pid), 0) == 0 || errno == EPERM);
  return started != session.pid_started && !may_be_hidden;
}

Result<std::set<SessionId>> close_dead_sessions(const Repository& repository,
                                                const std::vector<SessionState>& sessions,
                                                Nanoseconds fence_after, Nanoseconds storage_now,
                                                std::uint64_t& fenced) {
  const ProcessIdentity here = this_process(repository.bundle().keys.id_key);
  std::set<SessionId> open;
  for (const SessionState& session : sessions) {
    if (!session.is_open()) continue;
    const bool is_gone = session.message && is_known_gone(*session.message, here);
    const bool is_silent = session.last_sign && *session.last_sign + fence_after <= storage_now;
    if (!is_gone && !is_silent) {
      open.insert(session.id);
      continue;
    }
    Mark mark{session.id, repository.now(), host_name(), program_name(), false};
    auto put = repository.put_body(ObjectKind::fence, names::fence(session.id), encode(mark));
    // Another collector, or the writer itself, may have been first.
    if (!put && put.error().code != ErrorCode::already_exists) return fail(std::move(put).error());
    ++fenced;
  }
  return open;
}

Result<void> remove_closed_sessions(const Repository& repository,
                                    const std::vector<SessionState>& sessions,
                                    Nanoseconds storage_now) {
  for (const SessionState& session : sessions) {
    const bool is_old = session.last_sign && *session.last_sign + kFencedStay <= storage_now;
    const bool is_over =
        session.has_snapshot || session.is_abandoned || (session.has_fence && is_old);
    if (!is_over) continue;
    for (const ObjectName& name : session.objects) {
      auto removed = repository.storage().remove(name);
      if (!removed && removed.error().code != ErrorCode::not_found) return removed;
    }
  }
  return {};
}

}  // namespace lagan
