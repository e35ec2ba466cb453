// SPDX-License-Identifier: Apache-2.0

// How a collection does in a repository of many millions of chunks:
//   prune_scale MILLIONS [SNAPSHOTS] [FOLDER]
// The trees are real: folders of twenty files of two chunks each, and in each further snapshot one
// folder in a hundred has a file that changed. The chunks of files are only listed: their packs are
// holes. A tenth of them no snapshot needs. Prints for the choice alone (a dry run) and for two
// whole collections, of which the second deletes, the CPU time and the peak of memory. The folder
// (/var/tmp/… by default) is removed, unless it was there: then its repository is taken as it is
// and only the choice is made.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "repo/derived_keys.h"
#include "repo/names.h"
#include "repo/session.h"
#include "repo/tree.h"
#include "src/engine/prune.h"
#include "storage/local.h"
#include "tests/bench/measure.h"
#include "tests/bench/synthetic_index.h"

using namespace lagan;
using namespace lagan::measure;

namespace {

constexpr std::uint64_t kFilesPerFolder = 20;
constexpr std::uint64_t kChunksPerFile = 2;
constexpr std::uint64_t kFoldersPerGroup = 100;
constexpr std::uint64_t kChangedOf = 100;  // one folder in so many, from snapshot to snapshot
// As a backup lists them: 256 MiB of packs at a time.
constexpr std::uint64_t kChunksPerSegment =
    8 * synthetic::kBlocksPerPack * synthetic::kChunksPerBlock;

struct Place {
  std::string folder;
  std::string repository() const { return folder + "/repository"; }
  OpenOptions options() const {
    OpenOptions made;
    made.cache_folder = folder + "/cache";
    return made;
  }
  std::unique_ptr<Repository> open() const {
    return or_die(Repository::open(make_local_storage(repository()), Credential::password("bench"),
                                   options()));
  }
};

class Builder {
 public:
  Builder(const Place& place, std::uint64_t chunks, std::uint64_t snapshots)
      : place_(place), chunks_(chunks), snapshots_(snapshots) {
    CreateOptions create;
    create.cost = {8, 1};
    std::shared_ptr<Storage> storage = make_local_storage(place.repository());
    or_die(storage->create());
    repository_ =
        or_die(Repository::create(storage, Credential::password("bench"), create, place.options()));
  }

  void build() {
    for (std::uint64_t at = 0; at < chunks_; at += kChunksPerSegment)
      list_chunks(at, std::min(kChunksPerSegment, chunks_ - at));
    const std::uint64_t per_folder = kFilesPerFolder * kChunksPerFile;
    const std::uint64_t folders = chunks_ / 10 * 9 / (per_folder + snapshots_ * per_folder / 1000);
    next_chunk_ = folders * per_folder;
    changed_.resize(folders);
    leaves_.resize(folders);
    groups_.resize((folders + kFoldersPerGroup - 1) / kFoldersPerGroup);
    for (std::uint64_t i = 0; i < snapshots_; ++i) add_snapshot(i);
    fmt::print("made     {} chunks, {} of them needed, {} folders, {} snapshots\n", chunks_,
               next_chunk_, folders, snapshots_);
  }

 private:
  struct Change {
    std::uint64_t file = 0, first_chunk = 0;
  };

  // Good enough to be listed.
  Header pack_header() const {
    const SealedObject any = seal_body(repository_->sealing(), ObjectKind::index_segment, "", "");
    Header header;
    std::ranges::copy(any.span().first(kHeaderSize), header.bytes.begin());
    header.bytes[4] = static_cast<std::byte>(ObjectKind::data_pack);
    return header;
  }

  void list_chunks(std::uint64_t first, std::uint64_t count) {
    Segment segment = synthetic::segment(first, count);
    for (PackEntry& pack : segment.packs) {
      pack.header = pack_header();
      pack.size += std::uint64_t{1} << 20;  // for the directory
      const std::string path = place_.repository() + "/" + names::pack(pack.kind, pack.name).text();
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      std::ofstream(path).flush();
      std::filesystem::resize_file(path, pack.size);
    }
    const SealedObject object =
        seal_body(repository_->sealing(), ObjectKind::index_segment, "", encode(segment));
    or_die(repository_->put(names::segment(SegmentId{hash(object.span())}), object));
  }

