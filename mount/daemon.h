// SPDX-License-Identifier: Apache-2.0
#pragma once

// Goes on in the background once it is clear that all is well: the one who started it waits until
// then, and sees what is said before.

#include "util/file.h"
#include "util/result.h"

namespace lagan {

class Daemon {
 public:
  // Splits the program in two; call it before there are threads. In the new one it returns; the old
  // one waits until that is detached, or over, and ends with its exit code.
  static Result<Daemon> split();

  // Lets the old one end with success. From then on there is no terminal, and nothing that is
  // printed goes anywhere.
  Result<void> detach();

 private:
  explicit Daemon(File report) : report_(std::move(report)) {}
  File report_;  // written to when all is well
};

}  // namespace lagan
