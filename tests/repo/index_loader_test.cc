// SPDX-License-Identifier: Apache-2.0
#include "repo/index_loader.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

Segment segment_of(std::initializer_list<unsigned char> packs) {
  Segment segment;
  for (const unsigned char first : packs) {
    PackEntry pack = samples::pack(ObjectKind::data_pack);
    pack.name = samples::id<PackId>(first);
    pack.directory.blocks[0].ids[0] = samples::id<ChunkId>(first);
    segment.packs.push_back(pack);
  }
  segment.session = samples::id<SessionId>(0x20);
  return segment;
}

SegmentId put(const TestRepository& repository, const Segment& segment, bool is_signed = false) {
  std::string message = encode(segment);
  if (is_signed)
    message =
        sign_message(repository->sealing(), ObjectKind::index_segment, "", std::move(message));
  const SealedObject object =
      seal_body(repository->sealing(), ObjectKind::index_segment, "", message);
  const SegmentId id{hash(object.span())};
  REQUIRE(repository->put(names::segment(id), object));
  return id;
}

TEST_CASE("loading lists once and fetches only what is new") {
  const TestRepository repository;
  LocalIndex index = repository.empty_index();
  put(repository, segment_of({1, 2}));
  REQUIRE(load_index(*repository, index));
  CHECK(index.contains(samples::id<ChunkId>(1)));
  CHECK(index.has_pack(samples::id<PackId>(2)));
  repository.storage->forget_calls();

  put(repository, segment_of({3}));
  const auto loaded = load_index(*repository, index);
  REQUIRE(loaded);
  CHECK(loaded->live.size() == 2);
  CHECK(index.contains(samples::id<ChunkId>(3)));
  CHECK(repository.storage->calls("list index/").size() == 1);
  CHECK(repository.storage->calls("get index/").size() == 1);
}

TEST_CASE("the index stays in the cache from one run to the next") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder / "cache";
  const TestRepository repository(options);
  put(repository, segment_of({1}));
  {
    auto index = open_local_index(*repository);
    REQUIRE(index);
    REQUIRE(load_index(*repository, *index));
  }
  repository.storage->forget_calls();
  auto index = open_local_index(*repository);
  REQUIRE(index);
  REQUIRE(load_index(*repository, *index));
  CHECK(index->contains(samples::id<ChunkId>(1)));
  CHECK(repository.storage->calls("get ").empty());
}

TEST_CASE("segments that are gone are forgotten") {
  const TestRepository repository;
  LocalIndex index = repository.empty_index();
  const SegmentId first = put(repository, segment_of({1}));
  put(repository, segment_of({2}));
  REQUIRE(load_index(*repository, index));
  REQUIRE(repository.storage->remove(names::segment(first)));
  REQUIRE(load_index(*repository, index));
  CHECK_FALSE(index.contains(samples::id<ChunkId>(1)));
  CHECK(index.contains(samples::id<ChunkId>(2)));
}

TEST_CASE("a damaged segment is told, and the others are loaded") {
  const TestRepository repository;
  LocalIndex index = repository.empty_index();
  const SegmentId first = put(repository, segment_of({1}));
  put(repository, segment_of({2}));
  repository.damage(names::segment(first).text(), 500);
  const auto loaded = load_index(*repository, index);
  REQUIRE(loaded);
  REQUIRE(loaded->damaged.size() == 1);
  CHECK(loaded->damaged[0].find(first.hex()) != std::string::npos);
  CHECK(loaded->live.size() == 1);
  CHECK(index.contains(samples::id<ChunkId>(2)));
}

TEST_CASE("a segment that cannot be fetched for now is an error, not damage") {
  const TestRepository repository;
  LocalIndex index = repository.empty_index();
  put(repository, segment_of({1}));
  repository.storage->before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("get index/")) return fail(ErrorCode::unavailable, "away");
    return {};
  };
  const auto loaded = load_index(*repository, index);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == ErrorCode::unavailable);
}

