// SPDX-License-Identifier: Apache-2.0
#include "src/serve/zip_body.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <exception>

#include "src/engine/tree_archive.h"

namespace lagan {
namespace {

// Walks of trees call themselves once a folder, with up to 4 KiB a time, and folders may nest 4,096
// deep (repo/limits.h).
constexpr std::size_t kStackBytes = std::size_t{64} << 20;

}  // namespace

ZipBody::~ZipBody() {
  is_broken_ = true;
  from_ = File();  // what the thread writes fails from now on
  if (is_started_) ::pthread_join(thread_, nullptr);
}

Result<void> ZipBody::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("make a pipe", errno));
  from_ = File(ends[0]);
  to_ = File(ends[1]);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  const int error = ::pthread_create(&thread_, &attributes, run, this);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return fail(system_error("start a thread", error));
  is_started_ = true;
  return {};
}

Result<std::size_t> ZipBody::read(MutableByteSpan into) {
  if (!from_.is_open()) TRY(start());
  ssize_t size = 0;
  do {
    size = ::read(from_.descriptor(), into.data(), into.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail(system_error("read the archive", errno));
  if (size > 0) return static_cast<std::size_t>(size);
  if (is_started_) ::pthread_join(thread_, nullptr);
  is_started_ = false;
  if (!result_) return fail(result_.error());
  return 0;
}

void* ZipBody::run(void* self) {
  auto& body = *static_cast<ZipBody*>(self);
  try {
    body.result_ = body.write();
  } catch (const std::exception& error) {
    body.result_ = fail(ErrorCode::internal, error.what());
  }
  body.to_ = File();
  return nullptr;
}

Result<void> ZipBody::write() {
  // A browser shows no list of what went wrong, so an archive with zeros in place of what cannot be
  // read would be taken for whole.
  std::optional<Error> failed;
  const ChunkSource chunks = [&](const ChunkId& id, ChunkKind kind) {
    auto chunk = source_.chunks(id, kind);
    if (!chunk && !failed) failed = chunk.error();
    return chunk;
  };
  const ArchiveOptions options{
      .format = ArchiveFormat::zip,
      .is_stopped = [&] { return failed.has_value() || is_broken_; },
      .trouble =
          [&](const std::string& path, const Error& error) {
            source_.note(fmt::format("zip: {}: {}", path, error.message));
            if (error.code != ErrorCode::not_found && !failed) failed = error;
          },
      .left_out =
          [&](const std::string& path) {
            source_.note(fmt::format("zip: {}: left out, for zip cannot hold such a file", path));
          }};
  const std::string path = folder_.name.empty() ? std::string() : "/" + folder_.name;
  auto written = write_archive(chunks, folder_, path, to_.descriptor(), options);
  if (failed) return fail(*failed);
  return written;
}

}  // namespace lagan
