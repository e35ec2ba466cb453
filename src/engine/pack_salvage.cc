// SPDX-License-Identifier: Apache-2.0
#include "src/engine/pack_salvage.h"

#include <fmt/format.h>

#include "repo/names.h"
#include "repo/pack_reader.h"

namespace lagan {
namespace {

// The storage answers, and what it holds is wrong or cannot be read off its disk.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::corrupt || error.code == ErrorCode::io ||
         error.code == ErrorCode::unsupported;
}

class Salvager {
 public:
  Salvager(const Repository& repository, const PackId& id, const ListedPack& pack,
           const EachSalvaged& each)
      : repository_(repository),
        id_(id),
        pack_(pack),
        name_(names::pack(pack.kind, id)),
        each_(each) {}

  Result<Salvage> run(const PackEntry* indexed) {
    TRY(fetch());
    const auto own = read_pack_directory(repository_.sealing(), repository_.storage(), pack_.kind,
                                         id_, pack_.size);
    if (!own && !is_damage(own.error())) return fail(own.error());
    if (!own) note_refusal(own.error());
    if (!own) salvage_.troubles.push_back(own.error().message);
    const bool differ =
        own && indexed != nullptr &&
        (own->header != indexed->header || encode(own->directory) != encode(indexed->directory));
    if (differ) salvage_.troubles.emplace_back("the index lists other blocks than it has");
    salvage_.has_directory = own || indexed != nullptr;
    if (indexed != nullptr) TRY(read_blocks(*indexed));
    if (own && (indexed == nullptr || differ)) TRY(read_blocks(*own));
    return std::move(salvage_);
  }

 private:
  // A disk that cannot read one sector refuses the whole; its blocks are then read one by one.
  Result<void> fetch() {
    auto whole = repository_.storage().get(name_);
    if (!whole && !is_damage(whole.error())) return fail(std::move(whole).error());
    if (!whole) {
      note_refusal(whole.error());
      salvage_.troubles.push_back(whole.error().message);
      return {};
    }
    if (PackId{hash(*whole)} != id_) salvage_.troubles.emplace_back("does not match its name");
    whole_ = *std::move(whole);
    return {};
  }

  void note_refusal(const Error& error) {
    if (error.code == ErrorCode::io) salvage_.may_be_whole = true;
  }

  Result<void> read_blocks(const PackEntry& entry) {
    auto opener = PackOpener::open(repository_.sealing(), entry.header);
    std::uint64_t offset = kHeaderSize;
    std::size_t bad_blocks = 0;
    std::string first;
    for (std::uint32_t i = 0; i < entry.directory.blocks.size(); ++i) {
      const Block& block = entry.directory.blocks[i];
      const auto raw = opener ? open_block(*opener, i, block, offset) : fail(opener.error());
      offset += block.stored;
      if (raw) {
        TRY(take_chunks(block, *raw));
        continue;
      }
      if (!is_damage(raw.error())) return fail(raw.error());
      note_refusal(raw.error());
      if (bad_blocks++ == 0) first = raw.error().message;
      salvage_.bad_chunks.insert(salvage_.bad_chunks.end(), block.ids.begin(), block.ids.end());
    }
    if (bad_blocks != 0) {
      salvage_.troubles.push_back(fmt::format("{} of {} blocks cannot be read: {}", bad_blocks,
                                              entry.directory.blocks.size(), first));
    }
    return {};
  }

  // What was changed on its way is right the second time.
  Result<Bytes> open_block(PackOpener& opener, std::uint32_t number, const Block& block,
                           std::uint64_t offset) {
    const auto open = [&](ByteSpan sealed) {
      return opener.open_block(number, block.nonce_tail, block.codec, block.raw, sealed);
    };
    if (offset + block.stored <= whole_.size()) {
      if (auto raw = open(whole_.span().subspan(offset, block.stored))) return raw;
    }
    return open(TRY(repository_.storage().get(name_, {offset, block.stored})));
  }

  Result<void> take_chunks(const Block& block, ByteSpan raw) {
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      const ByteSpan chunk = raw.first(block.lengths[i]);
      raw = raw.subspan(block.lengths[i]);
      if (auto good =
              verify_chunk(repository_.bundle().keys.id_key, block.ids[i], block.kind, chunk);
          !good) {
        salvage_.bad_chunks.push_back(block.ids[i]);
        salvage_.troubles.push_back(good.error().message);
        continue;
      }
      ++salvage_.good_chunks;
      TRY(each_(block.kind, chunk));
    }
    return {};
  }

  const Repository& repository_;
  const PackId id_;
  const ListedPack pack_;
  const ObjectName name_;
  const EachSalvaged& each_;
  Bytes whole_;  // empty if it could not be fetched at once
  Salvage salvage_;
};

}  // namespace

Result<Salvage> salvage_pack(const Repository& repository, const PackId& id, const ListedPack& pack,
                             const PackEntry* indexed, const EachSalvaged& each) {
  return Salvager(repository, id, pack, each).run(indexed);
}

}  // namespace lagan
