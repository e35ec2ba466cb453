// SPDX-License-Identifier: Apache-2.0
// Snapshots and the sessions that make them; what closes, verifies and forgets them.
#include <algorithm>

#include "repo/content.h"
#include "repo/limits.h"
#include "repo/messages.h"
#include "repo/wire.h"

namespace lagan {
namespace {

void write_summary(StringWriter& parent, const Summary& summary) {
  StringWriter out(parent, 17);
  out.u64(1, summary.files_new);
  out.u64(2, summary.files_changed);
  out.u64(3, summary.files_unmodified);
  out.u64(4, summary.dirs_new);
  out.u64(5, summary.dirs_changed);
  out.u64(6, summary.dirs_unmodified);
  out.u64(7, summary.bytes_processed);
  out.u64(8, summary.data_added);
  out.u64(9, summary.data_stored);
  out.u64(10, summary.errors);
  out.u64(11, summary.data_chunks);
  out.u64(12, summary.tree_chunks);
}

void read_summary(WireReader& in, Summary& summary) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        summary.files_new = in.u64();
        break;
      case 2:
        summary.files_changed = in.u64();
        break;
      case 3:
        summary.files_unmodified = in.u64();
        break;
      case 4:
        summary.dirs_new = in.u64();
        break;
      case 5:
        summary.dirs_changed = in.u64();
        break;
      case 6:
        summary.dirs_unmodified = in.u64();
        break;
      case 7:
        summary.bytes_processed = in.u64();
        break;
      case 8:
        summary.data_added = in.u64();
        break;
      case 9:
        summary.data_stored = in.u64();
        break;
      case 10:
        summary.errors = in.u64();
        break;
      case 11:
        summary.data_chunks = in.u64();
        break;
      case 12:
        summary.tree_chunks = in.u64();
        break;
      default:
        in.unknown();
    }
  }
}

constexpr std::uint32_t kSignatureField = 100;

std::string encode_snapshot(const Snapshot& snapshot, bool with_root_record) {
  std::string message;
  StringWriter out(message);
  write_subtree(out, 1, snapshot.root);
  out.s64(2, snapshot.time);
  out.s64(3, snapshot.started);
  out.s64(4, snapshot.finished);
  out.s64(5, snapshot.utc_offset_minutes);
  out.bytes(6, snapshot.host);
  out.bytes(7, snapshot.user);
  out.u64(8, snapshot.uid);
  out.u64(9, snapshot.gid);
  for (const std::string& path : snapshot.paths) out.element(10, path);
  for (const std::string& tag : snapshot.tags) out.element(11, tag);
  for (const std::string& exclude : snapshot.excludes) out.element(12, exclude);
  out.bytes(13, snapshot.label);
  for (const SnapshotId& parent : snapshot.parents) out.bytes(14, parent.span());
  if (snapshot.original) out.bytes(15, snapshot.original->span());
  out.bytes(16, snapshot.program);
  write_summary(out, snapshot.summary);
  out.u64(18, snapshot.partial ? 1 : 0);
  out.u64(19, snapshot.imported ? 1 : 0);
  out.u64(20, snapshot.consistency);
  out.bytes(21, snapshot.session.span());
  if (with_root_record && snapshot.root_record) out.bytes(22, snapshot.root_record->span());
  return snapshot.unknown.empty() ? message : merge_fields(message, snapshot.unknown);
}

// The deepest folder that holds all these paths.
std::string folder_of_all(const std::vector<std::string>& paths) {
  if (paths.empty()) return "/";
  std::string common = paths.front() + "/";
  for (const std::string& path : paths)
    common.erase(std::ranges::mismatch(common, path + "/").in1, common.end());
  return common.substr(0, std::max<std::size_t>(common.rfind('/'), 1));
}

}  // namespace

std::string encode(const SessionMessage& session) {
  std::string message;
  StringWriter out(message);
  out.bytes(1, session.session.span());
  out.u64(2, session.purpose);
  out.s64(3, session.created);
  out.bytes(4, session.host);
  out.bytes(5, session.program);
  out.u64(6, session.beat);
  out.bytes(8, session.machine);
  out.bytes(9, session.boot);
  out.u64(10, session.pid);
  out.u64(11, session.pid_started);
  out.u64(12, session.pid_namespace);
  return message;
}

Result<SessionMessage> decode_session(ByteSpan message) {
  if (message.size() > limits::kSmallBodyBytes)
    return fail(ErrorCode::corrupt, "session: too long");
  SessionMessage session;
  session.purpose = 0;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        session.session = in.id<SessionId>();
        break;
      case 2:
        session.purpose = in.u32();
        break;
      case 3:
        session.created = in.s64();
        break;
      case 4:
        session.host = in.text();
        break;
      case 5:
        session.program = in.text();
        break;
      case 6:
        session.beat = in.u32();
        break;
      case 8:
        session.machine = in.text();
        break;
      case 9:
        session.boot = in.text();
        break;
      case 10:
        session.pid = in.u32();
        break;
      case 11:
        session.pid_started = in.u64();
        break;
      case 12:
        session.pid_namespace = in.u64();
        break;
      default:
        in.unknown();
    }
  }
  if (!in.saw(1)) in.refuse("no session id");
  TRY(in.status("session"));
  return session;
}

