// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder of a snapshot as a zip archive that is made while it is sent.

#include <pthread.h>

#include <atomic>
#include <functional>
#include <string>

#include "repo/tree.h"
#include "src/serve/web_message.h"
#include "util/file.h"

namespace lagan {

// Where an archive gets chunks from, and whom it tells what it must do without.
struct ZipSource {
  ChunkSource chunks;
  std::function<void(const std::string& trouble)> note;
};

class ZipBody : public WebBody {
 public:
  // Borrows the source. The archive has the folder under its own name.
  ZipBody(const ZipSource& source, Entry folder) : source_(source), folder_(std::move(folder)) {}
  ~ZipBody() override;

  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  // Nothing is read from the repository before the first call. A file that cannot be read is an
  // error; one that could not be read when it was saved is left out.
  Result<std::size_t> read(MutableByteSpan into) override;

 private:
  Result<void> start();
  Result<void> write();
  static void* run(void* self);

  const ZipSource& source_;
  const Entry folder_;
  File from_, to_;  // a pipe from the thread
  bool is_started_ = false;
  pthread_t thread_{};
  std::atomic<bool> is_broken_ = false;
  Result<void> result_;  // the thread's, once it is over
};

}  // namespace lagan
