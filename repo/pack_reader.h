// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reading packs: one block through the index's word for where it lies, or the directory of a pack
// from its own end when there is no index. What comes out of a block is not trusted until each
// chunk used has been checked against its id.

#include <memory>

#include "crypto/object_key.h"
#include "repo/body.h"
#include "repo/compression.h"
#include "repo/local_index.h"
#include "repo/messages.h"
#include "storage/storage.h"
#include "util/result.h"

namespace lagan {

// Opens blocks of one pack. One thread at a time.
class PackOpener {
 public:
  static Result<PackOpener> open(const Sealing& sealing, const Header& header);

  // The raw bytes of a block, exactly `raw` of them.
  Result<Bytes> open_block(std::uint32_t ordinal, std::uint64_t nonce_tail, Codec codec,
                           std::uint32_t raw, ByteSpan sealed);

  // The same block also as it was before it was sealed, for another pack. `raw` is empty if that
  // is what was stored.
  struct StoredBlock {
    Bytes stored, raw;
    ByteSpan content() const { return raw.empty() ? stored : raw; }
  };
  Result<StoredBlock> open_stored(std::uint32_t ordinal, const Block& block, ByteSpan sealed);

 private:
  PackOpener(Header header, Aead aead) : header_(header), aead_(std::move(aead)) {}
  Result<void> unseal(std::uint32_t ordinal, std::uint64_t nonce_tail, ByteSpan sealed,
                      MutableByteSpan out);
  Header header_;
  Aead aead_;
  Decompressor decompressor_;
  Bytes scratch_;
};

// Checks a chunk's bytes against its id; `corrupt` if they differ.
Result<void> verify_chunk(const SecretKey& id_key, const ChunkId& id, ChunkKind kind,
                          ByteSpan plaintext);
ChunkId chunk_id(const SecretKey& id_key, ChunkKind kind, ByteSpan plaintext);

// Reads a pack's own directory, with the last 1 MiB of it or less. `whole`, if not empty, is the
// whole pack already fetched: its name, its header and its copy are then checked too.
Result<PackEntry> read_pack_directory(const Sealing& sealing, Storage& storage, ObjectKind kind,
                                      const PackId& name, std::uint64_t size, ByteSpan whole = {});

}  // namespace lagan
