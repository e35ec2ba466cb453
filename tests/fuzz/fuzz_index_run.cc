// SPDX-License-Identifier: Apache-2.0

// A run of the local index whose body has been changed and whose hashes agree with that: what the
// hashes cannot catch must still not make the index crash, hang or answer for a chunk it does not
// have. Input: a byte that is odd if the hashes are to be made right again, then changes of five
// bytes (offset, value).

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "repo/index_run.h"
#include "repo/index_run_writer.h"
#include "tests/repo/index_samples.h"
#include "util/coding.h"

using namespace lagan;

namespace {

const RepositoryId kRepository = samples::Samples(1).id<RepositoryId>();

// A run with packs, repeated chunks and two segments, and its ids.
struct Original {
  Bytes file;
  std::vector<SegmentId> segments;
  RunCounts counts;
  std::vector<ChunkId> ids;
  std::vector<PackId> packs;

  Original() {
    samples::TemporaryFolder folder;
    samples::Samples random(2);
    const RunFolder nowhere{"", kRepository};
    std::vector<std::unique_ptr<IndexRun>> parts;
    Segment segment;
    for (int i = 0; i < 2; ++i) {
      segment.packs.resize(segment.packs.size() / 2);
      for (int p = 0; p < 3; ++p) segment.packs.push_back(random.pack(3, ids));
      for (const PackEntry& pack : segment.packs) {
        packs.push_back(pack.name);
        for (const Block& block : pack.directory.blocks) {
          ids.insert(ids.end(), block.ids.begin(), block.ids.end());
        }
      }
      parts.push_back(build_run(nowhere, random.id<SegmentId>(), segment).value());
    }
    const std::vector<const IndexRun*> both = {parts[0].get(), parts[1].get()};
    const auto merged = merge_runs({folder.path(), kRepository}, both).value();
    segments = merged->segments();
    counts = merged->counts();
    file = read_file(merged->path, merged->file_size()).value();
  }
};

void use(IndexRun& run, const Original& original) {
  for (const ChunkId& id : original.ids) {
    const auto chunk = run.find(id, IndexRun::Copies::not_condemned);
    if (!chunk) continue;
    run.location(*chunk);
    run.is_next(*chunk + 1, id, IndexRun::Copies::any);
  }
  for (const PackId& name : original.packs) run.find_pack(name);
  for (std::uint32_t number = 0; number < run.counts().packs; ++number) {
    const auto pack = run.pack(number);
    if (!pack) continue;
    std::vector<std::uint32_t> origins;
    run.origins(*pack, origins);
    for (std::uint32_t i = 0; i < pack->blocks; ++i) {
      const auto block = run.block(pack->first_block + i);
      if (!block) continue;
      const auto walked = run.each_chunk(block->first_chunk, block->chunks,
                                         [](const RunChunk&) { return Result<void>(); });
      LAGAN_ASSERT(walked || run.damaged());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Original original;
  if (size == 0) return 0;
  Bytes file = Bytes::copy_of(original.file);
  for (std::size_t at = 1; at + 5 <= size; at += 5) {
    std::uint32_t offset = 0;
    std::memcpy(&offset, data + at, sizeof offset);
    file.data()[offset % file.size()] = static_cast<std::byte>(data[at + 4]);
  }
  const auto written = [&] {
    File made(::memfd_create("run", MFD_CLOEXEC));
    LAGAN_ASSERT(write_all_at(made.descriptor(), file, 0));
    if (data[0] % 2 == 1) {
      LAGAN_ASSERT(
          write_run_header(made.descriptor(), kRepository, original.segments, original.counts));
    }
    return made;
  };
  auto run = IndexRun::open(written(), kRepository);
  if (!run) return 0;
  use(**run, original);
  (*run)->set_live({original.segments[0]});
  (*run)->set_condemned({original.packs[1]});
  (*run)->keep_in_memory((*run)->memory_wanted());
  use(**run, original);

  auto again = IndexRun::open(written(), kRepository);
  LAGAN_ASSERT(again);
  const std::vector<const IndexRun*> both = {run->get(), again->get()};
  if (auto merged = merge_runs({"", kRepository}, both)) use(**merged, original);
  return 0;
}
