// SPDX-License-Identifier: Apache-2.0

// Each object of a repository in turn is missing, cut or flipped: `check` names it, what does not
// need it restores, what is restored without complaint is right, and nothing crashes.

#include <algorithm>
#include <functional>

#include "repo/chunk_reader.h"
#include "repo/tree.h"
#include "src/engine/tree_path.h"
#include "tests/damage/damaged_storage.h"
#include "tests/damage/sample.h"

namespace lagan {
namespace {

constexpr std::size_t kGenerations = 3;

struct Saved {
  SnapshotId id;
  Snapshot snapshot;
  FolderContent content;
  // What each file needs: its snapshot, the tree packs above it, its data packs, and the index
  // segments that list those.
  std::map<std::string, std::set<std::string>> needs;
};

class Sample {
 public:
  Sample() : cache_(folder_ / "cache") {
    std::filesystem::create_directories(source());
    made_.emplace(OpenOptions());
    for (std::size_t i = 0; i < kGenerations; ++i) save(i);
    add_marks();
    index_.emplace(made_->empty_index());
    REQUIRE(load_index(**made_, *index_));
    for (Saved& saved : saved_) find_needs(saved);
    // This client remembers the snapshots from here on.
    OpenOptions options;
    options.cache_folder = cache_;
    const Checked healthy = check_all(**made_->open_again(options));
    REQUIRE_MESSAGE(healthy.is_clean(), healthy.text());
  }

  const std::shared_ptr<RecordingStorage>& storage() const { return made_->storage; }
  std::string source() const { return folder_ / "source"; }
  const std::vector<Saved>& saved() const { return saved_; }
  std::vector<std::string> objects() const { return made_->names(""); }
  // The cache of a client that has seen the snapshots, and knows nothing else.
  const std::string& cache() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cache_)) {
      if (entry.path().extension() == ".run") std::filesystem::remove(entry.path());
    }
    return cache_;
  }

 private:
  void save(std::size_t generation) {
    write_source(source(), generation);
    Troubles observer;
    BackupOptions options = small_backup(source());
    options.time = static_cast<Nanoseconds>(generation + 1) * 1'000'000'000;
    const auto result = backup(**made_, options, observer);
    REQUIRE_MESSAGE(result, result.error().message);
    const std::string message =
        (*made_)
            ->get_body(ObjectKind::snapshot, names::snapshot(*result->snapshot), 1 << 20)
            .value();
    saved_.push_back(
        {*result->snapshot, decode_snapshot(as_bytes(message)).value(), content_of(source()), {}});
  }

  // One of each kind that backups do not make. None of them stands in the way of a restore.
  void add_marks() {
    const SnapshotId fenced = saved_[1].id;
    const Mark mark{fenced, 1, "attic", "test", false};
    REQUIRE((*made_)->put_body(ObjectKind::fence, names::fence(fenced), encode(mark)));
    REQUIRE((*made_)->put_body(ObjectKind::verified, names::verified(fenced), encode(mark)));
    Condemned condemned;
    condemned.data_packs = {samples::id<PackId>(1)};
    Forgotten forgotten;
    forgotten.snapshots = {samples::id<SnapshotId>(9)};
    const RepositoryId random = samples::id<RepositoryId>(5);
    REQUIRE((*made_)->put_signed(ObjectKind::condemned,
                                 names::random_name(names::kCondemned, random), encode(condemned)));
    REQUIRE((*made_)->put_signed(ObjectKind::forgotten,
                                 names::random_name(names::kForgotten, random), encode(forgotten)));
  }

  // Adds where a chunk lies, and which segment says so.
  void add_place(const ChunkId& id, std::set<std::string>& needs) const {
    const auto location = index_->find(id);
    REQUIRE(location);
    const ObjectKind kind =
        location->kind == ChunkKind::data ? ObjectKind::data_pack : ObjectKind::tree_pack;
    needs.insert(names::pack(kind, location->pack).text());
    for (const std::string& name : made_->names("index/")) {
      const auto segment_id = names::id_of<SegmentId>(*ObjectName::parse(name));
      const Segment segment = fetch_segment(**made_, *segment_id).value();
      if (std::ranges::count(segment.packs, location->pack, &PackEntry::name) != 0)
        needs.insert(name);
    }
  }

  void find_needs(Saved& saved) const {
    ChunkReader reader(**made_, *index_);
    std::set<std::string> needs{names::snapshot(saved.id).text()};
    const ChunkSource source = [&](const ChunkId& id, ChunkKind kind) {
      add_place(id, needs);
      return reader.load(id, kind);
    };
    const Entry top = entry_at(source, saved.snapshot, this->source()).value();
    find_needs(source, top.subtree, "", needs, saved);
  }

  // `needs` is what the way down to this folder needs.
  void find_needs(const ChunkSource& source, const Subtree& subtree, const std::string& path,
                  std::set<std::string>& needs, Saved& saved) const {
    if (!subtree.id) return;
    const std::set<std::string> above = needs;
    std::vector<Entry> entries;
    REQUIRE(for_each_entry(source, *subtree.id, [&](std::string_view message) -> Result<void> {
      entries.push_back(TRY(decode_entry(as_bytes(message))));
      return {};
    }));
    const std::set<std::string> here = needs;
    for (const Entry& entry : entries) {
      needs = here;
      REQUIRE(for_each_slice(source, entry, [&](const Slice& slice) -> Result<void> {
        if (slice.id) add_place(*slice.id, needs);
        return {};
      }));
      saved.needs[path + "/" + entry.name] = needs;
      if (entry.kind == EntryKind::directory)
        find_needs(source, entry.subtree, path + "/" + entry.name, needs, saved);
    }
    needs = above;
  }

  TemporaryFolder folder_;
  const std::string cache_;
  std::optional<TestRepository> made_;
  std::optional<LocalIndex> index_;
  std::vector<Saved> saved_;
};

