// SPDX-License-Identifier: Apache-2.0
#pragma once

// A part of a file that may have been damaged, read in pages that are compared with their hashes
// before they are used the first time. The first `resident_size()` bytes are kept in memory once
// read, and look() costs nothing there; the rest is read(2) each time, so that memory stays bounded
// however large the file. Not mapped: a mapping would make a bad sector or a truncation a signal,
// and every touched page would count as our memory. look() may run on several threads at once.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "util/bytes.h"
#include "util/file.h"
#include "util/mutex.h"

namespace lagan {

// Zeroed pages straight from the system, in huge pages where it has them: random access to a large
// filter is bound by TLB misses.
class PageMemory {
 public:
  PageMemory() = default;
  explicit PageMemory(std::size_t size) { resize(size); }
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;
  ~PageMemory();

  // Keeps what is there; what is new is zero. Growing may fail, and then changes nothing.
  void resize(std::size_t size);
  // Makes whole system pages within zero, and gives them back until they are used again.
  void forget(std::size_t offset, std::size_t size);

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

class PagedFile {
 public:
  static constexpr std::size_t kPageSize = 64 * 1024;
  using PageHash = std::array<std::byte, 16>;  // a BLAKE3 hash, cut

  static PageHash hash_page(ByteSpan page);
  static std::uint64_t page_count(std::uint64_t size) { return (size + kPageSize - 1) / kPageSize; }

  // `hashes` has one for each page of `size` bytes from `begin` on; the last page may be short.
  PagedFile(File file, std::uint64_t begin, std::uint64_t size, std::vector<PageHash> hashes);

  // Keeps the first `size` bytes in memory from now on, or fewer if there is no more memory. This
  // and forget() want the file alone.
  void set_resident_size(std::uint64_t size);
  // Gives back the memory of the pages that lie within the first `size` bytes, until they are
  // wanted again.
  void forget(std::uint64_t size);
  std::uint64_t resident_size() const { return memory_.size(); }

  // `size` bytes (at least one) from `offset`, either where they lie in memory or copied into
  // `scratch`. Null if they are outside, cannot be read or are not what was written; the file is
  // then damaged() for good.
  const std::byte* look(std::uint64_t offset, std::size_t size, MutableByteSpan scratch) const {
    if (size <= memory_.size() && offset <= memory_.size() - size &&
        is_checked(offset / kPageSize) && is_checked((offset + size - 1) / kPageSize)) {
      return memory_.data() + offset;
    }
    return look_closely(offset, size, scratch);
  }

  // Looks at every page.
  void check_all() const;
  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }
  // For a reader that finds contents that cannot be.
  void mark_damaged() const { damaged_.store(true, std::memory_order_relaxed); }

 private:
  const std::byte* look_closely(std::uint64_t offset, std::size_t size,
                                MutableByteSpan scratch) const;
  bool check(std::uint64_t page) const;
  void set_unchecked(std::uint64_t first_page, std::uint64_t end_page);
  bool read(std::uint64_t offset, MutableByteSpan into) const;
  bool is_checked(std::uint64_t page) const {
    return (checked_[page / 64].load(std::memory_order_acquire) >> (page % 64) & 1) != 0;
  }

  File file_;
  std::uint64_t begin_;
  std::uint64_t size_;
  std::vector<PageHash> hashes_;
  PageMemory memory_;  // a checked page below its size has been copied here
  std::unique_ptr<std::atomic<std::uint64_t>[]> checked_;
  mutable Mutex checking_;  // one page is checked at a time
  mutable std::atomic<bool> damaged_{false};
};

}  // namespace lagan
