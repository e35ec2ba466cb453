// SPDX-License-Identifier: Apache-2.0
#pragma once

// A repository in memory, a client with a cache, and folders to save and to restore to.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/index_loader.h"
#include "repo/session.h"
#include "repo/snapshots.h"
#include "repo/tree.h"
#include "repo/tree_walk.h"
#include "src/engine/backup.h"
#include "src/engine/observer.h"
#include "src/engine/restore.h"
#include "src/engine/walker.h"
#include "tests/engine/source_tree.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"
#include "util/mutex.h"

namespace lagan {

class CollectingObserver final : public Observer {
 public:
  void trouble(const std::string& path, const Error& error) override {
    const MutexLock lock(mutex_);
    troubles_.push_back(path + ": " + error.message);
  }
  void note(const std::string& text) override {
    const MutexLock lock(mutex_);
    notes_.push_back(text);
  }
  void item(const std::string& path, ItemChange change, std::uint64_t) override {
    static constexpr const char* kWords[] = {"added ", "changed ", "unchanged ", "removed "};
    const MutexLock lock(mutex_);
    items_.push_back(kWords[static_cast<std::size_t>(change)] + path);
  }
  bool wants_items() const override { return true; }

  std::vector<std::string> troubles() const { return sorted(troubles_); }
  std::vector<std::string> notes() const { return sorted(notes_); }
  std::vector<std::string> items() const { return sorted(items_); }

 private:
  std::vector<std::string> sorted(const std::vector<std::string>& list) const {
    const MutexLock lock(mutex_);
    std::vector<std::string> copy = list;
    std::ranges::sort(copy);
    return copy;
  }
  mutable Mutex mutex_;
  std::vector<std::string> troubles_, notes_, items_;
};

// How many chunks of the snapshot lie in no pack outside the condemned ones.
inline std::size_t count_endangered(const TestRepository& repository, const Snapshot& snapshot) {
  LocalIndex index = repository.empty_index();
  REQUIRE(load_index_to_read(*repository, index));
  ChunkReader reader(*repository, index);
  std::set<ChunkId> seen;
  std::size_t endangered = 0;
  const ChunkWalk walk{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [&](const ChunkId& id, ChunkKind, const std::string&) -> Result<void> {
        if (!index.contains(id)) ++endangered;
        return {};
      },
      .trouble = [](const std::string&, Error error) -> Result<void> {
        return fail(std::move(error));
      }};
  REQUIRE(walk_chunks(reader.source(), snapshot, walk));
  return endangered;
}

// A snapshot of folders `d` in each other, so many, and in the last one the file `gone`.
inline SnapshotId store_deep_snapshot(const TestRepository& repository, std::size_t depth) {
  LocalIndex index = repository.empty_index();
  auto session = WriterSession::begin(*repository, index, Purpose::backup, "attic");
  REQUIRE(session);
  Snapshot snapshot;
  {
    ChunkWriter writer(*repository, index, (*session)->id(), small_packs());
    Entry entry;
    entry.name = "gone";
    for (std::size_t i = 0; i <= depth; ++i) {
      DirectoryBuilder builder(split_key(*repository), writer.tree_sink());
      REQUIRE(builder.add(entry.name, encode(entry)));
      snapshot.root = {*builder.finish(), i, 1, 0};
      entry.name = "d";
      entry.kind = EntryKind::directory;
      entry.subtree = snapshot.root;
    }
    snapshot.session = (*session)->id();
    REQUIRE(writer.flush());
  }
  REQUIRE((*session)->commit(snapshot));
  return (*session)->id();
}

struct BackedUp {
  BackupResult result;
  std::vector<std::string> troubles, notes, items;
};
struct Restored {
  RestoreResult result;
  std::vector<std::string> troubles;
};

// Everything a client has. The source is `source()`, empty at first.
class TestClient {
 public:
  TestClient() { REQUIRE(::mkdir(source().c_str(), 0755) == 0); }
  ~TestClient() { remove_tree(work_.path().string()); }

  std::string source() const { return work_ / "source"; }
  std::string operator/(const std::string& name) const { return source() + "/" + name; }
  std::string work(const std::string& name) const { return work_ / name; }

  static OpenOptions open_options(const std::string& cache) {
    OpenOptions options;
    options.cache_folder = cache;
    return options;
  }
  BackupOptions options() const {
    BackupOptions options;
    options.paths = {source()};
    options.host = "attic";
    options.user = "ann";
    options.readers = 2;
    options.writer = small_packs();
    return options;
  }

  Result<BackupResult> try_back_up(const BackupOptions& with, CollectingObserver& observer) {
    return backup(*repository, with, observer);
  }
  BackedUp back_up(const BackupOptions& with) {
    CollectingObserver observer;
    auto result = try_back_up(with, observer);
    REQUIRE_MESSAGE(result, result.error().message);
    return {*std::move(result), observer.troubles(), observer.notes(), observer.items()};
  }
  BackedUp back_up() { return back_up(options()); }
  // Fails the test at the first trouble.
  BackedUp back_up_well() {
    BackedUp done = back_up();
    CHECK_MESSAGE(done.troubles.empty(), done.troubles.front());
    CHECK(done.result.errors == 0);
    return done;
  }

  Snapshot load(const SnapshotId& id) {
    const auto list = list_snapshots(*repository);
    REQUIRE(list);
    const auto found = find_snapshot(*list, id.hex(), {});
    REQUIRE(found);
    return found->snapshot;
  }
  Result<RestoreResult> try_restore(const Snapshot& snapshot, const RestoreOptions& with,
                                    CollectingObserver& observer) {
    LocalIndex index = repository.empty_index();
    TRY(load_index_to_read(*repository, index));
    return restore(*repository, index, snapshot, with, observer);
  }
  Restored restore_with(const SnapshotId& id, const RestoreOptions& with) {
    CollectingObserver observer;
    auto result = try_restore(load(id), with, observer);
    REQUIRE_MESSAGE(result, result.error().message);
    return {*result, observer.troubles()};
  }
  // What lay in the source directly into `target`.
  Restored restore_source(const SnapshotId& id, const std::string& target) {
    RestoreOptions with;
    with.target = target;
    with.path_in_snapshot = source();
    with.threads = 2;
    return restore_with(id, with);
  }

  // Waits until what was written shows its age: a file that was changed a clock tick ago is looked
  // at again by the next run.
  void let_settle() const {
    const std::string marker = work_ / "marker";
    write_file(marker, "now");
    const auto look = [&] {
      const auto status = source_status(AT_FDCWD, marker.c_str());
      REQUIRE(status);
      return *status;
    };
    while (is_racy(look(), Stamps::ours)) {
    }
  }

 private:
  // Not where the system keeps temporary files: snapshots hold the folders above the source too,
  // and those must not change while a test runs.
  TemporaryFolder work_{std::filesystem::current_path()};

 public:
  TestRepository repository{open_options(work_ / "cache")};
};

}  // namespace lagan