struct Damage {
  std::string name;
  // The object's new bytes; nothing: it is missing.
  std::function<std::optional<Bytes>(ByteSpan)> apply;
};

Bytes flipped(ByteSpan bytes, std::size_t at) {
  Bytes copy = Bytes::copy_of(bytes);
  copy.span()[at] ^= std::byte{0x10};
  return copy;
}

const std::vector<Damage> kDamages = {
    {"missing", [](ByteSpan) { return std::nullopt; }},
    {"cut in half", [](ByteSpan all) { return Bytes::copy_of(all.first(all.size() / 2)); }},
    {"cut by a byte", [](ByteSpan all) { return Bytes::copy_of(all.first(all.size() - 1)); }},
    {"empty", [](ByteSpan) { return Bytes(); }},
    {"flipped at the begin", [](ByteSpan all) { return flipped(all, 0); }},
    {"flipped in the middle", [](ByteSpan all) { return flipped(all, all.size() / 2); }},
    {"flipped at the end", [](ByteSpan all) { return flipped(all, all.size() - 1); }},
};

// Nobody can know that it ever was there. A lost mark or log costs what docs/format.md ("Rebuild
// and loss") says, and no data.
bool may_vanish(const std::string& object) {
  return object.starts_with("fences/") || object.starts_with("condemned/") ||
         object.starts_with("forgotten/") || object.ends_with(".ok");
}

bool is_optional(const std::string& object) { return object.starts_with("sessions/"); }

void check_names_it(const Repository& repository, const std::string& object, bool is_missing) {
  const Checked checked = check_all(repository);
  INFO("check says:\n" << checked.text());
  REQUIRE(checked.result);
  if (is_optional(object) || (is_missing && may_vanish(object))) {
    CHECK(checked.result->errors == 0);
    return;
  }
  CHECK(checked.result->errors != 0);
  if (is_missing && object.starts_with("index/")) {
    // Its name is lost with it; its packs are there, and what needs them shows.
    CHECK(checked.result->suggest_repair_index);
  } else if (is_missing && object.starts_with("config/")) {
    CHECK(checked.names("config"));
  } else {
    CHECK(checked.names(object));
  }
}

// Folders count as restored if they are there: their times and modes come from above.
bool is_as_saved(const Saved& saved, const Restored& restored, const std::string& path) {
  const auto now = restored.content.find(path);
  return now != restored.content.end() && now->second == saved.content.at(path);
}

void restores_the_rest(const Repository& repository, const Sample& sample,
                       const std::string& object) {
  const auto list = list_snapshots(repository);
  REQUIRE_MESSAGE(list, list.error().message);
  for (const Saved& saved : sample.saved()) {
    const bool is_listed = std::ranges::count(list->snapshots, saved.id, &StoredSnapshot::id) != 0;
    CHECK(is_listed == (object != names::snapshot(saved.id).text()));
    if (!is_listed) continue;
    const Restored restored = restore_all(repository, saved.snapshot, sample.source());
    INFO("restore says:\n" << restored.text);
    for (const auto& each : saved.content) {
      const std::string& path = each.first;
      INFO(path);
      const auto needs = saved.needs.find(path);
      REQUIRE(needs != saved.needs.end());
      const bool is_right = is_as_saved(saved, restored, path);
      if (!needs->second.contains(object)) CHECK(is_right);
      // What is there and wrong was told.
      const bool is_there = restored.content.contains(path);
      if (is_there && !is_right) CHECK(restored.troubles.contains(path));
      if (!is_there) CHECK(!restored.troubles.empty());
    }
  }
}

