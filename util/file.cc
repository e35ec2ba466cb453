// SPDX-License-Identifier: Apache-2.0
#include "util/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace lagan {

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (is_open()) ::close(descriptor_);
    descriptor_ = other.release();
  }
  return *this;
}

File::~File() {
  if (is_open()) ::close(descriptor_);
}

int File::release() { return std::exchange(descriptor_, -1); }

Result<File> open_file(const std::string& path, int flags, mode_t mode) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (descriptor < 0) return fail(system_error("open " + path, errno));
  return File(descriptor);
}

Result<std::size_t> read_at(int descriptor, MutableByteSpan into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(descriptor, into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read", errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::size_t> read_some_full(int descriptor, MutableByteSpan into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::read(descriptor, into.data() + done, into.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read", errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> write_all(int descriptor, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error("write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> write_all_at(int descriptor, ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error("write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<Bytes> read_file(const std::string& path, std::size_t max_size_bytes) {
  const File file = TRY(open_file(path, O_RDONLY));
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return fail(system_error("stat " + path, errno));
  if (!S_ISREG(status.st_mode)) {
    // A pipe or a device (`/dev/stdin`, `<(command)`) has no size: read up to the limit.
    Bytes content(max_size_bytes + 1);
    const std::size_t size = TRY_IN(path, read_some_full(file.descriptor(), content.span()));
    if (size > max_size_bytes)
      return fail(ErrorCode::invalid_argument, path + ": longer than expected");
    content.truncate(size);
    return content;
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_size_bytes)
    return fail(ErrorCode::invalid_argument, path + ": longer than expected");
  Bytes content(size);
  const std::size_t got = TRY_IN(path, read_some_full(file.descriptor(), content.span()));
  content.truncate(got);
  return content;
}

Result<void> replace_file(const std::string& path, ByteSpan bytes) {
  const std::string temporary = fmt::format("{}.tmp-{}", path, ::getpid());
  const auto write_temporary = [&]() -> Result<void> {
    const File file = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
    TRY_IN(temporary, write_all(file.descriptor(), bytes));
    if (::fsync(file.descriptor()) != 0) return fail(system_error("fsync " + temporary, errno));
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      return fail(system_error("rename " + temporary, errno));
    return {};
  };
  auto done = write_temporary();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<File> create_unnamed_file() {
  const char* const chosen = std::getenv("TMPDIR");
  for (const char* folder : {chosen != nullptr ? chosen : "/var/tmp", "/tmp"}) {
    if (auto file = open_file(folder, O_TMPFILE | O_RDWR)) return file;
  }
  File in_memory(::memfd_create("lagan", MFD_CLOEXEC));
  if (!in_memory.is_open()) return fail(system_error("create a temporary file", errno));
  return in_memory;
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && ::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return fail(system_error("create folder " + part, errno));
    }
    if (end == std::string::npos) return {};
  }
}

}  // namespace lagan
