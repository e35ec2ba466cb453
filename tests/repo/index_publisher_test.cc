// SPDX-License-Identifier: Apache-2.0
#include "repo/index_publisher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "repo/index_loader.h"
#include "repo/limits.h"
#include "repo/segment_size.h"
#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

PackEntry pack_of_size(unsigned char first, std::uint64_t size) {
  PackEntry pack = samples::pack(ObjectKind::data_pack);
  pack.name = samples::id<PackId>(first);
  pack.size = size;
  return pack;
}

struct Publishing {
  std::atomic<Nanoseconds> now = samples::kCreated;
  TestRepository repository{
      OpenOptions{.cache_folder = {}, .key_hint = {}, .random = system_random, .clock = [this] {
                    return now.load();
                  }}};
  std::vector<std::pair<SegmentId, Segment>> published;
  IndexPublisher publisher{*repository, samples::id<SessionId>(0x20),
                           [this](const SegmentId& id, const Segment& segment) -> Result<void> {
                             published.emplace_back(id, segment);
                             return {};
                           }};
};

TEST_CASE("few packs wait for the end and then make one segment") {
  Publishing run;
  for (unsigned char i = 0; i < 5; ++i) REQUIRE(run.publisher.add(pack_of_size(i, 1 << 20)));
  CHECK(run.published.empty());
  CHECK(run.repository.names("index/").empty());
  REQUIRE(run.publisher.flush());
  REQUIRE(run.published.size() == 1);
  CHECK(run.published[0].second.packs.size() == 5);
  REQUIRE(run.publisher.flush());
  CHECK(run.published.size() == 1);

  const auto fetched = fetch_segment(*run.repository, run.published[0].first);
  REQUIRE_MESSAGE(fetched, fetched.error().message);
  CHECK(encode(*fetched) == encode(run.published[0].second));
  CHECK(fetched->session == samples::id<SessionId>(0x20));
  CHECK(run.publisher.bytes_put() == run.repository.size_of(run.repository.names("index/")[0]));
}

TEST_CASE("a large session publishes early, so that an interruption costs little") {
  Publishing run;
  constexpr std::uint64_t kPack = std::uint64_t{64} << 20;
  REQUIRE(run.publisher.add(pack_of_size(1, kPack)));
  CHECK(run.published.size() == 1);
  // Later less often, but at the latest after 256 MiB.
  std::size_t most_waiting = 0, waiting = 0;
  for (unsigned char i = 2; i < 200; ++i) {
    const std::size_t before = run.published.size();
    REQUIRE(run.publisher.add(pack_of_size(i, kPack)));
    waiting = run.published.size() == before ? waiting + 1 : 0;
    most_waiting = std::max(most_waiting, waiting);
  }
  CHECK(most_waiting == 3);
  CHECK(run.published.size() < 80);
}

TEST_CASE("after 60 s what has come together is published") {
  Publishing run;
  REQUIRE(run.publisher.add(pack_of_size(1, 4096)));
  run.now += 59'000'000'000;
  REQUIRE(run.publisher.add(pack_of_size(2, 4096)));
  CHECK(run.published.empty());
  run.now += 1'000'000'000;
  REQUIRE(run.publisher.add(pack_of_size(3, 4096)));
  REQUIRE(run.published.size() == 1);
  CHECK(run.published[0].second.packs.size() == 3);
  REQUIRE(run.publisher.add(pack_of_size(4, 4096)));
  CHECK(run.published.size() == 1);
}

TEST_CASE("a segment that cannot be put is an error and is not reported as published") {
  Publishing run;
  run.repository.storage->before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("put index/")) return fail(ErrorCode::no_space, "full");
    return {};
  };
  REQUIRE(run.publisher.add(pack_of_size(1, 4096)));
  const auto flushed = run.publisher.flush();
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().code == ErrorCode::no_space);
  CHECK(run.published.empty());
}

TEST_CASE("packs of several uploaders are each listed once") {
  Publishing run;
  {
    std::vector<std::jthread> uploaders;
    for (unsigned char i = 0; i < 4; ++i) {
      uploaders.emplace_back([&run, i] {
        for (unsigned char n = 0; n < 50; ++n)
          CHECK(run.publisher.add(
              pack_of_size(static_cast<unsigned char>(50 * i + n), std::uint64_t{8} << 20)));
      });
    }
  }
  REQUIRE(run.publisher.flush());
  std::size_t listed = 0;
  for (const auto& [id, segment] : run.published) listed += segment.packs.size();
  CHECK(listed == 200);
}

TEST_CASE("packs of many small chunks are published long before readers refuse the segment") {
  Publishing run;
  PackEntry pack = samples::pack(ObjectKind::data_pack);
  Block& block = pack.directory.blocks.front();
  block.ids.resize(limits::kChunksPerBlock);
  block.lengths.assign(block.ids.size(), 1);
  std::size_t most = 0;
  for (int i = 0; i < 25; ++i) REQUIRE(run.publisher.add(pack));
  for (const auto& [id, segment] : run.published) most = std::max(most, encode(segment).size());
  CHECK(most > kSegmentTarget * 4 / 5);
  CHECK(most < kSegmentTarget + limits::kPackEntryBytes);
}

}  // namespace
}  // namespace lagan
