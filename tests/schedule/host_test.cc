// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/host.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

struct Root {
  TemporaryFolder folder;
  std::string path() const { return folder.path().string() + "/"; }
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path() + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
};

constexpr const char* kHead =
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

}  // namespace

TEST_CASE("there is a network when there is a default route") {
  const Root root;
  CHECK_FALSE(has_network(root.path()));
  root.write("proc/net/route",
             std::string(kHead) + "eth0\t0010A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
  CHECK_FALSE(has_network(root.path()));
  SUBCASE("of IPv4") {
    root.write("proc/net/route",
               std::string(kHead) + "eth0\t00000000\t0110A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
    CHECK(has_network(root.path()));
  }
  SUBCASE("of IPv6, but not that to nowhere") {
    const std::string zero(32, '0');
    const std::string rest = zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 ";
    root.write("proc/net/ipv6_route", rest + "00200200       lo\n");
    CHECK_FALSE(has_network(root.path()));
    root.write("proc/net/ipv6_route", rest + "00450003     eth0\n");
    CHECK(has_network(root.path()));
  }
}

TEST_CASE("mains power is missing when a battery of the machine is being emptied") {
  const Root root;
  CHECK(has_mains_power(root.path()));
  root.write("sys/class/power_supply/BAT0/type", "Battery\n");
  root.write("sys/class/power_supply/BAT0/status", "Discharging\n");
  CHECK_FALSE(has_mains_power(root.path()));
  SUBCASE("not that of a mouse") {
    root.write("sys/class/power_supply/BAT0/scope", "Device\n");
    CHECK(has_mains_power(root.path()));
  }
  SUBCASE("not while the plug is in") {
    root.write("sys/class/power_supply/AC/type", "Mains\n");
    root.write("sys/class/power_supply/AC/online", "1\n");
    CHECK(has_mains_power(root.path()));
  }
}

}  // namespace lagan
