// SPDX-License-Identifier: Apache-2.0
#include "util/clock.h"

#include <chrono>

namespace lagan {

Nanoseconds system_now() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace lagan