  void add_snapshot(std::uint64_t number) {
    LocalIndex index = or_die(open_local_index(*repository_));
    auto session = or_die(WriterSession::begin(*repository_, index, Purpose::backup, "bench"));
    ChunkWriter writer(*repository_, index, session->id(), ChunkWriterOptions());
    for (std::uint64_t group = 0; group < groups_.size(); ++group) {
      const std::uint64_t first = group * kFoldersPerGroup;
      const std::uint64_t end = std::min<std::uint64_t>(first + kFoldersPerGroup, leaves_.size());
      bool is_changed = false;
      for (std::uint64_t folder = first; folder < end; ++folder) {
        const std::uint64_t chance = synthetic::mix(folder * 1000 + number);
        if (number != 0 && chance % kChangedOf != 0) continue;
        if (number != 0) {
          changed_[folder].push_back({chance / kChangedOf % kFilesPerFolder, next_chunk_});
          next_chunk_ += kChunksPerFile;
        }
        leaves_[folder] = store_folder(writer, folder);
        is_changed = true;
      }
      if (is_changed)
        groups_[group] = store_parent(writer, {leaves_.begin() + static_cast<std::ptrdiff_t>(first),
                                               leaves_.begin() + static_cast<std::ptrdiff_t>(end)});
    }
    Snapshot snapshot;
    snapshot.root = store_parent(writer, groups_);
    snapshot.session = session->id();
    or_die(writer.flush());
    or_die(session->commit(snapshot));
  }

  Subtree store_folder(ChunkWriter& writer, std::uint64_t folder) const {
    DirectoryBuilder builder(split_key(*repository_), writer.tree_sink());
    for (std::uint64_t i = 0; i < kFilesPerFolder; ++i) {
      std::uint64_t chunk = (folder * kFilesPerFolder + i) * kChunksPerFile;
      for (const Change& change : changed_[folder]) {
        if (change.file == i) chunk = change.first_chunk;
      }
      Entry entry = entry_called(fmt::format("document-{:03}.txt", i), EntryKind::file);
      entry.mtime += static_cast<std::int64_t>(chunk);
      entry.size = kChunksPerFile * synthetic::kChunkSize;
      for (std::uint64_t c = 0; c < kChunksPerFile; ++c)
        entry.slices.push_back({synthetic::id<ChunkId>(chunk + c), 0, synthetic::kChunkSize});
      or_die(builder.add(entry.name, encode(entry)));
    }
    return {or_die(builder.finish()), kFilesPerFolder, 0,
            kFilesPerFolder * kChunksPerFile * synthetic::kChunkSize};
  }

  Subtree store_parent(ChunkWriter& writer, const std::vector<Subtree>& children) const {
    DirectoryBuilder builder(split_key(*repository_), writer.tree_sink());
    Subtree sum;
    for (std::uint64_t i = 0; i < children.size(); ++i) {
      Entry entry = entry_called(fmt::format("folder-{:06}", i), EntryKind::directory);
      entry.subtree = children[i];
      sum.files += children[i].files;
      sum.dirs += children[i].dirs + 1;
      sum.content_bytes += children[i].content_bytes;
      or_die(builder.add(entry.name, encode(entry)));
    }
    sum.id = or_die(builder.finish());
    return sum;
  }

  static Entry entry_called(std::string name, EntryKind kind) {
    Entry entry;
    entry.name = std::move(name);
    entry.kind = kind;
    entry.mode = kind == EntryKind::file ? 0644 : 0755;
    entry.uid = entry.gid = 1000;
    entry.user = entry.group = "somebody";
    entry.mtime = 1'700'000'000;
    return entry;
  }

  const Place& place_;
  const std::uint64_t chunks_, snapshots_;
  std::unique_ptr<Repository> repository_;
  std::uint64_t next_chunk_ = 0;
  std::vector<std::vector<Change>> changed_;  // by folder
  std::vector<Subtree> leaves_, groups_;      // as they were stored last
};

class Silent final : public Observer {
  void trouble(const std::string& path, const Error& error) override {
    fmt::print(stderr, "{}: {}\n", path, error.message);
  }
};

void collect(const Place& place, const char* what, bool dry_run) {
  const auto repository = place.open();
  PruneOptions options;
  options.dry_run = dry_run;
  options.limits.repack_bytes = 0;  // there is nothing in the packs
  Silent observer;
  const double start = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const PruneResult result = or_die(prune(*repository, options, observer));
  fmt::print(
      "{:<8} {:>6.2f} s CPU, peak {:>4.0f} MB: {} packs, {} unneeded, {} dropped, {} deleted\n",
      what, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - start, memory("VmHWM"), result.packs,
      result.packs_dead, result.packs_dropped, result.packs_deleted);
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "prune_scale MILLIONS [SNAPSHOTS] [FOLDER]\n");
    return 2;
  }
  const auto chunks = static_cast<std::uint64_t>(std::strtod(words[1], nullptr) * 1e6);
  const std::uint64_t snapshots = count > 2 ? std::strtoull(words[2], nullptr, 10) : 10;
  const Place place{count > 3 ? words[3]
                              : fmt::format("/var/tmp/lagan-prune-scale-{}", ::getpid())};
  if (std::filesystem::exists(place.folder)) {
    collect(place, "choose", true);
    return 0;
  }
  apart([&] { Builder(place, chunks, snapshots).build(); });
  apart([&] { collect(place, "choose", true); });
  apart([&] { collect(place, "first", false); });
  apart([&] { collect(place, "second", false); });
  std::filesystem::remove_all(place.folder);
}
