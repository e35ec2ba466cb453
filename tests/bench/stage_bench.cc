// SPDX-License-Identifier: Apache-2.0
// The stages a chunk goes through besides cutting, each alone on one thread: hash, compress, seal,
// and the encoding of tree entries.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>

#include "crypto/aead.h"
#include "crypto/prf.h"
#include "repo/compression.h"
#include "repo/pack_reader.h"
#include "repo/tree.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{2} << 20;

Bytes random_bytes(std::size_t size) {
  Bytes bytes(size);
  std::mt19937_64 engine(1);
  for (std::byte& byte : bytes.span()) byte = static_cast<std::byte>(engine());
  return bytes;
}

// Words of a small vocabulary, the frequent ones often: compresses like source code.
Bytes text_bytes(std::size_t size) {
  std::mt19937_64 engine(2);
  std::vector<std::string> words;
  for (int i = 0; i < 3000; ++i) words.push_back(std::to_string(engine() >> (engine() % 48)));
  std::string text;
  while (text.size() < size) text += words[engine() % (1 + engine() % words.size())] + " ";
  Bytes bytes(size);
  std::ranges::copy(as_bytes(text).first(size), bytes.data());
  return bytes;
}

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void hash_chunk(benchmark::State& state) {
  const Bytes chunk = random_bytes(static_cast<std::size_t>(state.range(0)));
  const SecretKey key;
  for (auto _ : state) benchmark::DoNotOptimize(chunk_id(key, ChunkKind::data, chunk.span()));
  count_bytes(state, chunk.size());
}

void seal(benchmark::State& state, Suite suite) {
  const Bytes plain = random_bytes(kBlockBytes);
  Bytes sealed(kBlockBytes + kTagSize);
  Aead aead(suite, SecretKey());
  for (auto _ : state) {
    benchmark::DoNotOptimize(aead.seal(Nonce{}, {}, plain.span(), sealed.span()));
  }
  count_bytes(state, plain.size());
}

void compress(benchmark::State& state, const Bytes& block) {
  Compressor compressor(static_cast<int>(state.range(0)));
  std::size_t size = 0;
  for (auto _ : state) size = compressor.compress(block.span()).bytes.size();
  count_bytes(state, block.size());
  state.counters["ratio"] = static_cast<double>(size) / static_cast<double>(block.size());
}

void compress_text(benchmark::State& state) { compress(state, text_bytes(kBlockBytes)); }
void compress_random(benchmark::State& state) { compress(state, random_bytes(kBlockBytes)); }

void encode_entries(benchmark::State& state) {
  const Entry entry = samples::usual_entry("a-file-of-usual-length.cc");
  for (auto _ : state) benchmark::DoNotOptimize(encode(entry));
  state.SetItemsProcessed(state.iterations());
}

void decode_entries(benchmark::State& state) {
  const std::string message = encode(samples::usual_entry("a-file-of-usual-length.cc"));
  for (auto _ : state) benchmark::DoNotOptimize(decode_entry(as_bytes(message)));
  state.SetItemsProcessed(state.iterations());
}

void build_directory(benchmark::State& state) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 10'000; ++i) {
    std::string name = "file-" + std::to_string(100'000 + i);
    std::string message = encode(samples::usual_entry(name));
    entries.emplace_back(std::move(name), std::move(message));
  }
  const SecretKey id_key;
  const ChunkSink sink = [&](ChunkKind kind, ByteSpan node) -> Result<ChunkId> {
    return chunk_id(id_key, kind, node);
  };
  const PrfKey split_key = PrfKey{};
  for (auto _ : state) {
    DirectoryBuilder builder(split_key, sink);
    for (const auto& [name, message] : entries) (void)builder.add(name, message);
    benchmark::DoNotOptimize(builder.finish());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries.size()));
}

BENCHMARK(hash_chunk)->Name("hash")->Arg(4 << 10)->Arg(16 << 10)->Arg(128 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(seal, aes256_gcm, Suite::aes256_gcm);
BENCHMARK_CAPTURE(seal, chacha20_poly1305, Suite::chacha20_poly1305);
BENCHMARK(compress_text)->Name("compress/text")->Arg(1)->Arg(3)->Arg(6);
BENCHMARK(compress_random)->Name("compress/random")->Arg(3);
BENCHMARK(encode_entries)->Name("tree/encode entry");
BENCHMARK(decode_entries)->Name("tree/decode entry");
BENCHMARK(build_directory)->Name("tree/directory of 10,000, per entry");

}  // namespace
}  // namespace lagan
