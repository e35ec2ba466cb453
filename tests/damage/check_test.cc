// SPDX-License-Identifier: Apache-2.0

// What `check` says about repositories that are whole but wrong, or that only look wrong: trees and
// indexes made by hand.

#include "repo/session.h"
#include "src/engine/check_packs.h"
#include "src/engine/seen_snapshots.h"
#include "tests/damage/sample.h"

namespace lagan {
namespace {

// A snapshot whose root directory holds what the test puts there.
class Forge {
 public:
  explicit Forge(const Repository& repository) {
    auto index = LocalIndex::open("", repository.id());
    REQUIRE(index);
    index_.emplace(*std::move(index));
    session_ = WriterSession::begin(repository, *index_, Purpose::backup, "attic").value();
    writer_ = std::make_unique<ChunkWriter>(repository, *index_, session_->id(), small_packs());
  }

  ChunkId store_data(std::size_t size, std::uint64_t seed) {
    auto& lane = writer_->make_data_lane();
    const ChunkId id = lane.store(random_content(size, seed)).value();
    REQUIRE(lane.flush());
    return id;
  }
  ChunkId store(ChunkKind kind, std::string_view node) {
    return writer_->store_tree(kind, as_bytes(node)).value();
  }
  ChunkId store_folder(const std::vector<Entry>& entries) {
    std::string node;
    for (const Entry& entry : entries) node += field(1, encode(entry));
    return store(ChunkKind::directory, node);
  }
  SnapshotId commit(const Subtree& root, const std::vector<SnapshotId>& parents = {}) {
    Snapshot snapshot;
    snapshot.root = root;
    snapshot.session = session_->id();
    snapshot.parents = parents;
    REQUIRE(writer_->flush());
    REQUIRE(session_->commit(snapshot));
    return session_->id();
  }

  static std::string field(int number, const std::string& message) {
    std::string out(1, static_cast<char>(number << 3 | 2));
    for (std::size_t left = message.size(); true; left >>= 7) {
      out.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
      if (left <= 0x7f) return out + message;
    }
  }

 private:
  std::optional<LocalIndex> index_;
  std::unique_ptr<WriterSession> session_;
  std::unique_ptr<ChunkWriter> writer_;
};

Entry file_entry(const std::string& name, std::uint64_t size) {
  Entry entry;
  entry.name = name;
  entry.mode = 0644;
  entry.size = size;
  return entry;
}

Checked check_with(const TestRepository& made, const CheckOptions& options) {
  Troubles observer;
  std::vector<Finding> findings;
  auto result =
      check(*made, options, observer, [&](const Finding& finding) { findings.push_back(finding); });
  return {std::move(result), std::move(findings)};
}

TEST_CASE("a healthy tree made by hand is no error and no warning") {
  const TestRepository made;
  Forge forge(*made);
  Entry file = file_entry("file", 1000);
  file.slices = {{forge.store_data(1000, 1), 0, 1000}};
  forge.commit({forge.store_folder({file}), 1, 0, 1000});
  const Checked checked = check_all(*made);
  CHECK_MESSAGE(checked.is_clean(), checked.text());
  CHECK(checked.findings.empty());
  CHECK(checked.result->files == 1);
}

TEST_CASE("an entry that its content does not fit is an error that names its path") {
  const TestRepository made;
  Forge forge(*made);
  const ChunkId chunk = forge.store_data(1000, 1);
  Entry file = file_entry("file", 1000);
  SUBCASE("slices shorter than the file") { file.slices = {{chunk, 0, 999}}; }
  SUBCASE("a slice beyond its chunk") { file.slices = {{chunk, 1, 1000}}; }
  SUBCASE("a chunk that is nowhere") { file.slices = {{samples::id<ChunkId>(1), 0, 1000}}; }
  SUBCASE("a tree node as content") {
    file.slices = {{forge.store_folder({file_entry("other", 0)}), 0, 1000}};
  }
  SUBCASE("a list that is nowhere") { file.list = samples::id<ChunkId>(1); }
  SUBCASE("a list that is a directory") { file.list = forge.store_folder({file_entry("o", 0)}); }
  SUBCASE("an attribute whose chunk is nowhere") {
    file.size = 0;
    file.xattrs = {{"user.big", "", {{samples::id<ChunkId>(2), 0, 600}}}};
  }
  forge.commit({forge.store_folder({file}), 1, 0, file.size});
  const Checked checked = check_all(*made);
  REQUIRE(checked.result);
  CHECK_MESSAGE(checked.result->errors == 1, checked.text());
  CHECK(checked.names(":/file"));
}

TEST_CASE("counts of what lies below a folder must be right") {
  const TestRepository made;
  Forge forge(*made);
  Entry file = file_entry("file", 5);
  file.inline_content = "hello";
  Entry folder = file_entry("folder", 0);
  folder.kind = EntryKind::directory;
  folder.subtree = {forge.store_folder({file}), 1, 0, 5};
  Subtree root{std::nullopt, 1, 1, 5};
  std::string wrong = "/folder";
  SUBCASE("files") { root.files = ++folder.subtree.files; }
  SUBCASE("folders") { root.dirs = 1 + ++folder.subtree.dirs; }
  SUBCASE("bytes") { root.content_bytes = ++folder.subtree.content_bytes; }
  SUBCASE("of the snapshot itself") {
    ++root.files;
    wrong = ":/";
  }
  root.id = forge.store_folder({folder});
  forge.commit(root);
  const Checked checked = check_all(*made);
  REQUIRE(checked.result);
  CHECK_MESSAGE(checked.result->errors == 1, checked.text());
  CHECK(checked.names(wrong));
}

TEST_CASE("a breach of the canonical form is a warning") {
  const TestRepository made;
  Forge forge(*made);
  forge.commit({forge.store_folder({file_entry("b", 0), file_entry("a", 0)}), 2, 0, 0});
  const Checked checked = check_all(*made);
  CHECK(checked.is_clean());
  CHECK(checked.result->warnings == 1);
}

TEST_CASE("what a snapshot lacks that was never verified is a warning") {
  const TestRepository made;
  Forge forge(*made);
  Entry file = file_entry("file", 1000);
  file.slices = {{samples::id<ChunkId>(1), 0, 1000}};
  const SnapshotId id = forge.commit({forge.store_folder({file}), 1, 0, 1000});
  CHECK_FALSE(check_all(*made).is_clean());
  const Mark mark{id, 1, "attic", "test", false};
  REQUIRE(made->put_body(ObjectKind::fence, names::fence(id), encode(mark)));
  const Checked checked = check_all(*made);
  CHECK_MESSAGE(checked.is_clean(), checked.text());
  CHECK(checked.result->warnings == 1);
}

TEST_CASE("a snapshot that a later one names, or that this client has seen, is missed") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder / "cache";
  const TestRepository made(options);
  const SnapshotId first = Forge(*made).commit({});
  const SnapshotId second = Forge(*made).commit({}, {first});
  CHECK(check_all(*made).is_clean());

