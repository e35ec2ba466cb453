// SPDX-License-Identifier: Apache-2.0
#pragma once

// The names of objects (docs/format.md, "Objects"): which kind of object lies where.

#include <string>
#include <string_view>

#include "crypto/object_key.h"
#include "storage/storage.h"
#include "util/id.h"

namespace lagan {
using KeySlotId = Id<struct KeySlotTag, 16>;
}  // namespace lagan

namespace lagan::names {

inline constexpr std::string_view kBoot = "lagan.repo";
inline constexpr std::string_view kKeys = "keys/";
inline constexpr std::string_view kConfig = "config/";
inline constexpr std::string_view kSnapshots = "snapshots/";
inline constexpr std::string_view kSessions = "sessions/";
inline constexpr std::string_view kIndex = "index/";
inline constexpr std::string_view kCondemned = "condemned/";
inline constexpr std::string_view kForgotten = "forgotten/";
inline constexpr std::string_view kFences = "fences/";
inline constexpr std::string_view kData = "data/";
inline constexpr std::string_view kTree = "tree/";

ObjectName boot();
ObjectName pack(ObjectKind kind, const PackId& id);  // data/<xx>/<h> or tree/<xx>/<h>
ObjectName segment(const SegmentId& id);
ObjectName snapshot(const SnapshotId& id);
ObjectName verified(const SnapshotId& id);  // snapshots/<s>.ok
ObjectName session(const SessionId& id);
ObjectName heartbeat(const SessionId& id, std::uint64_t number);
ObjectName fence(const SessionId& id);
ObjectName key_slot(const KeySlotId& id);
// `folder` is one of the constants above; `random` 16 bytes.
ObjectName random_name(std::string_view folder, const RepositoryId& random);

// The id in the last component of a name, if it is one of that length and nothing else.
template <typename IdType>
std::optional<IdType> id_of(const ObjectName& name) {
  const std::string_view text = name.text();
  return IdType::from_hex(text.substr(text.rfind('/') + 1));
}

}  // namespace lagan::names
