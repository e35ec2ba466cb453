// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands out room in growing packs and gives full packs to the uploader. One data pack and one tree
// pack are open at a time; a fixed number of buffers bounds memory: who needs room waits until an
// upload has given a buffer back. Any thread may call anything.

#include <memory>
#include <optional>
#include <vector>

#include "repo/pack_builder.h"
#include "repo/repository.h"
#include "util/bounded_queue.h"
#include "util/failure.h"
#include "util/mutex.h"

namespace lagan {

struct PackSizes {
  std::size_t data_bytes, tree_bytes;
};

enum class Wait { no, yes };

class PackAssembler {
 public:
  PackAssembler(const Repository& repository, const SessionId& session, const PackSizes& sizes,
                std::size_t buffers, Failure& failure);

  // A block's place in a pack. The pack stays open for its holders until they have committed.
  struct Place {
    std::shared_ptr<PackBuilder> pack;
    PackBuilder::Slot slot;
  };
  Result<Place> reserve(ObjectKind kind, std::size_t stored, std::size_t chunks);
  void commit(Place place, SealedSpan sealed, Block block);

  // Gives up the open packs to the uploader, however small. No block may be in work.
  void close_open_packs();

  // For uploaders: the next complete pack. Nothing once stop() was called, or if there is none and
  // it is not waited for. Its buffer goes back with release().
  std::optional<FinishedPack> next_complete(Wait wait = Wait::yes);
  void release(FinishedPack pack);

  // Waits until every complete pack has been released, or something failed.
  void wait_until_released();
  void stop();

 private:
  struct Kind {
    ObjectKind kind;
    std::size_t pack_bytes;
    std::shared_ptr<PackBuilder> open;
    std::vector<AlignedBuffer> free;
    std::size_t unmade = 0;  // buffers that may still be made
  };
  Kind& of(ObjectKind kind) REQUIRES(mutex_) {
    return kind == ObjectKind::data_pack ? data_ : tree_;
  }
  void close(Kind& kind) REQUIRES(mutex_);
  void submit_if_complete(const std::shared_ptr<PackBuilder>& pack) REQUIRES(mutex_);

  const Repository& repository_;
  const SessionId session_;
  Failure& failure_;
  Mutex mutex_;
  Condition buffer_freed_, completed_, released_;
  Kind data_ GUARDED_BY(mutex_), tree_ GUARDED_BY(mutex_);
  std::uint64_t pack_counter_ GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<PackBuilder>> closed_
      GUARDED_BY(mutex_);  // full, blocks still in work
  std::vector<std::shared_ptr<PackBuilder>> complete_
      GUARDED_BY(mutex_);  // for the uploader, in order
  std::size_t unreleased_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace lagan
