// SPDX-License-Identifier: Apache-2.0
// How fast each implementation cuts: bytes of input per second on one thread, min skipped as in a
// backup, and in repetitions, the data that could make it slow.

#include <benchmark/benchmark.h>

#include <string>

#include "chunker/chunker.h"
#include "tests/chunker/test_data.h"

namespace lagan {

namespace {

constexpr std::size_t kInputBytes = std::size_t{64} << 20;

const char* name_of(Implementation implementation) {
  switch (implementation) {
    case Implementation::portable:
      return "portable";
    case Implementation::avx2:
      return "avx2";
    case Implementation::avx512:
      return "avx512";
    case Implementation::neon:
      return "neon";
  }
  return "";
}

// Nearly every byte is looked at: what remains is min = 64 and the repeated vector at the start of
// a scan.
constexpr ChunkSizes kRawScan = {64, 1 << 20, 8 << 20};

void cut_all(benchmark::State& state, Implementation implementation, const ChunkSizes& sizes,
             ByteSpan data, const naive::Seed& seed) {
  const ChunkerKey key(seed);
  const Chunker chunker(key, sizes, 10, implementation);
  for (auto _ : state) {
    for (std::size_t at = 0; at < data.size();) at += chunker.next_cut(data.subspan(at), true);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void register_all(const std::string& kind, const Bytes& data, const naive::Seed& seed) {
  for (const Implementation implementation : available_implementations()) {
    const auto add = [&](const std::string& class_name, const ChunkSizes& sizes) {
      const std::string name = "cut/" + kind + "/" + class_name + "/" + name_of(implementation);
      benchmark::RegisterBenchmark(name.c_str(), [=, &data](benchmark::State& state) {
        cut_all(state, implementation, sizes, data, seed);
      });
    };
    add("raw_scan", kRawScan);
    for (const SizeClass& each : default_chunker_params().classes) {
      add("avg_" + std::to_string(each.sizes.avg / 1024) + "_KiB", each.sizes);
    }
  }
}

// The inputs live as long as the program: benchmarks run after main's registration.
const bool kRegistered = [] {
  static const Bytes random = random_bytes(kInputBytes, 1);
  static const Bytes text = text_bytes(kInputBytes, 1);
  static const Bytes zeros = zero_bytes(kInputBytes);
  static const Bytes period_2 = periodic_bytes(kInputBytes, 2, 1);
  static const Bytes period_16 = periodic_bytes(kInputBytes, 16, 1);
  const naive::Seed seed = seed_number(1);
  register_all("random", random, seed);
  register_all("text", text, seed);
  // With seeds that make them full of candidates.
  register_all("zeros", zeros, with_candidate_at(seed, zeros, 100));
  register_all("period_2", period_2, with_candidate_at(seed, period_2, 100));
  register_all("period_16", period_16, with_candidate_at(seed, period_16, 100));
  return true;
}();

}  // namespace

}  // namespace lagan
