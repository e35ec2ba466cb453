// SPDX-License-Identifier: Apache-2.0
#include "repo/names.h"

#include <doctest/doctest.h>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

TEST_CASE("objects lie where the format says") {
  const auto pack = samples::id<PackId>(0xa0);
  const auto session = samples::id<SessionId>(0x10);
  const std::string hex = session.hex();
  CHECK(hex == "101112131415161718191a1b1c1d1e1f");
  CHECK(names::boot().text() == "lagan.repo");
  CHECK(names::pack(ObjectKind::data_pack, pack).text() == "data/a0/" + pack.hex());
  CHECK(names::pack(ObjectKind::tree_pack, pack).text() == "tree/a0/" + pack.hex());
  CHECK(names::segment(samples::id<SegmentId>(1)).text() ==
        "index/" + samples::id<SegmentId>(1).hex());
  CHECK(names::snapshot(session).text() == "snapshots/" + hex);
  CHECK(names::verified(session).text() == "snapshots/" + hex + ".ok");
  CHECK(names::session(session).text() == "sessions/" + hex);
  CHECK(names::heartbeat(session, 12).text() == "sessions/" + hex + ".12");
  CHECK(names::fence(session).text() == "fences/" + hex);
  CHECK(names::random_name(names::kConfig, samples::id<RepositoryId>(2)).text() ==
        "config/" + samples::id<RepositoryId>(2).hex());
}

TEST_CASE("a name gives its id back, and nothing that is none") {
  const auto session = samples::id<SessionId>(0x10);
  CHECK(names::id_of<SnapshotId>(names::snapshot(session)) == session);
  CHECK_FALSE(names::id_of<SnapshotId>(names::verified(session)));
  CHECK_FALSE(names::id_of<SnapshotId>(names::heartbeat(session, 1)));
  CHECK_FALSE(names::id_of<SegmentId>(names::snapshot(session)));
  CHECK_FALSE(names::id_of<SnapshotId>(names::boot()));
  const auto pack = samples::id<PackId>(0xa0);
  CHECK(names::id_of<PackId>(names::pack(ObjectKind::tree_pack, pack)) == pack);
}

}  // namespace
}  // namespace lagan
