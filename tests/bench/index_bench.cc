// SPDX-License-Identifier: Apache-2.0

// The local index at the sizes most repositories have. What it does with 100 million chunks:
// index_scale.cc.

#include <benchmark/benchmark.h>

#include <map>

#include "repo/local_index.h"
#include "tests/bench/synthetic_index.h"

namespace {

using namespace lagan;

const RepositoryId kRepository = synthetic::id<RepositoryId>(42);

LocalIndex& index_of(std::uint64_t chunks) {
  static std::map<std::uint64_t, LocalIndex> made;
  const auto at = made.find(chunks);
  if (at != made.end()) return at->second;
  LocalIndex index = LocalIndex::open("", kRepository).value();
  LAGAN_ASSERT(index.add(synthetic::id<SegmentId>(chunks), synthetic::segment(0, chunks)));
  return made.emplace(chunks, std::move(index)).first->second;
}

std::uint64_t chunks_of(const benchmark::State& state) {
  return static_cast<std::uint64_t>(state.range(0));
}

void miss(benchmark::State& state) {
  const std::uint64_t chunks = chunks_of(state);
  const LocalIndex& index = index_of(chunks);
  std::uint64_t i = chunks;
  for (auto _ : state) benchmark::DoNotOptimize(index.contains(synthetic::id<ChunkId>(i++)));
}

void hit_in_pack_order(benchmark::State& state) {
  const std::uint64_t chunks = chunks_of(state);
  const LocalIndex& index = index_of(chunks);
  std::uint64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.contains(synthetic::id<ChunkId>(i)));
    i = i + 1 == chunks ? 0 : i + 1;
  }
}

void hit_at_random(benchmark::State& state) {
  const std::uint64_t chunks = chunks_of(state);
  const LocalIndex& index = index_of(chunks);
  std::uint64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.contains(synthetic::id<ChunkId>(synthetic::mix(i++) % chunks)));
  }
}

void find_at_random(benchmark::State& state) {
  const std::uint64_t chunks = chunks_of(state);
  const LocalIndex& index = index_of(chunks);
  std::uint64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.find(synthetic::id<ChunkId>(synthetic::mix(i++) % chunks)));
  }
}

void add(benchmark::State& state) {
  const std::uint64_t chunks = chunks_of(state);
  const Segment segment = synthetic::segment(0, chunks);
  for (auto _ : state) {
    LocalIndex index = LocalIndex::open("", kRepository).value();
    LAGAN_ASSERT(index.add(synthetic::id<SegmentId>(1), segment));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

BENCHMARK(miss)->Name("index/miss")->Arg(150'000)->Arg(2'000'000);
BENCHMARK(hit_in_pack_order)->Name("index/hit in pack order")->Arg(150'000)->Arg(2'000'000);
BENCHMARK(hit_at_random)->Name("index/hit at random")->Arg(150'000)->Arg(2'000'000);
BENCHMARK(find_at_random)->Name("index/find at random")->Arg(150'000)->Arg(2'000'000);
BENCHMARK(add)->Name("index/add")->Arg(150'000)->Arg(2'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
