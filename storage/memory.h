// SPDX-License-Identifier: Apache-2.0
#pragma once

// Objects in this process: the reference that the contract suite is written against, and the store
// of fast tests.

#include <memory>

#include "storage/storage.h"

namespace lagan {

std::unique_ptr<Storage> make_memory_storage();

}  // namespace lagan
