// SPDX-License-Identifier: Apache-2.0
#include "src/engine/replicate.h"

#include <doctest/doctest.h>

#include <atomic>

#include "src/engine/check.h"
#include "src/engine/forget.h"
#include "src/engine/prune.h"
#include "storage/fault.h"
#include "tests/engine/engine_samples.h"
#include "tests/storage/forwarding_storage.h"

namespace lagan {
namespace {

using Names = std::map<std::string, std::string>;  // with the bytes

Names objects_of(Storage& storage) {
  Names found;
  REQUIRE(storage.list("", [&](const ObjectInfo& info) -> Result<void> {
    found[info.name.text()] = as_text(TRY(storage.get(info.name)));
    return {};
  }));
  return found;
}

// Sessions are of those who write, and nobody writes to a mirror.
Names without_sessions(Names names) {
  std::erase_if(names, [](const auto& each) { return each.first.starts_with("sessions/"); });
  return names;
}

Result<ReplicateResult> try_replicate(Storage& source, Storage& mirror, bool remove_gone = false) {
  ReplicateOptions options;
  options.remove_gone = remove_gone;
  CollectingObserver observer;
  return replicate(source, mirror, options, observer);
}

// Everything that can be seen in the mirror, if it is a repository yet, is whole. Snapshots come in
// any order, so after a stop one may name a parent that only the next run brings.
void check_mirror(const std::shared_ptr<Storage>& mirror) {
  const auto opened = Repository::open(mirror, Credential::password("secret"), {});
  if (!opened) {
    CHECK_MESSAGE(opened.error().code == ErrorCode::no_repository, opened.error().message);
    return;
  }
  CollectingObserver observer;
  CheckOptions options;
  options.read.kind = ReadSubset::Kind::all;
  const auto checked = check(**opened, options, observer, [](const Finding& finding) {
    const bool names_parent = finding.what.ends_with("was made after it");
    if (finding.severity == Severity::error && !names_parent)
      FAIL_CHECK(finding.where << ": " << finding.what);
  });
  REQUIRE_MESSAGE(checked, checked.error().message);
}

void prune_at_once(const Repository& repository) {
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  CollectingObserver observer;
  const auto pruned = prune(repository, options, observer);
  REQUIRE_MESSAGE(pruned, pruned.error().message);
}

// A repository with two snapshots that share a part of their content.
struct Source {
  TestClient client;
  SnapshotId first, second;

