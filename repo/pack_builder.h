// SPDX-License-Identifier: Apache-2.0
#pragma once

// One pack while it grows in memory: header, sealed blocks, padding, directory, trailer
// (docs/format.md, "Packs"). Workers seal blocks straight into their place: reserve() gives a block
// its number and room, the worker seals, commit() takes note. reserve and commit want one caller at
// a time; seal_block runs on any number of threads between them.

#include <cstdint>
#include <optional>

#include "crypto/object_key.h"
#include "repo/body.h"
#include "repo/messages.h"
#include "util/aligned_buffer.h"
#include "util/id.h"

namespace lagan {

// Bytes of a pack that is complete, and how the index will list it.
struct FinishedPack {
  PackEntry entry;
  AlignedBuffer buffer;
  ByteSpan bytes() const { return buffer.span().first(entry.size); }
};

class PackBuilder {
 public:
  // `kind` is data_pack or tree_pack; `counter` counts the packs of this session, shared by both
  // kinds. The buffer's size is the pack's largest padded size.
  PackBuilder(ObjectKind kind, const Sealing& sealing, const SessionId& session,
              std::uint64_t counter, Nanoseconds created, AlignedBuffer buffer);

  struct Slot {
    std::uint32_t ordinal = 0;
    MutableByteSpan room;
  };
  // Room for a block of `stored` bytes (tag included) with so many chunks; nothing if the pack is
  // full.
  std::optional<Slot> reserve(std::size_t stored, std::size_t chunks);

  // Seals `plain` into the slot and sets block.stored and block.nonce_tail; `block` already has ids
  // and codec.
  SealedSpan seal_block(Aead& aead, const Slot& slot, ByteSpan plain, Block& block) const;
  // Opens a sealed block again, to prove before upload that it can be.
  Result<void> open_block(Aead& aead, const Slot& slot, const Block& block,
                          MutableByteSpan out) const;
  Aead make_aead() const;

  void commit(const Slot& slot, SealedSpan sealed, Block block);

  bool is_empty() const { return blocks_.empty(); }
  std::size_t blocks_in_work() const { return in_work_; }

  // Padding, directory, trailer and name. Every reserved slot must be committed. Consumes the
  // builder.
  FinishedPack finish(const Random& random);

 private:
  ObjectKind kind_;
  NewObject object_;
  Suite suite_;
  SessionId session_;
  Nanoseconds created_;
  AlignedBuffer buffer_;
  std::vector<Block> blocks_;
  std::size_t end_;              // of the last reserved block
  std::size_t directory_bound_;  // at most so many bytes of directory
  std::size_t chunks_ = 0;
  std::size_t in_work_ = 0;
};

}  // namespace lagan
