// SPDX-License-Identifier: Apache-2.0
#include "repo/machine.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

TEST_CASE("a process knows who and where it is, the same each time") {
  const MasterKeys keys = samples::keys();
  const ProcessIdentity self = this_process(keys.id_key), again = this_process(keys.id_key);
  CHECK(self.pid == static_cast<std::uint32_t>(::getpid()));
  CHECK(self.pid_started != 0);
  CHECK(self.pid_namespace != 0);
  CHECK(self.boot.size() == 16);
  CHECK(self.machine == again.machine);
  CHECK(self.pid_started == again.pid_started);
  // Empty where the machine has no id, and absent never matches.
  if (!self.machine.empty()) {
    CHECK(self.machine.size() == 16);
    CHECK(self.machine != this_process(SecretKey()).machine);
  }
}

TEST_CASE("the machine id itself is not told") {
  std::string id;
  std::getline(std::ifstream("/etc/machine-id"), id);
  if (id.empty()) return;
  CHECK(this_process(samples::keys().id_key).machine.find(id.substr(0, 16)) == std::string::npos);
}

TEST_CASE("host and program have names") {
  CHECK_FALSE(host_name().empty());
  CHECK(program_name().starts_with("lagan "));
}

}  // namespace
}  // namespace lagan
