// SPDX-License-Identifier: Apache-2.0
#pragma once

// A function with a stack of its own that can stop in the middle and go on later, on the thread
// that resumes it. A thousand times cheaper to switch than a thread, and nothing but the caller
// decides who runs.

#include <ucontext.h>

#include <functional>
#include <memory>
#include <vector>

#include "util/aligned_buffer.h"

namespace lagan::sim {

class Fiber {
 public:
  // `stacks` gives the stack and gets it back; it outlives the fiber. The body must come to its
  // end before the fiber is destroyed, for its stack is not unwound.
  using Stacks = std::vector<AlignedBuffer>;
  Fiber(Stacks& stacks, std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs the body until it yields or ends.
  void resume();
  // Only from within the body.
  void yield();
  bool is_done() const { return is_done_; }

 private:
  static void enter(unsigned high, unsigned low);

  Stacks& stacks_;
  AlignedBuffer stack_;
  std::function<void()> body_;
  ucontext_t here_{}, outside_{};
  bool is_done_ = false;
};

}  // namespace lagan::sim
