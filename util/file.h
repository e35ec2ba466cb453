// SPDX-License-Identifier: Apache-2.0
#pragma once

// Owned file descriptors and the few whole-file operations that everybody needs. EINTR and short
// transfers are handled here and nowhere else.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(other.release()) {}
  File& operator=(File&& other) noexcept;
  ~File();

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  int release();

 private:
  int descriptor_ = -1;
};

// open(2) with O_CLOEXEC added; `mode` counts when the file is created.
Result<File> open_file(const std::string& path, int flags, mode_t mode = 0600);

// Fills `into` from `offset`, or less at the end of the file. Returns the bytes read.
Result<std::size_t> read_at(int descriptor, MutableByteSpan into, std::uint64_t offset);
// Fills `into` from the current position, or less at the end of the file.
Result<std::size_t> read_some_full(int descriptor, MutableByteSpan into);
Result<void> write_all(int descriptor, ByteSpan bytes);
Result<void> write_all_at(int descriptor, ByteSpan bytes, std::uint64_t offset);

// The whole file, at most `max_size_bytes` (longer: `invalid_argument`).
Result<Bytes> read_file(const std::string& path, std::size_t max_size_bytes);

// Puts `bytes` under `path` atomically: temporary file beside it, fsync, rename. Mode 0600.
Result<void> replace_file(const std::string& path, ByteSpan bytes);

// A file without a name in $TMPDIR, /var/tmp, /tmp or, if need be, in memory. It goes with its
// descriptor.
Result<File> create_unnamed_file();

// Creates `path` and its missing parents, with `mode` for those it makes.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);

}  // namespace lagan
