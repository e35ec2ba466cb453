// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_assembler.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "tests/repo/pack_samples.h"

namespace lagan {
namespace {

struct Assembly {
  TestRepository repository;
  Failure failure;
  PackAssembler assembler{*repository,
                          samples::id<SessionId>(0x20),
                          {.data_bytes = kTestPackBytes, .tree_bytes = kTestPackBytes / 4},
                          2,
                          failure};

  // Seals one block of this size; the error of reserve.
  Result<void> add(std::size_t size, ChunkKind kind = ChunkKind::data) {
    const Bytes content = random_content(size, size);
    auto place = TRY(
        assembler.reserve(kind == ChunkKind::data ? ObjectKind::data_pack : ObjectKind::tree_pack,
                          size + kTagSize, 1));
    Block block = block_of(repository->sealing(), content, kind);
    Aead aead = place.pack->make_aead();
    const SealedSpan sealed = place.pack->seal_block(aead, place.slot, content, block);
    assembler.commit(std::move(place), sealed, std::move(block));
    return {};
  }
};

TEST_CASE("blocks of all workers end up in packs, each kind in its own") {
  Assembly assembly;
  std::atomic<std::size_t> data_blocks = 0, tree_blocks = 0;
  std::set<PackId> names;
  {
    std::jthread uploader([&] {
      while (auto pack = assembly.assembler.next_complete()) {
        const bool is_data = pack->entry.kind == ObjectKind::data_pack;
        CHECK(pack->entry.size <= (is_data ? kTestPackBytes : kTestPackBytes / 4));
        (is_data ? data_blocks : tree_blocks) += pack->entry.directory.blocks.size();
        CHECK(names.insert(pack->entry.name).second);
        assembly.assembler.release(*std::move(pack));
      }
    });
    {
      std::vector<std::jthread> workers;
      for (std::size_t i = 0; i < 4; ++i) {
        workers.emplace_back([&, i] {
          for (std::size_t n = 0; n < 100; ++n) {
            const bool is_tree = n % 4 == 0;
            CHECK(assembly.add(20'000 + 100 * i + n,
                               is_tree ? ChunkKind::directory : ChunkKind::data));
          }
        });
      }
    }
    assembly.assembler.close_open_packs();
    assembly.assembler.wait_until_released();
    assembly.assembler.stop();
  }
  CHECK(data_blocks == 300);
  CHECK(tree_blocks == 100);
  CHECK(names.size() > 8);
}

TEST_CASE("who needs room while all buffers are full waits, and goes on when one comes back") {
  Assembly assembly;
  // Nobody uploads yet: the third pack's first block finds no buffer.
  for (int i = 0; i < 2; ++i) REQUIRE(assembly.add(900'000));
  std::promise<void> stored;
  std::jthread worker([&] {
    CHECK(assembly.add(900'000));
    stored.set_value();
  });
  auto pack = assembly.assembler.next_complete();
  REQUIRE(pack);
  assembly.assembler.release(*std::move(pack));
  stored.get_future().wait();
  assembly.assembler.stop();
}

TEST_CASE("a failure wakes who waits for room, and everybody else") {
  Assembly assembly;
  for (int i = 0; i < 2; ++i) REQUIRE(assembly.add(900'000));
  ErrorCode code{};
  {
    std::jthread worker([&] { code = assembly.add(900'000).error().code; });
    assembly.failure.set(Error{ErrorCode::no_space, "the disk is full", Retry::never, {}});
    assembly.assembler.stop();
  }
  CHECK(code == ErrorCode::no_space);
  assembly.assembler.wait_until_released();
}

TEST_CASE("a pack is handed out only when all of its blocks are sealed") {
  Assembly assembly;
  auto late = assembly.assembler.reserve(ObjectKind::data_pack, 900'000 + kTagSize, 1);
  REQUIRE(late);
  // The next block does not fit, so the first pack is full but not complete.
  REQUIRE(assembly.add(800'000));
  assembly.assembler.close_open_packs();
  const auto second = assembly.assembler.next_complete();
  REQUIRE(second);
  CHECK(second->entry.directory.blocks.at(0).raw == 800'000);

  const Bytes content = random_content(900'000, 1);
  Block block = block_of(assembly.repository->sealing(), content);
  Aead aead = late->pack->make_aead();
  const SealedSpan sealed = late->pack->seal_block(aead, late->slot, content, block);
  assembly.assembler.commit(*std::move(late), sealed, std::move(block));
  const auto first = assembly.assembler.next_complete();
  REQUIRE(first);
  CHECK(first->entry.directory.blocks.at(0).raw == 900'000);
  assembly.assembler.stop();
  CHECK_FALSE(assembly.assembler.next_complete());
}

TEST_CASE("there is nothing to close when nothing was stored") {
  Assembly assembly;
  assembly.assembler.close_open_packs();
  assembly.assembler.wait_until_released();
  assembly.assembler.stop();
  CHECK_FALSE(assembly.assembler.next_complete());
}

}  // namespace
}  // namespace lagan
