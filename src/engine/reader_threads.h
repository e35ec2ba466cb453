// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

#include "repo/repository.h"

namespace lagan {

// How many threads shall read packs: as many as can look at them, or, over a network, as many as
// have to wait for them.
inline std::size_t reader_threads(const Repository& repository, std::size_t most = 8) {
  const std::size_t waiting = repository.storage().capabilities().parallel_gets;
  return std::clamp<std::size_t>(
      std::max<std::size_t>(std::thread::hardware_concurrency(), waiting), 2, most);
}

}  // namespace lagan
