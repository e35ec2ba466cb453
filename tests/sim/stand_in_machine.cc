// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/stand_in_machine.h"

#include <map>

namespace lagan {
namespace {

constexpr std::uint32_t kFirstPid = 0x4000'0000;

// What is linked in place of functions without an object has no other place for its state.
struct Machines {
  ProcessIdentity current;
  std::map<std::uint32_t, std::uint64_t> started;  // by pid
  std::uint32_t next = 0;
};
Machines& machines() {
  static Machines all;
  return all;
}

}  // namespace

std::uint64_t process_start(std::uint32_t pid) {
  const auto at = machines().started.find(pid);
  return at == machines().started.end() ? 0 : at->second;
}
ProcessIdentity this_process(const SecretKey&) { return machines().current; }
std::string host_name() { return "host"; }
std::string program_name() { return "lagan sim"; }

namespace sim {

void set_this_process(const ProcessIdentity& process) { machines().current = process; }

ProcessIdentity start_process(const std::string& machine) {
  Machines& all = machines();
  const std::uint32_t number = all.next++;
  ProcessIdentity process{.machine = machine,
                          .boot = "boot",
                          .pid = kFirstPid + number,
                          .pid_started = 1000 + number,
                          .pid_namespace = 1};
  all.started[process.pid] = process.pid_started;
  return process;
}

void end_process(const ProcessIdentity& process) { machines().started.erase(process.pid); }

void end_all_processes() {
  machines().started.clear();
  machines().next = 0;
}

}  // namespace sim
}  // namespace lagan
