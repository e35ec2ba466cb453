// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lists uploaded packs in index segments. A segment is put when enough has come together: early at
// first, so that an interrupted run loses little, and at the latest after 256 MiB of packs or 60 s.
// Any thread may call anything.

#include <atomic>
#include <functional>

#include "repo/messages.h"
#include "repo/repository.h"
#include "util/mutex.h"

namespace lagan {

class IndexPublisher {
 public:
  // `published` is called after each put, with the segment.
  IndexPublisher(const Repository& repository, const SessionId& session,
                 std::function<Result<void>(const SegmentId&, const Segment&)> published);

  // The pack is durable. Publishes if that is due.
  Result<void> add(PackEntry pack);
  // Publishes what is left.
  Result<void> flush();

  std::uint64_t bytes_put() const { return bytes_put_; }

 private:
  bool is_due() const REQUIRES(mutex_);
  Result<void> publish() REQUIRES(mutex_);

  const Repository& repository_;
  const SessionId session_;
  const std::function<Result<void>(const SegmentId&, const Segment&)> published_;
  Mutex mutex_;
  std::vector<PackEntry> packs_ GUARDED_BY(mutex_);
  std::uint64_t waiting_bytes_ GUARDED_BY(mutex_) = 0, published_bytes_ GUARDED_BY(mutex_) = 0;
  Nanoseconds last_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> bytes_put_ = 0;
};

}  // namespace lagan
