// SPDX-License-Identifier: Apache-2.0
#include "src/engine/mounts.h"

#include <doctest/doctest.h>
#include <sys/sysmacros.h>

namespace lagan {
namespace {

constexpr std::string_view kMountInfo =
    "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "28 1 8:1 /@root / rw,relatime - btrfs /dev/sda1 rw\n"
    "90 28 0:45 / /home/ann/my\\040backups ro shared:2 master:3 - fuse.lagan lagan ro\n";

TEST_CASE("mounts are read with their device, place and kind") {
  const auto mounts = parse_mountinfo(kMountInfo);
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].type == "sysfs");
  CHECK(mounts[1].device == makedev(8, 1));
  CHECK(mounts[1].root == "/@root");
  CHECK(mounts[1].point == "/");
  CHECK(mounts[1].source == "/dev/sda1");
  CHECK(mounts[2].device == makedev(0, 45));
  CHECK(mounts[2].point == "/home/ann/my backups");
  CHECK(mounts[2].type == "fuse.lagan");
}

TEST_CASE("a text that is cut anywhere is read as far as it makes sense") {
  for (std::size_t length = 0; length < kMountInfo.size(); ++length)
    CHECK(parse_mountinfo(kMountInfo.substr(0, length)).size() <= 3);
  CHECK(parse_mountinfo("- - - - -\n\n\\0\n").empty());
}

TEST_CASE("this machine has something mounted at /") {
  bool found = false;
  for (const Mount& mount : list_mounts()) found = found || mount.point == "/";
  CHECK(found);
  CHECK(read_kernel_file("/no/such/file").empty());
}

}  // namespace
}  // namespace lagan