  SnapshotId gone = first;
  auto repository = made.open_again(options).value();
  SUBCASE("by its child") { repository = made.open_again().value(); }
  SUBCASE("by memory") { gone = second; }
  REQUIRE(made.storage->remove(names::snapshot(gone)));
  CHECK(check_all(*repository).names(names::snapshot(gone).text()));

  // Forgotten ones may go.
  Forgotten forgotten;
  forgotten.snapshots = {gone};
  REQUIRE(made->put_signed(ObjectKind::forgotten,
                           names::random_name(names::kForgotten, samples::id<RepositoryId>(1)),
                           encode(forgotten)));
  const Checked checked = check_all(*repository);
  CHECK_MESSAGE(checked.is_clean(), checked.text());
  CHECK_FALSE(SeenSnapshots(*repository).all().contains(gone));
}

TEST_CASE("an index that lists other blocks than the pack has is an error with --read-data") {
  const TestRepository made;
  Forge forge(*made);
  Entry file = file_entry("file", 1000);
  file.slices = {{forge.store_data(1000, 1), 0, 1000}};
  forge.commit({forge.store_folder({file}), 1, 0, 1000});
  const std::string name = made.names("index/").front();
  Segment segment =
      fetch_segment(*made, *names::id_of<SegmentId>(*ObjectName::parse(name))).value();
  for (PackEntry& pack : segment.packs) ++pack.directory.created;
  const SealedObject object =
      seal_body(made->sealing(), ObjectKind::index_segment, "", encode(segment));
  REQUIRE(made->put(names::segment(SegmentId{hash(object.span())}), object));
  REQUIRE(made.storage->remove(*ObjectName::parse(name)));
  CHECK(check_all(*made, false).is_clean());
  const Checked checked = check_all(*made);
  REQUIRE(checked.result);
  CHECK(checked.result->errors == segment.packs.size());
  CHECK(checked.result->suggest_repair_index);
}

TEST_CASE("packs in no index are a note and a reason to prune") {
  const TestRepository made;
  Forge(*made).store_data(1000, 1);  // never flushed to an index
  const TestRepository other;
  Forge forge(*other);
  forge.store_data(1000, 1);
  forge.commit({});
  const std::string pack = other.names("data/").front();
  REQUIRE(made.storage->put(*ObjectName::parse(pack),
                            other.storage->get(*ObjectName::parse(pack)).value()));
  const Checked checked = check_all(*made, false);
  CHECK_MESSAGE(checked.is_clean(), checked.text());
  CHECK(checked.result->warnings == 0);
  CHECK(checked.result->suggest_prune);
}

TEST_CASE("the filters choose whose trees are walked") {
  const TestRepository made;
  const SnapshotId whole = Forge(*made).commit({});
  Forge forge(*made);
  const SnapshotId broken = forge.commit({samples::id<ChunkId>(1), 1, 0, 0});
  CHECK_FALSE(check_all(*made).is_clean());
  CheckOptions options;
  options.snapshots = {whole.hex()};
  CHECK(check_with(made, options).is_clean());
  options.snapshots = {broken.hex()};
  CHECK_FALSE(check_with(made, options).is_clean());
  options.snapshots = {};
  options.filter.hosts = {"elsewhere"};
  CHECK(check_with(made, options).is_clean());
}

TEST_CASE("the parts of --read-data-subset are all packs, each once") {
  std::vector<StoredPack> packs;
  for (std::uint64_t i = 0; i < 100; ++i) {
    PackId id;
    fixed_random(i)(id.bytes);
    packs.push_back({id, ObjectKind::data_pack, 1000, true});
  }
  std::set<PackId> seen;
  for (std::uint64_t part = 1; part <= 7; ++part) {
    const ReadSubset subset{.kind = ReadSubset::Kind::part, .part = part, .parts = 7};
    for (const StoredPack& pack : choose(packs, subset, part)) CHECK(seen.insert(pack.name).second);
  }
  CHECK(seen.size() == 100);
  const ReadSubset share{.kind = ReadSubset::Kind::share, .share = 0.101};
  CHECK(choose(packs, share, 1).size() == 11);
  const ReadSubset bytes{.kind = ReadSubset::Kind::bytes, .bytes = 4500};
  CHECK(choose(packs, bytes, 1).size() == 5);
  CHECK(choose(packs, ReadSubset{}, 1).empty());
}

}  // namespace
}  // namespace lagan
