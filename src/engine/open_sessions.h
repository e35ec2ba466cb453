// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sessions of a repository as a collector sees them (docs/architecture.md, "The concurrency
// protocol", G3 and G4): which of them may still rely on packs they saw before these were
// condemned.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "repo/machine.h"
#include "repo/messages.h"
#include "repo/repository.h"

namespace lagan {

struct SessionState {
  SessionId id;
  bool is_registered = false;             // false: only heartbeats of it are left
  std::optional<SessionMessage> message;  // nothing: it cannot be read, so nothing is known of it
  std::optional<Nanoseconds> last_sign;   // of the registration or a heartbeat, storage's clock
  std::vector<ObjectName> objects;        // heartbeats first, then the registration
  bool has_snapshot = false;
  bool has_fence = false;     // one that can be read
  bool is_abandoned = false;  // the fence is the writer's own

  bool is_open() const { return is_registered && !has_snapshot && !has_fence; }
};

// Lists sessions first, then snapshots and fences: a session that closes meanwhile may be seen as
// open, never the other way round.
Result<std::vector<SessionState>> list_sessions(const Repository& repository);

// Did the writer run on this machine, and is its process gone?
bool is_known_gone(const SessionMessage& session, const ProcessIdentity& here);

// Closes sessions that will not come to an end by themselves: of this machine with a process that
// is gone, or without a sign of life for `fence_after` before `storage_now`. Returns those that
// stay open.
Result<std::set<SessionId>> close_dead_sessions(const Repository& repository,
                                                const std::vector<SessionState>& sessions,
                                                Nanoseconds fence_after, Nanoseconds storage_now,
                                                std::uint64_t& fenced);

// Deletes what closed sessions have left: heartbeats, then the registration. Those that a collector
// has fenced stay for a while: a writer that lives takes a missing registration for a sign that its
// machine was rolled back. So do heartbeats without a registration.
Result<void> remove_closed_sessions(const Repository& repository,
                                    const std::vector<SessionState>& sessions,
                                    Nanoseconds storage_now);

}  // namespace lagan
