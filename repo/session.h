// SPDX-License-Identifier: Apache-2.0
#pragma once

// A writer's session (docs/architecture.md, "The concurrency protocol"): registered before anything
// else is read, kept alive by heartbeats, closed by its snapshot or by its own fence. What a
// session has learnt about condemned packs and the index is in the LocalIndex it loaded. One
// thread, but for the heartbeat inside.

#include <memory>
#include <string>
#include <thread>

#include "repo/chunk_writer.h"
#include "repo/index_loader.h"
#include "repo/local_index.h"
#include "repo/repository.h"
#include "util/mutex.h"

namespace lagan {

enum class Purpose : std::uint32_t {
  backup = 1,
  copy = 2,
  rewrite = 3,
  repair = 4,
  import = 5,
  undelete = 6
};

class WriterSession {
 public:
  // W1 and W2: puts the registration, then lists condemned packs and loads `index`. Refuses on a
  // repository that can only be read.
  static Result<std::unique_ptr<WriterSession>> begin(const Repository& repository,
                                                      LocalIndex& index, Purpose purpose,
                                                      std::string host);
  ~WriterSession();
  WriterSession(const WriterSession&) = delete;
  WriterSession& operator=(const WriterSession&) = delete;

  const SessionId& id() const { return id_; }
  const LoadedIndex& loaded() const { return loaded_; }
  // How many packs were condemned when it began. They only become more: while two sessions see
  // equally many, what one has found to be there the other may rely on.
  std::size_t condemned() const { return condemned_; }

  // W4: everything the snapshot needs is acknowledged (writer.flush() has succeeded). Puts the
  // snapshot and looks for a fence; a fenced session stores again what lies in condemned packs
  // until nothing is left, with a writer of such options, then marks the snapshot verified.
  // `unavailable` with "begin again" if
  // this machine was rolled back.
  Result<void> commit(const Snapshot& snapshot, const ChunkWriterOptions& writer = {});

  // Ends without a snapshot.
  Result<void> abandon();

 private:
  WriterSession(const Repository& repository, LocalIndex& index, std::string host);
  Result<void> put_registration(Purpose purpose, std::uint32_t beat);
  Result<void> learn();
  Result<void> check_not_rolled_back() const;
  Result<bool> is_fenced() const;
  Result<void> rescue(const Snapshot& snapshot, const ChunkWriterOptions& writer);

  const Repository& repository_;
  LocalIndex& index_;
  const std::string host_;
  SessionId id_;
  Purpose purpose_ = Purpose::backup;
  LoadedIndex loaded_;
  std::size_t condemned_ = 0;
  bool closed_ = false;
  Mutex mutex_;
  Condition wake_;
  std::jthread heart_;
};

}  // namespace lagan
