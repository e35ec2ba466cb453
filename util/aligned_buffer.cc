// SPDX-License-Identifier: Apache-2.0
#include "util/aligned_buffer.h"

#include <sys/mman.h>

#include "util/result.h"

namespace lagan {

AlignedBuffer::AlignedBuffer(std::size_t size) : size_(size) {
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  LAGAN_ASSERT(mapped != MAP_FAILED);
  data_ = static_cast<std::byte*>(mapped);
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace lagan
