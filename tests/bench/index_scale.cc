// SPDX-License-Identifier: Apache-2.0

// How the local index does with many millions of chunks:
//   index_scale MILLIONS [FOLDER]
// Prints how long it takes to build and to open, its size, and for each kind of question how many
// are answered in a second by one thread and what memory that takes. The folder (/var/tmp/… by
// default) is removed.

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "repo/local_index.h"
#include "tests/bench/measure.h"
#include "tests/bench/synthetic_index.h"

using namespace lagan;
using namespace lagan::measure;

namespace {

constexpr std::uint64_t kChunksPerSegment = 1'000'000;
const RepositoryId kRepository = synthetic::id<RepositoryId>(42);

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// As a new machine does it: all segments one after the other, then one compact().
void build(const std::string& folder, std::uint64_t chunks) {
  LocalIndex index = or_die(LocalIndex::open(folder, kRepository));
  double adding = 0;
  for (std::uint64_t first = 0; first < chunks; first += kChunksPerSegment) {
    const Segment segment = synthetic::segment(first, std::min(kChunksPerSegment, chunks - first));
    const auto start = std::chrono::steady_clock::now();
    or_die(index.add(synthetic::id<SegmentId>(first), segment));
    adding += seconds_since(start);
  }
  const auto start = std::chrono::steady_clock::now();
  or_die(index.compact());
  fmt::print(
      "build    {:.2f} s adding, {:.2f} s merging in the end, all with the making of ids {:.1f} s "
      "CPU\n"
      "         peak {:.0f} MB, with a segment in memory\n",
      adding, seconds_since(start), cpu_seconds(), memory("VmHWM"));
}

void ask(const char* what, std::uint64_t questions,
         const std::function<bool(std::uint64_t)>& once) {
  for (std::uint64_t i = 0; i < questions; ++i) once(i);  // pages are checked now
  const double start = cpu_seconds();
  std::uint64_t yes = 0;
  for (std::uint64_t i = 0; i < questions; ++i) yes += once(i) ? 1u : 0u;
  const double seconds = cpu_seconds() - start;
  fmt::print("{:<28} {:>8.0f} ns  {:>6.2f} M/s  {:>5.1f} % yes  RSS {:.0f} MB\n", what,
             seconds / static_cast<double>(questions) * 1e9,
             static_cast<double>(questions) / seconds / 1e6,
             100.0 * static_cast<double>(yes) / static_cast<double>(questions), memory("VmRSS"));
}

void look_up(const std::string& folder, std::uint64_t chunks) {
  const double before = memory("VmRSS");
  auto start = std::chrono::steady_clock::now();
  const LocalIndex index = or_die(LocalIndex::open(folder, kRepository));
  fmt::print("open     {:.1f} ms, RSS {:.0f} MB ({:.0f} MB before)\n", seconds_since(start) * 1e3,
             memory("VmRSS"), before);
  const std::uint64_t questions = std::min<std::uint64_t>(2'000'000, chunks * 4);
  const auto known = [&](std::uint64_t i) {
    return synthetic::id<ChunkId>(synthetic::mix(i) % chunks);
  };
  // Half of the questions warm up what the other half finds.
  ask("(making an id)", questions,
      [&](std::uint64_t i) { return known(i).bytes[0] == std::byte{0}; });
  ask("contains: miss", questions, [&](std::uint64_t i) {
    return index.contains(synthetic::id<ChunkId>(chunks + synthetic::mix(i) % chunks));
  });
  ask("contains: hit, pack order", questions,
      [&](std::uint64_t i) { return index.contains(synthetic::id<ChunkId>(i % chunks)); });
  ask("contains: hit, random", questions,
      [&](std::uint64_t i) { return index.contains(known(i)); });
  ask("find: hit, pack order", questions,
      [&](std::uint64_t i) { return index.find(synthetic::id<ChunkId>(i % chunks)).has_value(); });
  ask("find: hit, random", questions,
      [&](std::uint64_t i) { return index.find(known(i)).has_value(); });
  fmt::print("peak     {:.0f} MB\n", memory("VmHWM"));
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "index_scale MILLIONS [FOLDER]\n");
    return 2;
  }
  const auto chunks = static_cast<std::uint64_t>(std::strtod(words[1], nullptr) * 1e6);
  const std::string folder =
      count > 2 ? words[2] : fmt::format("/var/tmp/lagan-index-scale-{}", ::getpid());
  apart([&] { build(folder, chunks); });
  std::uintmax_t size = 0, files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    size += entry.file_size();
    ++files;
  }
  fmt::print("size     {:.0f} MB in {} runs, {:.2f} bytes a chunk\n",
             static_cast<double>(size) / 1e6, files,
             static_cast<double>(size) / static_cast<double>(chunks));
  apart([&] { look_up(folder, chunks); });
  std::filesystem::remove_all(folder);
}
