// SPDX-License-Identifier: Apache-2.0
#pragma once

// Machines and processes that exist only in the simulation: linked in place of repo/machine.cc.

#include "repo/machine.h"

namespace lagan::sim {

// Who calls next.
void set_this_process(const ProcessIdentity& process);

// Processes live from here until they end. Their numbers are larger than any that the system
// gives, so that nobody real answers to them.
ProcessIdentity start_process(const std::string& machine);
void end_process(const ProcessIdentity& process);
void end_all_processes();

}  // namespace lagan::sim
