// SPDX-License-Identifier: Apache-2.0
#include "src/engine/fs_snapshot.h"

#include <doctest/doctest.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>

#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

using Commands = std::vector<SnapshotPlan::Command>;

TEST_CASE("of a subvolume of btrfs a snapshot lies within it") {
  const SnapshotPlan plan = plan_btrfs("/home", "lagan-1");
  CHECK(plan.take == Commands{{"btrfs", "subvolume", "snapshot", "-r", "/home", "/home/.lagan-1"}});
  CHECK(plan.release == Commands{{"btrfs", "subvolume", "delete", "/home/.lagan-1"}});
  CHECK(plan.folder == "/home/.lagan-1");
  CHECK(plan_btrfs("/", "lagan-1").folder == "/.lagan-1");
}

TEST_CASE("of ZFS a snapshot shows itself below its mount point") {
  const SnapshotPlan plan = plan_zfs({0, "/", "/data", "zfs", "pool/data"}, "lagan-1");
  CHECK(plan.take == Commands{{"zfs", "snapshot", "pool/data@lagan-1"}});
  CHECK(plan.release == Commands{{"zfs", "destroy", "pool/data@lagan-1"}});
  CHECK(plan.base == "/data");
  CHECK(plan.folder == "/data/.zfs/snapshot/lagan-1");
}

TEST_CASE("of LVM a snapshot is a volume that is mounted elsewhere") {
  const Mount mount{0, "/", "/srv", "xfs", "/dev/mapper/my--group-my--volume"};
  const auto plan = plan_lvm(mount, "my--group-my--volume", "lagan-1", "/tmp/x");
  REQUIRE(plan);
  CHECK(plan->take ==
        Commands{{"lvcreate", "--quiet", "--snapshot", "--extents", "10%ORIGIN", "--name",
                  "lagan-1", "my-group/my-volume"},
                 {"mount", "-t", "xfs", "-o", "ro,nouuid", "/dev/my-group/lagan-1", "/tmp/x"}});
  CHECK(plan->release ==
        Commands{{"umount", "/tmp/x"}, {"lvremove", "--quiet", "--yes", "my-group/lagan-1"}});
  CHECK(plan->base == "/srv");
  CHECK_FALSE(plan_lvm(mount, "luks", "lagan-1", "/tmp/x"));
}

// A file system of its own at a folder, while there is one of these. Makes nothing where that needs
// tools or rights that are not there.
class LoopMount {
 public:
  explicit LoopMount(const std::string& make) {
    std::filesystem::create_directory(point());
    const std::string quiet = " >/dev/null 2>&1";
    const std::string image = folder_ / "image";
    is_mounted_ = is_root() && std::system(("truncate -s 120M " + image + quiet).c_str()) == 0 &&
                  std::system((make + " " + image + quiet).c_str()) == 0 &&
                  std::system(("mount -o loop " + image + " " + point() + quiet).c_str()) == 0;
  }
  ~LoopMount() {
    if (is_mounted_) ::umount2(point().c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return is_mounted_; }
  std::string point() const { return folder_ / "mounted"; }

 private:
  TemporaryFolder folder_;
  bool is_mounted_ = false;
};

TEST_CASE("a snapshot of btrfs holds what was there and goes when it is done with") {
  const LoopMount mount("mkfs.btrfs");
  if (!mount.is_mounted() || std::system("btrfs --version >/dev/null 2>&1") != 0) return;
  std::filesystem::create_directory(mount.point() + "/sub");
  write_file(mount.point() + "/sub/file", "before");
  std::vector<std::string> notes;
  {
    FsSnapshots snapshots("lagan-test", [&](const std::string& note) { notes.push_back(note); });
    const auto source = snapshots.source_of(mount.point() + "/sub");
    REQUIRE_MESSAGE(source, source.error().message);
    write_file(mount.point() + "/sub/file", "after");
    CHECK(read_text(*source + "/file") == "before");
    // One file system needs only one.
    CHECK(snapshots.source_of(mount.point() + "/sub/file") == *source + "/file");
  }
  CHECK(notes.empty());
  CHECK(std::distance(std::filesystem::directory_iterator(mount.point()), {}) == 1);
}

TEST_CASE("where there are no snapshots an error says so") {
  FsSnapshots snapshots("lagan-test", [](const std::string&) {});
  const auto none = snapshots.source_of("/proc/self");
  REQUIRE_FALSE(none);
  CHECK(none.error().message ==
        "/proc/self: lies on proc, which has no snapshots here: btrfs, ZFS and LVM have; leave "
        "--use-fs-snapshot out");
}

}  // namespace
}  // namespace lagan