  Source() {
    write_file(client / "shared", as_text(random_content(1'000'000, 1).span()));
    for (std::uint64_t i = 0; i < 10; ++i) {
      const std::string name = "small-" + std::to_string(i);
      write_file(client / name, as_text(random_content(20'000, 100 + i).span()));
    }
    client.let_settle();
    first = *client.back_up_well().result.snapshot;
    for (int i = 0; i < 10; i += 2)
      REQUIRE(::unlink((client / ("small-" + std::to_string(i))).c_str()) == 0);
    write_file(client / "new", as_text(random_content(100'000, 3).span()));
    client.let_settle();
    second = *client.back_up_well().result.snapshot;
  }
  Storage& storage() { return *client.repository.storage; }
  const Repository& repository() { return *client.repository; }
  void forget_first() { REQUIRE(forget(repository(), {first}, "test")); }
};

TEST_CASE("a mirror has every object, and a second run copies none") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  const auto done = try_replicate(source.storage(), *mirror);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(objects_of(*mirror) == without_sessions(objects_of(source.storage())));
  CHECK(done->copied == objects_of(*mirror).size());
  CHECK(done->snapshots == 2);
  CHECK(done->already_there == 0);
  check_mirror(mirror);

  const auto again = try_replicate(source.storage(), *mirror);
  REQUIRE(again);
  CHECK(again->copied == 0);
  CHECK(again->bytes == 0);
  CHECK(again->already_there > 4);
}

TEST_CASE("what a collection has deleted goes from the mirror when that is wanted") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  REQUIRE(try_replicate(source.storage(), *mirror));
  source.forget_first();
  prune_at_once(source.repository());
  prune_at_once(source.repository());
  const Names before = objects_of(*mirror);
  SUBCASE("and not without") {
    const auto refused = try_replicate(source.storage(), *mirror);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::already_exists);
    CHECK(refused.error().message.find("--delete") != std::string::npos);
    for (const auto& [name, bytes] : before) CHECK(objects_of(*mirror).contains(name));
    check_mirror(mirror);
  }
  const auto done = try_replicate(source.storage(), *mirror, true);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(done->removed > 2);
  CHECK(objects_of(*mirror) == without_sessions(objects_of(source.storage())));
  check_mirror(mirror);
}

TEST_CASE("a mirror is whole wherever a run stops, and the next one ends it") {
  Source source;
  const auto copy_with = [&](const std::shared_ptr<Storage>& mirror, std::uint64_t stop_at,
                             const std::shared_ptr<std::atomic<std::uint64_t>>& count = nullptr) {
    FaultPlan plan;
    plan.stop_at = stop_at;
    const auto faulty = with_faults(mirror, plan, count);
    return try_replicate(source.storage(), *faulty, true);
  };
  const auto copy_of = [](Storage& storage) {
    std::shared_ptr<Storage> copy = make_memory_storage();
    for (const auto& [name, bytes] : objects_of(storage))
      REQUIRE(copy->put(*ObjectName::parse(name), as_bytes(bytes)));
    return copy;
  };
  std::shared_ptr<Storage> base = make_memory_storage();
  SUBCASE("when it is new") {}
  SUBCASE("when much has changed") {
    REQUIRE(try_replicate(source.storage(), *base));
    source.forget_first();
    prune_at_once(source.repository());
    // Some of what the second needs lies in packs that are sparse now, and is stored again.
    REQUIRE(try_replicate(source.storage(), *copy_of(*base), true));
    SUBCASE("and is not deleted yet") {}
    SUBCASE("and is deleted") { prune_at_once(source.repository()); }
  }
  const auto count = std::make_shared<std::atomic<std::uint64_t>>(0);
  REQUIRE(copy_with(copy_of(*base), UINT64_MAX, count));
  REQUIRE(*count > 3);
  const Names wanted = without_sessions(objects_of(source.storage()));
  for (std::uint64_t stop = 0; stop < *count; ++stop) {
    INFO("stopped at write " << stop << " of " << *count);
    const auto mirror = copy_of(*base);
    CHECK_FALSE(copy_with(mirror, stop));
    check_mirror(mirror);
    REQUIRE(try_replicate(source.storage(), *mirror, true));
    CHECK(objects_of(*mirror) == wanted);
  }
}

TEST_CASE("a source that is written to and collected meanwhile gives a whole mirror") {
  bool is_new = true;
  SUBCASE("from the beginning") {}
  SUBCASE("from an older state") { is_new = false; }
  // Something happens before every third read of the source in turn.
  for (std::size_t when = 0;; when += 3) {
    INFO("before read " << when);
    Source source;
    source.forget_first();
    std::shared_ptr<Storage> mirror = make_memory_storage();
    if (!is_new) REQUIRE(try_replicate(source.storage(), *mirror));
    std::atomic<std::size_t> reads = 0;  // of several threads where objects are small
    std::atomic<bool> is_busy = false, has_happened = false;
    RecordingStorage watched(source.client.repository.storage);
    watched.before = [&](const std::string&) -> Result<void> {
      if (is_busy || reads++ != when) return {};
      is_busy = has_happened = true;
      write_file(source.client / "later", as_text(random_content(50'000, 9).span()));
      source.client.let_settle();
      source.client.back_up_well();
      prune_at_once(source.repository());
      prune_at_once(source.repository());
      is_busy = false;
      return {};
    };
    // Packs one at a time, so that these reads come in an order.
    watched.shown_capabilities = Capabilities{.parallel = 1};
    const auto done = try_replicate(watched, *mirror, true);
    REQUIRE_MESSAGE(done, done.error().message);
    check_mirror(mirror);
    watched.before = nullptr;
    REQUIRE(try_replicate(source.storage(), *mirror, true));
    CHECK(objects_of(*mirror) == without_sessions(objects_of(source.storage())));
    if (!has_happened) break;
  }
}

TEST_CASE("what a mirror gives back otherwise than it was given does not stay there") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  class Unsure final : public ForwardingStorage {
   public:
    using ForwardingStorage::ForwardingStorage;
    using ForwardingStorage::get;
    Capabilities capabilities() const override {
      Capabilities capabilities = inner_.capabilities();
      capabilities.put_is_verified = false;
      return capabilities;
    }
    Result<Bytes> get(const ObjectName& name) override {
      Bytes bytes = TRY(inner_.get(name));
      if (name.text().starts_with("data/")) bytes.span()[bytes.size() / 2] ^= std::byte{1};
      return bytes;
    }
  } unsure(*mirror);
  const auto replicated = try_replicate(source.storage(), unsure);
  REQUIRE_FALSE(replicated);
  CHECK(replicated.error().code == ErrorCode::corrupt);
  for (const auto& [name, bytes] : objects_of(*mirror)) CHECK_FALSE(name.starts_with("data/"));
  REQUIRE(try_replicate(source.storage(), *mirror));
  check_mirror(mirror);
}

TEST_CASE("what cannot be read back just now stays: it may be somebody's only copy") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  class Away final : public ForwardingStorage {
   public:
    using ForwardingStorage::ForwardingStorage;
    using ForwardingStorage::get;
    Capabilities capabilities() const override {
      Capabilities capabilities = inner_.capabilities();
      capabilities.put_is_verified = false;
      return capabilities;
    }
    Result<Bytes> get(const ObjectName& name) override {
      if (name.text().starts_with("data/")) return fail(ErrorCode::unavailable, "no network");
      return inner_.get(name);
    }
  } away(*mirror);
  const auto replicated = try_replicate(source.storage(), away);
  REQUIRE_FALSE(replicated);
  CHECK(replicated.error().code == ErrorCode::unavailable);
  bool has_data = false;
  for (const auto& [name, bytes] : objects_of(*mirror)) has_data |= name.starts_with("data/");
  CHECK(has_data);
}

TEST_CASE("a listing that is short deletes nothing") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  REQUIRE(try_replicate(source.storage(), *mirror));
  const Names before = objects_of(*mirror);

  // Lists nothing below some folders.
  class Forgetful final : public ForwardingStorage {
   public:
    using ForwardingStorage::ForwardingStorage;
    Result<void> list(std::string_view prefix, const EachObject& each) override {
      if (prefix == "data/" || prefix == "index/" || prefix == "snapshots/") return {};
      return inner_.list(prefix, each);
    }
  } forgetful(source.storage());
  (void)try_replicate(forgetful, *mirror, true);
  CHECK(objects_of(*mirror) == before);
}

TEST_CASE(
    "damaged packs of the source are named and left out, and cut ones of the mirror replaced") {
  Source source;
  const std::string pack = source.client.repository.names("data/").front();
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  SUBCASE("damaged") {
    source.client.repository.damage(pack, 1000);
    CollectingObserver observer;
    const auto done = replicate(source.storage(), *mirror, {}, observer);
    REQUIRE_MESSAGE(done, done.error().message);
    CHECK(done->damaged == 1);
    REQUIRE(observer.troubles().size() == 1);
    CHECK(observer.troubles().front().starts_with(pack));
    CHECK_FALSE(objects_of(*mirror).contains(pack));
  }
  SUBCASE("cut") {
    REQUIRE(try_replicate(source.storage(), *mirror));
    REQUIRE(mirror->remove(*ObjectName::parse(pack)));
    REQUIRE(mirror->put(*ObjectName::parse(pack), as_bytes("cut")));
    const auto done = try_replicate(source.storage(), *mirror);
    REQUIRE(done);
    CHECK(done->copied == 1);
    check_mirror(mirror);
  }
}

TEST_CASE("another repository is not copied over") {
  Source source;
  const TestRepository other;
  const Names before = objects_of(other.storage->inner());
  SUBCASE("be it whole") {}
  SUBCASE("or without its boot record") { REQUIRE(other.storage->remove(names::boot())); }
  const auto refused = try_replicate(source.storage(), *other.storage, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::already_exists);
  CHECK(refused.error().message.find("empty place") != std::string::npos);
  for (const auto& [name, bytes] : objects_of(other.storage->inner())) CHECK(before.contains(name));
}

TEST_CASE("a dry run tells what would be copied and touches nothing") {
  Source source;
  const std::shared_ptr<Storage> mirror = make_memory_storage();
  ReplicateOptions options;
  options.dry_run = true;
  CollectingObserver observer;
  const auto done = replicate(source.storage(), *mirror, options, observer);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(objects_of(*mirror).empty());
  CHECK(done->copied == without_sessions(objects_of(source.storage())).size());
}

}  // namespace
}  // namespace lagan