TEST_CASE("only the owner's signature lets a segment take anything away") {
  const TestRepository repository;
  Segment segment = segment_of({1});
  segment.supersedes = {samples::id<SegmentId>(9)};
  segment.dropped = {samples::id<PackId>(8)};
  const auto plain = fetch_segment(*repository, put(repository, segment));
  REQUIRE(plain);
  CHECK(plain->supersedes.empty());
  CHECK(plain->dropped.empty());
  CHECK(plain->packs.size() == 1);
  segment.created = 5;
  const auto with_signature = fetch_segment(*repository, put(repository, segment, true));
  REQUIRE_MESSAGE(with_signature, with_signature.error().message);
  CHECK(with_signature->supersedes.size() == 1);
  CHECK(with_signature->dropped.size() == 1);
}

TEST_CASE("names in index/ that are no segment's are passed over") {
  const TestRepository repository;
  LocalIndex index = repository.empty_index();
  REQUIRE(repository.storage->put(*ObjectName::parse("index/readme"), as_bytes("hello")));
  const auto loaded = load_index(*repository, index);
  REQUIRE(loaded);
  CHECK(loaded->live.empty());
  CHECK(loaded->damaged.empty());
}

TEST_CASE("a log of condemned packs is read once, and counts as long as it is there") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder.path();
  const TestRepository repository(options);
  const auto put_log = [&](unsigned char pack) {
    Condemned log;
    log.data_packs = {samples::id<PackId>(pack)};
    const ObjectName name = names::random_name(names::kCondemned, repository->random_id());
    REQUIRE(repository->put_signed(ObjectKind::condemned, name, encode(log)));
    return name;
  };
  const auto load = [&] {
    repository.storage->forget_calls();
    auto loaded = load_condemned(*repository);
    REQUIRE(loaded);
    return *std::move(loaded);
  };
  const auto gets = [&] { return repository.storage->calls("get condemned/").size(); };
  const ObjectName first = put_log(1);
  put_log(2);
  const auto both = load();
  CHECK(gets() == 2);
  CHECK(both.size() == 2);
  CHECK(load() == both);
  CHECK(gets() == 0);
  put_log(3);
  CHECK(load().size() == 3);
  CHECK(gets() == 1);
  // One that was read before is known, whatever has become of it; `check` tells.
  repository.damage(first.text(), 200);
  CHECK(load().contains(samples::id<PackId>(1)));
  REQUIRE(repository.storage->inner().remove(first));
  CHECK_FALSE(load().contains(samples::id<PackId>(1)));
}

TEST_CASE("what is condemned is the union of all logs, and each must be signed and whole") {
  const TestRepository repository;
  CHECK(load_condemned(*repository)->empty());
  const auto put_log = [&](unsigned char data, unsigned char tree) {
    Condemned log;
    log.data_packs = {samples::id<PackId>(data)};
    log.tree_packs = {samples::id<PackId>(tree)};
    const ObjectName name = names::random_name(names::kCondemned, repository->random_id());
    REQUIRE(repository->put_signed(ObjectKind::condemned, name, encode(log)));
    return name;
  };
  const ObjectName first = put_log(1, 2);
  put_log(2, 3);
  const auto condemned = load_condemned(*repository);
  REQUIRE(condemned);
  CHECK(condemned->size() == 3);
  SUBCASE("a damaged log is an error") { repository.damage(first.text(), 200); }
  SUBCASE("an unsigned log is an error") {
    const ObjectName name = names::random_name(names::kCondemned, repository->random_id());
    REQUIRE(repository->put_body(ObjectKind::condemned, name, encode(Condemned())));
  }
  SUBCASE("a log under another name is an error") {
    const Bytes bytes = repository.storage->get(first).value();
    REQUIRE(repository.storage->put(*ObjectName::parse("condemned/00"), bytes));
  }
  CHECK_FALSE(load_condemned(*repository));
}

}  // namespace
}  // namespace lagan