std::string encode(const Mark& mark) {
  std::string message;
  StringWriter out(message);
  out.bytes(1, mark.session.span());
  out.s64(2, mark.created);
  out.bytes(3, mark.host);
  out.bytes(4, mark.program);
  out.u64(5, mark.by_writer ? 1 : 0);
  return message;
}

Result<Mark> decode_mark(ByteSpan message) {
  if (message.size() > limits::kSmallBodyBytes) return fail(ErrorCode::corrupt, "mark: too long");
  Mark mark;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        mark.session = in.id<SessionId>();
        break;
      case 2:
        mark.created = in.s64();
        break;
      case 3:
        mark.host = in.text();
        break;
      case 4:
        mark.program = in.text();
        break;
      case 5:
        mark.by_writer = in.flag();
        break;
      default:
        in.unknown();
    }
  }
  if (!in.saw(1)) in.refuse("no session id");
  TRY(in.status("mark"));
  return mark;
}

std::string encode(const Forgotten& forgotten) {
  std::string message;
  StringWriter out(message);
  std::vector<SnapshotId> snapshots = forgotten.snapshots;
  std::ranges::sort(snapshots);
  out.joined_ids(1, snapshots);
  out.bytes(3, forgotten.rule);
  out.s64(4, forgotten.created);
  out.bytes(5, forgotten.host);
  return message;
}

Result<Forgotten> decode_forgotten(ByteSpan message) {
  if (message.size() > limits::kCondemnedBytes)
    return fail(ErrorCode::corrupt, "forgotten snapshots: too long");
  Forgotten forgotten;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.joined_ids(forgotten.snapshots);
        break;
      case 3:
        forgotten.rule = in.text();
        break;
      case 4:
        forgotten.created = in.s64();
        break;
      case 5:
        forgotten.host = in.text();
        break;
      case kSignatureField:
        break;  // repo/body.h's
      default:
        in.unknown();
    }
  }
  if (in.saw_twice()) in.refuse("a field occurs twice");
  TRY(in.status("forgotten snapshots"));
  std::ranges::sort(forgotten.snapshots);
  forgotten.unknown_fields = in.saw_unknown();
  return forgotten;
}

std::string encode(const Snapshot& snapshot) { return encode_snapshot(snapshot, true); }

// It has to fit into a chunk. What it is for is the tree, which needs no list of what was named.
std::string encode_root_record(const Snapshot& snapshot) {
  std::string record = encode_snapshot(snapshot, false);
  if (record.size() <= limits::kChunkBytes) return record;
  Snapshot shorter = snapshot;
  shorter.paths = {folder_of_all(snapshot.paths)};
  shorter.excludes.clear();
  record = encode_snapshot(shorter, false);
  return record.size() <= limits::kChunkBytes ? record : std::string();
}

Result<Snapshot> decode_snapshot(ByteSpan message) {
  if (message.size() > limits::kSnapshotBytes)
    return fail(ErrorCode::corrupt, "snapshot: too long");
  Snapshot snapshot;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.message(read_subtree, snapshot.root);
        break;
      case 2:
        snapshot.time = in.s64();
        break;
      case 3:
        snapshot.started = in.s64();
        break;
      case 4:
        snapshot.finished = in.s64();
        break;
      case 5:
        snapshot.utc_offset_minutes = in.s32();
        break;
      case 6:
        snapshot.host = in.text();
        break;
      case 7:
        snapshot.user = in.text();
        break;
      case 8:
        snapshot.uid = in.u64();
        break;
      case 9:
        snapshot.gid = in.u64();
        break;
      case 10:
        snapshot.paths.push_back(in.repeated().text());
        break;
      case 11:
        snapshot.tags.push_back(in.repeated().text());
        break;
      case 12:
        snapshot.excludes.push_back(in.repeated().text());
        break;
      case 13:
        snapshot.label = in.text();
        break;
      case 14:
        snapshot.parents.push_back(in.repeated().id<SnapshotId>());
        break;
      case 15:
        snapshot.original = in.id<SnapshotId>();
        break;
      case 16:
        snapshot.program = in.text();
        break;
      case 17:
        in.message(read_summary, snapshot.summary);
        break;
      case 18:
        snapshot.partial = in.flag();
        break;
      case 19:
        snapshot.imported = in.flag();
        break;
      case 20:
        snapshot.consistency = in.u32();
        break;
      case 21:
        snapshot.session = in.id<SessionId>();
        break;
      case 22:
        snapshot.root_record = in.id<ChunkId>();
        break;
      case kSignatureField:
        break;  // reserved, and void once anything is rewritten
      default:
        in.unknown();
        snapshot.unknown.append(in.raw());
    }
  }
  if (!in.saw(21)) in.refuse("no session id");
  TRY(in.status("snapshot"));
  return snapshot;
}

}  // namespace lagan
