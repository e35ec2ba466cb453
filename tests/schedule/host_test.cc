// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/host.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/util/temporary_folder.h"
#include "util/file.h"

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

// Its stand-in tells through a pipe what it was asked for, and holds it as long as it lives. It
// heeds no signal, so that it is the end of its input that ends it.
TEST_CASE("the machine is kept awake where there is systemd, and no longer than it has to be") {
  const Root root;
  const std::string pipe = root.path() + "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  root.write("bin/systemd-inhibit",
             "#!/bin/sh\nexec 3>" + pipe + "\ntrap '' TERM\necho \"$*\" >&3\nexec cat\n");
  REQUIRE(::chmod((root.path() + "bin/systemd-inhibit").c_str(), 0755) == 0);
  const char* before = std::getenv("PATH");
  REQUIRE(before != nullptr);
  const std::string path = before;
  ::setenv("PATH", (root.path() + "bin:" + path).c_str(), 1);
  const auto heard = open_file(pipe, O_RDONLY | O_NONBLOCK);
  REQUIRE(heard);
  // As long as nobody holds the other end, nothing can be read.
  const auto hear = [&] {
    char text[200];
    const ssize_t size = ::read(heard->descriptor(), text, sizeof text);
    return size < 0 ? std::string("silence") : std::string(text, static_cast<std::size_t>(size));
  };
  { const KeepAwake without(root.path(), "backup of home"); }
  CHECK(hear() == "");
  std::filesystem::create_directories(root.path() + "run/systemd/system");
  {
    const KeepAwake with(root.path(), "backup of home");
    pollfd wanted{heard->descriptor(), POLLIN, 0};
    REQUIRE(::poll(&wanted, 1, 60'000) == 1);
    CHECK(hear() == "--what=sleep:idle --who=lagan --why=backup of home cat\n");
    CHECK(hear() == "silence");
  }
  CHECK(hear() == "");
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace lagan
