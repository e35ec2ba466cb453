// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process between us and a program that we start, so that nothing of it is left behind: not when
// it is to end and only its shell hears of it, and not when we are killed and cannot say so.

#include <sys/types.h>

#include <functional>

#include "util/clock.h"

namespace lagan {

// As fork(2), for the parent: the id of a process that heads a group of its own, has `become` turn
// a further one into the program, and ends as that does, by a shell's codes. When it gets SIGTERM,
// or we are gone, the whole group gets SIGTERM, and after `grace` what is left of it SIGKILL. Once
// the program has ended by itself, what it has left in the background goes on.
pid_t fork_guarded(Nanoseconds grace, const std::function<void()>& become);

}  // namespace lagan