TEST_CASE("whatever one object suffers, check names it and the rest restores") {
  const Sample sample;
  const auto objects = sample.objects();
  for (const char* kind : {"keys/", "config/", "snapshots/", "sessions/", "index/", "condemned/",
                           "forgotten/", "fences/", "data/", "tree/", "lagan.repo"}) {
    CHECK_MESSAGE(std::ranges::any_of(
                      objects, [&](const std::string& name) { return name.starts_with(kind); }),
                  kind);
  }
  for (const std::string& object : objects) {
    const ObjectName name = *ObjectName::parse(object);
    const Bytes whole = sample.storage()->inner().get(name).value();
    for (const Damage& damage : kDamages) {
      INFO(object << " is " << damage.name);
      auto bytes = damage.apply(whole);
      const bool is_missing = !bytes.has_value();
      const auto storage =
          std::make_shared<DamagedStorage>(sample.storage(), name, std::move(bytes));
      OpenOptions options;
      options.cache_folder = sample.cache();
      const auto opened = Repository::open(storage, Credential::password("secret"), options);
      // The only key: without it there is nothing but the message.
      if (object.starts_with("keys/")) {
        REQUIRE_FALSE(opened);
        CHECK(opened.error().message.find(is_missing ? "keys/" : object) != std::string::npos);
        continue;
      }
      REQUIRE_MESSAGE(opened, opened.error().message);
      check_names_it(**opened, object, is_missing);
      restores_the_rest(**opened, sample, object);
    }
  }
}

TEST_CASE("a damaged key closes nothing that another key opens") {
  const TestRepository made;
  REQUIRE(made->add_key(Credential::password("second"), kCheapCost, "attic"));
  const auto keys = made.names("keys/");
  REQUIRE(keys.size() == 2);
  for (const std::string& damaged : keys) {
    const ObjectName name = *ObjectName::parse(damaged);
    Bytes bytes = made.storage->inner().get(name).value();
    bytes.span()[200] ^= std::byte{1};
    const auto storage = std::make_shared<DamagedStorage>(made.storage, name, std::move(bytes));
    const auto first = Repository::open(storage, Credential::password("secret"), {});
    const auto second = Repository::open(storage, Credential::password("second"), {});
    REQUIRE(first.has_value() != second.has_value());
    CHECK(check_all(first ? **first : **second).names(damaged));
  }
}

TEST_CASE("damage on the way that is gone the second time is a warning and no error") {
  const Sample sample;
  std::atomic<int> reads = 0;
  sample.storage()->tamper = [&](const std::string& name, Bytes& bytes) {
    if (name.starts_with("data/") && reads++ == 0) bytes.span()[bytes.size() / 2] ^= std::byte{1};
  };
  const auto opened =
      Repository::open(sample.storage(), Credential::password("secret"), OpenOptions());
  REQUIRE(opened);
  const Checked checked = check_all(**opened);
  CHECK(checked.is_clean());
  CHECK(checked.result->warnings == 1);
  sample.storage()->tamper = nullptr;
}

TEST_CASE("check tells which files a lost pack takes with it") {
  const Sample sample;
  const Saved& last = sample.saved().back();
  const auto needs = last.needs.at("/a/b/c/d/deep");
  const auto pack = std::ranges::find_if(
      needs, [](const std::string& name) { return name.starts_with("data/"); });
  REQUIRE(pack != needs.end());
  const auto storage =
      std::make_shared<DamagedStorage>(sample.storage(), *ObjectName::parse(*pack), std::nullopt);
  const auto opened = Repository::open(storage, Credential::password("secret"), OpenOptions());
  const Checked checked = check_all(**opened, false);
  CHECK(checked.names(sample.source() + "/a/b/c/d/deep"));
  REQUIRE(checked.result);
  CHECK(checked.result->broken_packs == std::vector<std::string>{*pack});
}

}  // namespace
}  // namespace lagan
