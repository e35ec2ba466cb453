// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_assembler.h"

#include <algorithm>

namespace lagan {

PackAssembler::PackAssembler(const Repository& repository, const SessionId& session,
                             const PackSizes& sizes, std::size_t buffers, Failure& failure)
    : repository_(repository),
      session_(session),
      failure_(failure),
      data_{ObjectKind::data_pack, sizes.data_bytes, nullptr, {}, buffers},
      tree_{ObjectKind::tree_pack, sizes.tree_bytes, nullptr, {}, buffers} {}

Result<PackAssembler::Place> PackAssembler::reserve(ObjectKind pack_kind, std::size_t stored,
                                                    std::size_t chunks) {
  const MutexLock lock(mutex_);
  Kind& kind = of(pack_kind);
  while (true) {
    TRY(failure_.check());
    if (kind.open) {
      if (const auto slot = kind.open->reserve(stored, chunks)) return Place{kind.open, *slot};
      if (kind.open->is_empty()) return fail(ErrorCode::internal, "a block is larger than a pack");
      close(kind);
    }
    if (kind.free.empty() && kind.unmade == 0) {
      buffer_freed_.wait(mutex_);
      continue;  // another thread may have opened a pack meanwhile
    }
    if (kind.free.empty()) {
      kind.free.emplace_back(kind.pack_bytes);
      --kind.unmade;
    }
    kind.open =
        std::make_shared<PackBuilder>(kind.kind, repository_.sealing(), session_, pack_counter_++,
                                      repository_.now(), std::move(kind.free.back()));
    kind.free.pop_back();
  }
}

void PackAssembler::commit(Place place, SealedSpan sealed, Block block) {
  const MutexLock lock(mutex_);
  place.pack->commit(place.slot, sealed, std::move(block));
  submit_if_complete(place.pack);
}

void PackAssembler::close(Kind& kind) {
  const auto pack = std::exchange(kind.open, nullptr);
  closed_.push_back(pack);
  ++unreleased_;
  submit_if_complete(pack);
}

void PackAssembler::submit_if_complete(const std::shared_ptr<PackBuilder>& pack) {
  if (pack->blocks_in_work() != 0 || std::erase(closed_, pack) == 0) return;
  complete_.push_back(pack);
  completed_.notify_one();
}

void PackAssembler::close_open_packs() {
  const MutexLock lock(mutex_);
  for (Kind* kind : {&data_, &tree_}) {
    if (kind->open && !kind->open->is_empty()) close(*kind);
  }
}

std::optional<FinishedPack> PackAssembler::next_complete(Wait wait) {
  std::shared_ptr<PackBuilder> pack;
  {
    const MutexLock lock(mutex_);
    while (wait == Wait::yes && complete_.empty() && !stopped_) completed_.wait(mutex_);
    if (complete_.empty()) return std::nullopt;
    pack = std::move(complete_.front());
    complete_.erase(complete_.begin());
  }
  return pack->finish(repository_.sealing().random);
}

void PackAssembler::release(FinishedPack pack) {
  const MutexLock lock(mutex_);
  of(pack.entry.kind).free.push_back(std::move(pack.buffer));
  --unreleased_;
  buffer_freed_.notify_all();
  released_.notify_all();
}

void PackAssembler::wait_until_released() {
  const MutexLock lock(mutex_);
  while (unreleased_ != 0 && !failure_.happened()) released_.wait(mutex_);
}

void PackAssembler::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  completed_.notify_all();
  buffer_freed_.notify_all();
  released_.notify_all();
}

}  // namespace lagan
