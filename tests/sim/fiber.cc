// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/fiber.h"

#include <cstdint>

#include "util/result.h"

namespace lagan::sim {
namespace {

constexpr std::size_t kStackBytes = std::size_t{512} << 10;

}  // namespace

Fiber::Fiber(Stacks& stacks, std::function<void()> body) : stacks_(stacks), body_(std::move(body)) {
  if (stacks_.empty()) stacks_.emplace_back(kStackBytes);
  stack_ = std::move(stacks_.back());
  stacks_.pop_back();
  LAGAN_ASSERT(::getcontext(&here_) == 0);
  here_.uc_stack.ss_sp = stack_.span().data();
  here_.uc_stack.ss_size = stack_.size();
  here_.uc_link = &outside_;
  // makecontext passes only integers.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  ::makecontext(&here_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
}

Fiber::~Fiber() {
  LAGAN_ASSERT(is_done_);
  stacks_.push_back(std::move(stack_));
}

void Fiber::enter(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32 | low);
  self->body_();
  self->is_done_ = true;
}

void Fiber::resume() {
  LAGAN_ASSERT(!is_done_);
  ::swapcontext(&outside_, &here_);
}

void Fiber::yield() { ::swapcontext(&here_, &outside_); }

}  // namespace lagan::sim
