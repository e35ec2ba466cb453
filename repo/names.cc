// SPDX-License-Identifier: Apache-2.0
#include "repo/names.h"

#include <fmt/format.h>

namespace lagan::names {
namespace {

// Names made here are valid by construction.
ObjectName made(std::string text) {
  auto name = ObjectName::parse(text);
  LAGAN_ASSERT(name.has_value());
  return *std::move(name);
}

}  // namespace

ObjectName boot() { return made(std::string(kBoot)); }

ObjectName pack(ObjectKind kind, const PackId& id) {
  LAGAN_ASSERT(kind == ObjectKind::data_pack || kind == ObjectKind::tree_pack);
  const std::string hex = id.hex();
  return made(
      fmt::format("{}{}/{}", kind == ObjectKind::data_pack ? kData : kTree, hex.substr(0, 2), hex));
}

ObjectName segment(const SegmentId& id) { return made(fmt::format("{}{}", kIndex, id.hex())); }
ObjectName snapshot(const SnapshotId& id) {
  return made(fmt::format("{}{}", kSnapshots, id.hex()));
}
ObjectName verified(const SnapshotId& id) {
  return made(fmt::format("{}{}.ok", kSnapshots, id.hex()));
}
ObjectName session(const SessionId& id) { return made(fmt::format("{}{}", kSessions, id.hex())); }
ObjectName heartbeat(const SessionId& id, std::uint64_t number) {
  return made(fmt::format("{}{}.{}", kSessions, id.hex(), number));
}
ObjectName fence(const SessionId& id) { return made(fmt::format("{}{}", kFences, id.hex())); }
ObjectName key_slot(const KeySlotId& id) { return made(fmt::format("{}{}", kKeys, id.hex())); }
ObjectName random_name(std::string_view folder, const RepositoryId& random) {
  return made(fmt::format("{}{}", folder, random.hex()));
}

}  // namespace lagan::names
