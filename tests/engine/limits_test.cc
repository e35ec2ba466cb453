// SPDX-License-Identifier: Apache-2.0
// What is larger than readers accept: it is not stored, and does not keep the rest from it.
#include <doctest/doctest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "repo/limits.h"
#include "src/engine/prune.h"
#include "src/engine/recover.h"
#include "src/engine/repair_index.h"
#include "src/engine/repair_packs.h"
#include "tests/engine/damage_samples.h"
#include "tests/repo/pack_samples.h"
#include "util/coding.h"

namespace lagan {
namespace {

// Names of one file, so many bytes of them.
BackupOptions named(const TestClient& client, std::size_t bytes) {
  BackupOptions options = client.options();
  options.paths.clear();
  constexpr std::size_t kName = 4000;
  for (std::size_t i = 0; i < bytes / kName; ++i) {
    options.paths.push_back("/" + std::to_string(100'000 + i) + std::string(kName - 7, 'x'));
    options.sources.push_back(client / "a");
  }
  return options;
}

TEST_CASE("a backup of more paths than a snapshot can name is refused before it stores anything") {
  TestClient client;
  write_file(client / "a", "a");
  const BackupOptions options = named(client, 17'000'000);
  CollectingObserver observer;
  const auto refused = client.try_back_up(options, observer);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("4250 paths") != std::string::npos);
  CHECK(refused.error().message.find("name folders instead") != std::string::npos);
  CHECK(client.repository.storage->calls("put").empty());
}

TEST_CASE("a backup of more paths than a root record can name is saved, and recovered") {
  Damaged damaged;
  const BackupOptions options = named(damaged.client, 9'000'000);
  const BackedUp saved = damaged.client.back_up(options);
  REQUIRE_MESSAGE(saved.troubles.empty(), saved.troubles.front());
  damaged.check_is_clean();
  const Snapshot snapshot = damaged.client.load(*saved.result.snapshot);
  CHECK(snapshot.paths.size() == options.paths.size());
  CHECK(snapshot.root_record);

  damaged.remove(names::snapshot(*saved.result.snapshot).text());
  const auto found = recover(*damaged, RecoverOptions());
  REQUIRE(found);
  REQUIRE(found->snapshots.size() == 1);
  CHECK(found->snapshots.front().snapshot.root.id == snapshot.root.id);
  CHECK(found->snapshots.front().snapshot.paths == std::vector<std::string>{"/"});
}

// A run without these limits put a block that is too large, and listed it.
std::string put_poison(Damaged& damaged, const std::string& left_out) {
  const Sealing& sealing = damaged.client.repository->sealing();
  const Bytes content(limits::kBlockRawBytes + 1);
  PackBuilder builder =
      make_builder(sealing, ObjectKind::tree_pack, std::size_t{10} << 20, std::uint64_t{7});
  REQUIRE(add_block(builder, sealing, content, ChunkKind::root_record));
  const FinishedPack pack = builder.finish(sealing.random);
  const ObjectName name = names::pack(pack.entry.kind, pack.entry.name);
  Storage& storage = damaged.storage().inner();
  REQUIRE(storage.put(name, pack.bytes()));
  Segment segment;
  segment.packs = {pack.entry};
  if (!left_out.empty()) {
    // And beside it in the same segment what is good.
    const SegmentId id = *names::id_of<SegmentId>(*ObjectName::parse(left_out));
    const auto good = fetch_segment(*damaged, id);
    REQUIRE(good);
    segment.packs.insert(segment.packs.end(), good->packs.begin(), good->packs.end());
    damaged.remove(left_out);
  }
  const SealedObject object = seal_body(sealing, ObjectKind::index_segment, "", encode(segment));
  REQUIRE(storage.put(names::segment(SegmentId{hash(object.span())}), object.span()));
  return name.text();
}

TEST_CASE("a segment that was written so that nobody can read it is replaced") {
  Damaged damaged;
  std::string pack;
  SUBCASE("of the bad pack alone") { pack = put_poison(damaged, ""); }
  SUBCASE("of good ones too") { pack = put_poison(damaged, damaged.names("index/").front()); }
  CollectingObserver observer;
  CHECK_FALSE(prune(*damaged, PruneOptions(), observer));
  CHECK(damaged.check_all().errors > 0);

  const auto plan = repair_index(*damaged, true);
  REQUIRE_MESSAGE(plan, plan.error().message);
  CHECK(plan->replace.size() == 1);
  CHECK(plan->unreadable == std::vector<std::string>{pack});
  damaged.check_restores();
  // The way on: what is left of it is set aside, and everybody goes on as ever.
  RepairPacksOptions options;
  options.carry_out = true;
  const auto repaired = repair_packs(*damaged, options, observer);
  REQUIRE_MESSAGE(repaired, repaired.error().message);
  for (int i = 0; i < 2; ++i) {
    const auto pruned = prune(*damaged, PruneOptions(), observer);
    REQUIRE_MESSAGE(pruned, pruned.error().message);
  }
  damaged.check_is_clean();
  damaged.check_restores();
  CHECK(damaged.has(pack));
}

TEST_CASE("an index of many small chunks is made again in segments that can be read") {
  Damaged damaged;
  const Sealing& sealing = damaged.client.repository->sealing();
  std::uint64_t number = 0;
  std::size_t packs = damaged.names("data/").size() + damaged.names("tree/").size();
  for (std::uint64_t i = 0; i < 8; ++i) {
    PackBuilder builder =
        make_builder(sealing, ObjectKind::data_pack, std::size_t{16} << 20, 100 + i);
    Aead aead = builder.make_aead();
    const Bytes content(limits::kChunksPerBlock);
    while (const auto slot = builder.reserve(content.size() + kTagSize, limits::kChunksPerBlock)) {
      Block block;
      block.raw = static_cast<std::uint32_t>(content.size());
      block.kind = ChunkKind::data;
      block.ids.resize(content.size());
      for (ChunkId& id : block.ids) store_le(++number * 0x9e3779b97f4a7c15, id.bytes.data());
      block.lengths.assign(content.size(), 1);
      const SealedSpan sealed = builder.seal_block(aead, *slot, content, block);
      builder.commit(*slot, sealed, std::move(block));
    }
    const FinishedPack pack = builder.finish(sealing.random);
    const ObjectName name = names::pack(pack.entry.kind, pack.entry.name);
    REQUIRE(damaged.storage().inner().put(name, pack.bytes()));
    ++packs;
  }
  SUBCASE("by repair index") {
    for (const std::string& name : damaged.names("index/")) damaged.remove(name);
    const auto plan = repair_index(*damaged, true);
    REQUIRE_MESSAGE(plan, plan.error().message);
    CHECK(plan->add.size() == packs);
  }
  SUBCASE("by a collection") {
    CollectingObserver observer;
    const auto pruned = prune(*damaged, PruneOptions(), observer);
    REQUIRE_MESSAGE(pruned, pruned.error().message);
    CHECK(pruned->packs_indexed == 8);
  }
  std::uint64_t largest = 0;
  for (const std::string& name : damaged.names("index/"))
    largest = std::max(largest, damaged.client.repository.size_of(name));
  CHECK(largest > 30 * limits::kMiB);
  CHECK(largest < 52 * limits::kMiB);
  damaged.check_restores();
}

// A client whose source lies where files may have any xattrs and any size: not everywhere.
struct LargeSource {
  TestClient client;
  TemporaryFolder folder{"/dev/shm"}, target{"/dev/shm"};
  std::string path = folder / "file";
  BackupOptions options = client.options();

  LargeSource() {
    options.paths = {folder.path().string()};
    write_file(path, "content");
    write_file(folder / "good", "good");
  }
  bool set_xattrs(const std::string& on, int count, std::size_t size) const {
    const std::string value(size, 'x');
    for (int i = 0; i < count; ++i) {
      const std::string name = "user." + std::to_string(1000 + i);
      if (::lsetxattr(on.c_str(), name.c_str(), value.data(), size, 0) != 0) return false;
    }
    return true;
  }
};

TEST_CASE("a file or folder with more xattrs than an entry holds is saved but for some of them") {
  LargeSource source;
  int count = 1100, kept = 1024;
  std::size_t size = 3;
  SUBCASE("too many") {}
  SUBCASE("too large together") {
    count = 600;
    kept = 498;
    size = 500;
  }
  SUBCASE("of a folder") {
    REQUIRE(::unlink(source.path.c_str()) == 0);
    REQUIRE(::mkdir(source.path.c_str(), 0755) == 0);
    write_file(source.path + "/inner", "content");
  }
  if (!source.set_xattrs(source.path, count, size)) {
    MESSAGE("skipped: /dev/shm takes no such attributes");
    return;
  }
  source.client.let_settle();
  // The next run tells again.
  for (int i = 0; i < 2; ++i) {
    const BackedUp saved = source.client.back_up(source.options);
    REQUIRE(saved.troubles.size() == 1);
    CHECK(saved.troubles.front().starts_with(source.path + ": has "));
    CHECK(saved.result.errors == 1);

    RestoreOptions with;
    with.target = source.target / "back";
    with.path_in_snapshot = source.folder.path().string();
    (void)source.client.restore_with(*saved.result.snapshot, with);
    const std::string back = (source.target / "back") + "/file";
    const bool is_folder = exists(back + "/inner");
    CHECK(read_text(is_folder ? back + "/inner" : back) == "content");
    CHECK(read_text((source.target / "back") + "/good") == "good");
    std::string names(1 << 16, '\0');
    const ssize_t length = ::llistxattr(back.c_str(), names.data(), names.size());
    if (length > 0) {
      names.resize(static_cast<std::size_t>(length));
      CHECK(std::abs(std::ranges::count(names, '\0') - kept) < 20);
    }
    remove_tree((source.target / "back"));
  }
}

TEST_CASE("a file that is larger than a snapshot can say is told and left out") {
  LargeSource source;
  if (::truncate(source.path.c_str(), off_t{5} << 60) != 0) {
    MESSAGE("skipped: /dev/shm takes no such file");
    return;
  }
  const BackedUp saved = source.client.back_up(source.options);
  REQUIRE(saved.troubles.size() == 1);
  CHECK(saved.troubles.front().starts_with(source.path + ": is larger than"));
  CHECK(saved.result.errors == 1);
  RestoreOptions with;
  with.target = source.target / "back";
  with.path_in_snapshot = source.folder.path().string();
  const Restored restored = source.client.restore_with(*saved.result.snapshot, with);
  CHECK(read_text((source.target / "back") + "/good") == "good");
  CHECK_FALSE(exists((source.target / "back") + "/file"));
  // Whatever is stored can be read: a collection is not stopped.
  CollectingObserver observer;
  CHECK(prune(*source.client.repository, PruneOptions(), observer));
}

}  // namespace
}  // namespace lagan
