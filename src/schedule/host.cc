// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

namespace lagan {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// include/uapi/linux/ioprio.h
constexpr int kProcess = 1, kClassShift = 13, kBestEffort = 2, kIdle = 3, kLowestLevel = 7;

}  // namespace

bool has_network(const std::string& root) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …
  std::ifstream routes(root + "proc/net/route");
  std::string line;
  std::getline(routes, line);
  while (std::getline(routes, line)) {
    std::istringstream words(line);
    std::string interface, destination, gateway;
    unsigned flags = 0, count = 0, used = 0, metric = 0;
    std::string mask;
    words >> interface >> destination >> gateway >> std::hex >> flags >> std::dec >> count >>
        used >> metric >> mask;
    if (destination == "00000000" && mask == "00000000" && (flags & 1U) != 0) return true;
  }
  // destination, its length, source, its length, next hop, metric, count, used, flags, interface
  std::ifstream newer(root + "proc/net/ipv6_route");
  while (std::getline(newer, line)) {
    std::istringstream words(line);
    std::string destination, length, source, source_length, hop, metric, count, used, flags, name;
    words >> destination >> length >> source >> source_length >> hop >> metric >> count >> used >>
        flags >> name;
    // Whatever cannot be reached is a route of the loopback interface.
    if (destination.find_first_not_of('0') == std::string::npos && length == "00" && name != "lo" &&
        !name.empty())
      return true;
  }
  return false;
}

bool has_mains_power(const std::string& root) {
  const std::string folder = root + "sys/class/power_supply";
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  bool is_emptied = false;
  while (const dirent* entry = open != nullptr ? ::readdir(open.get()) : nullptr) {
    if (entry->d_name[0] == '.') continue;
    const std::string supply = folder + "/" + entry->d_name;
    const std::string type = first_line(supply + "/type");
    if (type == "Mains" && first_line(supply + "/online") == "1") return true;
    // Not that of a mouse.
    if (type == "Battery" && first_line(supply + "/scope") != "Device" &&
        first_line(supply + "/status") == "Discharging")
      is_emptied = true;
  }
  return !is_emptied;
}

Result<void> lower_priority(int nice, const std::string& ionice) {
  if (nice != 0 && ::setpriority(PRIO_PROCESS, 0, nice) != 0)
    return fail(system_error("limits.nice", errno));
  if (ionice.empty()) return {};
  const int priority =
      ionice == "idle" ? kIdle << kClassShift : kBestEffort << kClassShift | kLowestLevel;
  if (::syscall(SYS_ioprio_set, kProcess, 0, priority) != 0)
    return fail(system_error("limits.ionice", errno));
  return {};
}

KeepAwake::KeepAwake(const std::string& root, const std::string& why) {
  // Asking systemd-inhibit to be there costs a process, and where there is no systemd it fails.
  if (::access((root + "run/systemd/system").c_str(), F_OK) != 0) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const std::string reason = "--why=" + why;
  child_ = ::fork();
  if (child_ == 0) {
    ::setpgid(0, 0);
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(ends[0], STDIN_FILENO);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    // It ends when its input does: with us, however we end.
    ::execlp("systemd-inhibit", "systemd-inhibit", "--what=sleep:idle", "--who=lagan",
             reason.c_str(), "cat", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  if (child_ > 0) ::setpgid(child_, child_);
  ::close(ends[0]);
  pipe_ = ends[1];
}

KeepAwake::~KeepAwake() {
  if (pipe_ >= 0) ::close(pipe_);
  if (child_ > 0) {
    ::kill(-child_, SIGTERM);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace lagan
