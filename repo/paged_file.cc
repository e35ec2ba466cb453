// SPDX-License-Identifier: Apache-2.0
#include "repo/paged_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "crypto/hash.h"

namespace lagan {

void PageMemory::resize(std::size_t size) {
  if (size == size_) return;
  if (size == 0) {
    ::munmap(data_, size_);
    data_ = nullptr;
    size_ = 0;
    return;
  }
  void* const mapped = data_ == nullptr ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                        : ::mremap(data_, size_, size, MREMAP_MAYMOVE);
  if (mapped == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(mapped);
  size_ = size;
  // Below this a huge page would be mostly empty.
  constexpr std::size_t kWorthHugePages = std::size_t{8} << 20;
  if (size >= kWorthHugePages) ::madvise(mapped, size, MADV_HUGEPAGE);
}

void PageMemory::forget(std::size_t offset, std::size_t size) {
  if (size > 0) ::madvise(data_ + offset, size, MADV_DONTNEED);
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

PagedFile::PageHash PagedFile::hash_page(ByteSpan page) {
  const Hash whole = hash(page);
  PageHash cut;
  std::copy_n(whole.begin(), cut.size(), cut.begin());
  return cut;
}

PagedFile::PagedFile(File file, std::uint64_t begin, std::uint64_t size,
                     std::vector<PageHash> hashes)
    : file_(std::move(file)),
      begin_(begin),
      size_(size),
      hashes_(std::move(hashes)),
      checked_(std::make_unique<std::atomic<std::uint64_t>[]>(hashes_.size() / 64 + 1)) {
  LAGAN_ASSERT(hashes_.size() == page_count(size));
}

void PagedFile::set_resident_size(std::uint64_t size) {
  const std::uint64_t before = memory_.size();
  memory_.resize(std::min(size, size_));
  // Pages that were checked where they lie have yet to be read into the new memory.
  if (memory_.size() > before) set_unchecked(before / kPageSize, page_count(memory_.size()));
}

void PagedFile::forget(std::uint64_t size) {
  const std::uint64_t pages = std::min<std::uint64_t>(size, memory_.size()) / kPageSize;
  memory_.forget(0, pages * kPageSize);
  set_unchecked(0, pages);
}

void PagedFile::set_unchecked(std::uint64_t first_page, std::uint64_t end_page) {
  for (std::uint64_t page = first_page; page < end_page; ++page) {
    checked_[page / 64].fetch_and(~(std::uint64_t{1} << (page % 64)));
  }
}

const std::byte* PagedFile::look_closely(std::uint64_t offset, std::size_t size,
                                         MutableByteSpan scratch) const {
  if (damaged()) return nullptr;
  if (size == 0 || offset > size_ || size > size_ - offset) {
    mark_damaged();
    return nullptr;
  }
  for (std::uint64_t page = offset / kPageSize; page <= (offset + size - 1) / kPageSize; ++page) {
    if (!is_checked(page) && !check(page)) {
      mark_damaged();
      return nullptr;
    }
  }
  if (offset + size <= memory_.size()) return memory_.data() + offset;
  LAGAN_ASSERT(size <= scratch.size());
  if (!read(offset, scratch.first(size))) {
    mark_damaged();
    return nullptr;
  }
  return scratch.data();
}

void PagedFile::check_all() const {
  for (std::uint64_t page = 0; page < hashes_.size() && !damaged(); ++page) {
    if (!is_checked(page) && !check(page)) mark_damaged();
  }
}

bool PagedFile::check(std::uint64_t page) const {
  MutexLock lock(checking_);
  if (is_checked(page)) return true;  // another thread was faster
  const std::uint64_t offset = page * kPageSize;
  const std::size_t size = std::min<std::uint64_t>(kPageSize, size_ - offset);
  Bytes content(size);
  if (!read(offset, content.span()) || hash_page(content) != hashes_[page]) return false;
  if (offset < memory_.size()) {
    std::memcpy(memory_.data() + offset, content.data(),
                std::min<std::uint64_t>(size, memory_.size() - offset));
  }
  checked_[page / 64].fetch_or(std::uint64_t{1} << (page % 64), std::memory_order_release);
  return true;
}

bool PagedFile::read(std::uint64_t offset, MutableByteSpan into) const {
  const auto got = read_at(file_.descriptor(), into, begin_ + offset);
  return got && *got == into.size();
}

}  // namespace lagan
