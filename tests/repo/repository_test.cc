// SPDX-License-Identifier: Apache-2.0
#include "repo/repository.h"

#include <doctest/doctest.h>

#include "repo/boot_record.h"
#include "repo/client_memory.h"
#include "repo/limits.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

ErrorCode opening_fails(const TestRepository& made, const Credential& credential,
                        const OpenOptions& options = {}) {
  const auto opened = Repository::open(made.storage, credential, options);
  REQUIRE_FALSE(opened);
  INFO(opened.error().message);
  CHECK_FALSE(opened.error().message.empty());
  return opened.error().code;
}

ErrorCode opening_fails(const TestRepository& made, const OpenOptions& options = {}) {
  return opening_fails(made, Credential::password("secret"), options);
}

// Puts a config revision as the owner would.
void put_config(const TestRepository& made, const Config& config) {
  const ObjectName name = names::random_name(names::kConfig, made->random_id());
  REQUIRE(made->put_signed(ObjectKind::config, name, encode(config)));
}

TEST_CASE("a new repository is a slot, a config and last of all the boot record") {
  const auto storage = std::make_shared<RecordingStorage>(make_memory_storage());
  CreateOptions options;
  options.cost = kCheapCost;
  const auto made =
      Repository::create(storage, Credential::password("secret"), options, OpenOptions());
  REQUIRE(made);
  const auto puts = storage->calls("put ");
  REQUIRE(puts.size() == 3);
  CHECK(puts[0].starts_with("put keys/"));
  CHECK(puts[1].starts_with("put config/"));
  CHECK(puts[2] == "put lagan.repo");
  // The sizes of the worked example in docs/format.md.
  const auto size = [&](const std::string& put) {
    return storage->stat(*ObjectName::parse(put.substr(4)))->size_bytes;
  };
  CHECK(size(puts[0]) == 2208);
  CHECK(size(puts[1]) == 2192);
  CHECK(size(puts[2]) == 89);
}

TEST_CASE("a repository that stopped being made at any put is none, and can be made after all") {
  for (const int stop_at : {0, 1, 2}) {
    CAPTURE(stop_at);
    const auto storage = std::make_shared<RecordingStorage>(make_memory_storage());
    int puts = 0;
    storage->before = [&](const std::string& call) -> Result<void> {
      if (call.starts_with("put ") && puts++ >= stop_at) return fail(ErrorCode::io, "power failed");
      return {};
    };
    CreateOptions options;
    options.cost = kCheapCost;
    CHECK_FALSE(Repository::create(storage, Credential::password("x"), options, OpenOptions()));
    storage->before = nullptr;
    const auto opened = Repository::open(storage, Credential::password("x"), OpenOptions());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::no_repository);
    // Keys that lie about may be those of a repository that only lost its boot record.
    const auto again =
        Repository::create(storage, Credential::password("x"), options, OpenOptions());
    if (stop_at == 0) {
      CHECK(again);
    } else {
      CHECK(again.error().code == ErrorCode::already_exists);
    }
  }
}

TEST_CASE("a repository is not made over another one") {
  const TestRepository made;
  CreateOptions options;
  options.cost = kCheapCost;
  const auto again =
      Repository::create(made.storage, Credential::password("x"), options, OpenOptions());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::already_exists);
  CHECK(made.open_again());
}

TEST_CASE("what is opened is what was made") {
  CreateOptions create;
  create.suite = Suite::chacha20_poly1305;
  create.inline_max = 100;
  create.label = "attic";
  create.clock = [] { return samples::kCreated; };
  const TestRepository made({}, create);
  const auto opened = made.open_again();
  REQUIRE(opened);
  CHECK((*opened)->id() == made->id());
  CHECK((*opened)->bundle().inline_max == 100);
  CHECK((*opened)->bundle().created == samples::kCreated);
  CHECK((*opened)->bundle().chunker == default_chunker_params());
  CHECK((*opened)->sealing().suite == Suite::chacha20_poly1305);
  CHECK((*opened)->config().revision == 1);
  CHECK((*opened)->check_writable());
  CHECK((*opened)->warnings().empty());
  CHECK((*opened)->cache_folder().empty());
}

TEST_CASE("a sibling cuts and names chunks alike and has all other secrets of its own") {
  CreateOptions options;
  options.inline_max = 100;
  const TestRepository elder({}, options);
  CreateOptions like;
  like.sibling = &*elder;
  const TestRepository sibling({}, like);
  const MasterKeys& ours = elder->bundle().keys;
  const MasterKeys& theirs = sibling->bundle().keys;
  CHECK(std::ranges::equal(ours.id_key.span(), theirs.id_key.span()));
  CHECK(std::ranges::equal(ours.chunk_key.span(), theirs.chunk_key.span()));
  CHECK(sibling->bundle().inline_max == 100);
  CHECK(sibling->id() != elder->id());
  CHECK_FALSE(std::ranges::equal(ours.epoch.index_key.span(), theirs.epoch.index_key.span()));
  CHECK_FALSE(std::ranges::equal(ours.epoch.data_secret.span(), theirs.epoch.data_secret.span()));
  CHECK_FALSE(std::ranges::equal(ours.sign_seed.span(), theirs.sign_seed.span()));
}

TEST_CASE("a wrong password opens nothing, and the error names the keys there are") {
  CreateOptions create;
  create.label = "attic";
  const TestRepository made({}, create);
  CHECK(opening_fails(made, Credential::password("Secret")) == ErrorCode::wrong_key);
  CHECK(opening_fails(made, Credential::code(Bytes(32))) == ErrorCode::wrong_key);
  const auto opened = Repository::open(made.storage, Credential::password("x"), {});
  CHECK(opened.error().message.find("attic") != std::string::npos);
}

TEST_CASE("each of several keys opens the repository") {
  const TestRepository made;
  const Bytes code = random_content(32, 1);
  REQUIRE(made->add_key(Credential::password("second"), kCheapCost, "laptop"));
  REQUIRE(made->add_key(Credential::code(code), kCheapCost, "recovery"));
  CHECK(made.open_again());
  CHECK(Repository::open(made.storage, Credential::password("second"), {}));
  CHECK(Repository::open(made.storage, Credential::code(code), {}));
  CHECK(opening_fails(made, Credential::password("third")) == ErrorCode::wrong_key);
  const auto slots = made->key_slots();
  REQUIRE(slots);
  CHECK(slots->size() == 3);
}

TEST_CASE("the key that was hinted at is tried first") {
  const TestRepository made;
  const auto laptop = made->add_key(Credential::password("secret"), {64, 1}, "laptop");
  REQUIRE(laptop);
  for (const std::string& hint : {std::string("laptop"), laptop->text().substr(5, 6)}) {
    OpenOptions options;
    options.key_hint = hint;
    const auto opened = made.open_again(options);
    REQUIRE(opened);
    CHECK((*opened)->opened_slot() == *laptop);
  }
  // Else the cheapest one that fits.
  CHECK((*made.open_again())->opened_slot() != *laptop);
}

TEST_CASE("a key can be removed, but never the last that works") {
  const TestRepository made;
  const ObjectName first = made->opened_slot();
  REQUIRE_FALSE(made->remove_key(first));
  const auto second = made->add_key(Credential::password("second"), kCheapCost, "");
  REQUIRE(second);
  REQUIRE(made->remove_key(first));
  CHECK(opening_fails(made) == ErrorCode::wrong_key);
  CHECK(Repository::open(made.storage, Credential::password("second"), {}));
  CHECK_FALSE(made->remove_key(*second));
  CHECK(made->remove_key(first).error().code == ErrorCode::not_found);
}

TEST_CASE("a damaged key slot does not count as one that opens, and may be removed") {
  const TestRepository made;
  const auto second = made->add_key(Credential::password("second"), kCheapCost, "");
  REQUIRE(second);
  made.damage(second->text(), 300);
  const auto opened = made.open_again();
  REQUIRE(opened);
  CHECK((*opened)->warnings().size() == 1);
  CHECK_FALSE((*opened)->remove_key((*opened)->opened_slot()));
  CHECK((*opened)->remove_key(*second));
}

TEST_CASE("if the only key slot is damaged the error says damaged, not wrong password") {
  const TestRepository made;
  made.damage(made.names("keys/").at(0), 300);
  CHECK(opening_fails(made) == ErrorCode::corrupt);
}

TEST_CASE("a boot record and keys that belong to different repositories are refused") {
  const TestRepository made;
  Boot boot{1, made->id(), made->bundle().created};
  SUBCASE("another id") { boot.repository = samples::id<RepositoryId>(0x77); }
  SUBCASE("another time") { ++boot.created; }
  made.overwrite("lagan.repo", as_bytes(encode_boot_record(boot)));
  CHECK(opening_fails(made) == ErrorCode::corrupt);
}

TEST_CASE("there is no repository where there is no boot record") {
  const auto storage = make_memory_storage();
  const auto opened = Repository::open(make_memory_storage(), Credential::password("x"), {});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::no_repository);
}

TEST_CASE("the highest revision of the config counts, and of equal ones the greater name") {
  const TestRepository made;
  Config config = made->config();
  config.revision = 3;
  config.undelete_seconds = 33;
  put_config(made, config);
  config.revision = 2;
  config.undelete_seconds = 22;
  put_config(made, config);
  CHECK((*made.open_again())->config().undelete_seconds == 33);

  config.revision = 3;
  config.undelete_seconds = 44;
  const ObjectName last = *ObjectName::parse("config/ffffffffffffffffffffffffffffffff");
  REQUIRE(made->put_signed(ObjectKind::config, last, encode(config)));
  CHECK((*made.open_again())->config().undelete_seconds == 44);
}

TEST_CASE("features of all revisions count, for reading and for writing") {
  const TestRepository made;
  Config config = made->config();
  config.revision = 2;
  SUBCASE("one that forbids nothing is only news") {
    config.features = {{"news", 0}};
    put_config(made, config);
    CHECK((*made.open_again())->check_writable());
  }
  SUBCASE("one that forbids to collect lets writers write") {
    config.features = {{"shards", 4}};
    put_config(made, config);
    CHECK((*made.open_again())->check_writable());
  }
  SUBCASE("one that forbids to write can be read") {
    config.features = {{"shards", 6}};
    put_config(made, config);
    config.revision = 3;
    config.features.clear();
    put_config(made, config);
    const auto writable = (*made.open_again())->check_writable();
    REQUIRE_FALSE(writable);
    CHECK(writable.error().message.find("shards") != std::string::npos);
  }
  SUBCASE("one that forbids to read is an error that names it") {
    config.features = {{"shards", 7}};
    put_config(made, config);
    const auto opened = made.open_again();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::unsupported);
    CHECK(opened.error().message.find("shards") != std::string::npos);
  }
}

TEST_CASE("a config that cannot be read, is unsigned or missing makes the repository read-only") {
  const TestRepository made;
  SUBCASE("damaged") { made.damage(made.names("config/").at(0), 200); }
  SUBCASE("missing") {
    REQUIRE(made.storage->inner().remove(*ObjectName::parse(made.names("config/").at(0))));
  }
  SUBCASE("unsigned") {
    const ObjectName name = names::random_name(names::kConfig, made->random_id());
    Config config = made->config();
    config.revision = 99;
    REQUIRE(made->put_body(ObjectKind::config, name, encode(config)));
    const auto opened = made.open_again();
    REQUIRE(opened);
    CHECK((*opened)->config().revision == 1);
  }
  SUBCASE("moved to another name") {
    const std::string name = made.names("config/").at(0);
    const Bytes bytes = made.storage->inner().get(*ObjectName::parse(name)).value();
    REQUIRE(made.storage->inner().put(*ObjectName::parse("config/00"), bytes));
  }
  const auto opened = made.open_again();
  REQUIRE_MESSAGE(opened, opened.error().message);
  CHECK_FALSE((*opened)->check_writable());
}

TEST_CASE("a client notices another repository at a known location") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder / "cache";
  const TestRepository one(options);
  CHECK(one.open_again(options));
  // The memory storage always says "memory" for its location.
  const TestRepository two;
  const auto opened = two.open_again(options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::corrupt);
  CHECK(opened.error().message.find(one->id().short_hex()) != std::string::npos);
  REQUIRE(ClientMemory(options.cache_folder).forget("memory"));
  CHECK(two.open_again(options));
}

TEST_CASE("a client that has seen a newer config does not write to an older one") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder / "cache";
  const TestRepository made(options);
  Config config = made->config();
  config.revision = 2;
  put_config(made, config);
  const auto before = made.names("config/");
  CHECK((*made.open_again(options))->check_writable());
  // The storage goes back to its first revision.
  for (const std::string& name : before) {
    const auto message = made->get_signed(ObjectKind::config, *ObjectName::parse(name), 1 << 20);
    REQUIRE(message);
    if (decode_config(as_bytes(*message))->revision == 2)
      REQUIRE(made.storage->inner().remove(*ObjectName::parse(name)));
  }
  CHECK_FALSE((*made.open_again(options))->check_writable());
  // A client without memory cannot know.
  CHECK((*made.open_again())->check_writable());
}

TEST_CASE("a cache that cannot be made costs a warning, not the backup") {
  const TemporaryFolder folder;
  const std::string file = folder / "file";
  REQUIRE(replace_file(file, as_bytes("in the way")));
  OpenOptions options;
  options.cache_folder = file + "/cache";
  const TestRepository made;
  const auto opened = made.open_again(options);
  REQUIRE_MESSAGE(opened, opened.error().message);
  CHECK((*opened)->cache_folder().empty());
  CHECK((*opened)->warnings().size() == 1);
}

TEST_CASE("opening costs one listing of keys and one of config") {
  const TestRepository made;
  REQUIRE(made.open_again());
  const auto calls = made.storage->calls();
  CHECK(calls.size() == 5);
  CHECK(made.storage->calls("get lagan.repo").size() == 1);
  CHECK(made.storage->calls("list keys/").size() == 1);
  CHECK(made.storage->calls("get keys/").size() == 1);
  CHECK(made.storage->calls("list config/").size() == 1);
  CHECK(made.storage->calls("get config/").size() == 1);
}

// A repository over a network that this client has opened before.
struct Known {
  Known() { made.storage->shown_capabilities = Capabilities{.parallel_gets = 4}; }
  TemporaryFolder folder;
  OpenOptions options = options_in(folder / "cache");
  TestRepository made{options};

  static OpenOptions options_in(const std::string& cache) {
    OpenOptions options;
    options.cache_folder = cache;
    return options;
  }
  std::string slot() const { return made->opened_slot().text(); }
};

TEST_CASE("a client that knows its slot lists no others") {
  const Known known;
  REQUIRE(known.made.open_again(known.options));
  std::vector<std::string> expected{"get " + known.slot(), "list config/"};
  SUBCASE("nor does it ask for what the slot says already") {}
  SUBCASE("where that costs nothing it does") {
    known.made.storage->shown_capabilities = Capabilities{};
    expected.insert(expected.end() - 1, "get lagan.repo");
    expected.insert(expected.begin(), "get " + known.made.names("config/").front());
  }
  known.made.storage->forget_calls();
  REQUIRE(known.made.open_again(known.options));
  auto calls = known.made.storage->calls();
  std::ranges::sort(calls);
  CHECK(calls == expected);
}

TEST_CASE("the last slot opens nothing once it has been removed, damaged or replaced") {
  const Known known;
  const auto second = known.made->add_key(Credential::password("other"), kCheapCost, "");
  REQUIRE(second);
  SUBCASE("removed") {
    REQUIRE(known.made->remove_key(known.made->opened_slot()));
    const auto opened = known.made.open_again(known.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::wrong_key);
  }
  SUBCASE("damaged") {
    known.made.damage(known.slot(), 40);
    CHECK_FALSE(known.made.open_again(known.options));
  }
  SUBCASE("replaced by that of another repository") {
    const TestRepository other;
    known.made.overwrite(known.slot(), *other.storage->get(other->opened_slot()));
    CHECK_FALSE(known.made.open_again(known.options));
  }
  // The other one opens all the same, and is the last one from then on.
  REQUIRE(Repository::open(known.made.storage, Credential::password("other"), known.options));
  known.made.storage->forget_calls();
  const auto opened =
      Repository::open(known.made.storage, Credential::password("other"), known.options);
  REQUIRE(opened);
  CHECK((*opened)->opened_slot() == *second);
  CHECK(known.made.storage->calls("list keys/").empty());
}

TEST_CASE("a client that knows its slot still notices what has changed") {
  const Known known;
  SUBCASE("another password") {
    const auto opened =
        Repository::open(known.made.storage, Credential::password("wrong"), known.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::wrong_key);
  }
  SUBCASE("another repository at the same place") {
    const TestRepository other;
    const auto opened = other.open_again(known.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::corrupt);
  }
  SUBCASE("a feature that it does not know") {
    Config config = known.made->config();
    config.revision = 2;
    config.features = {{.name = "new", .forbids = 2}};
    put_config(known.made, config);
    CHECK_FALSE((*known.made.open_again(known.options))->check_writable());
  }
  SUBCASE("a slot in a header that it cannot read, and a boot record that says so") {
    known.made.damage(known.slot(), 0);
    known.made.overwrite("lagan.repo", as_bytes("lagan repository, format 2\n"));
    const auto opened = known.made.open_again(known.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::unsupported);
  }
  SUBCASE("nothing there any more") {
    for (const std::string& name : known.made.names(""))
      REQUIRE(known.made.storage->remove(*ObjectName::parse(name)));
    const auto opened = known.made.open_again(known.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::no_repository);
  }
}

TEST_CASE("a config in the cache that is damaged is fetched again") {
  const Known known;
  REQUIRE(known.made.open_again(known.options));
  const std::string file = known.made->cache_folder() + "/" + known.made.names("config/").front();
  REQUIRE(replace_file(file, as_bytes("nonsense")));
  known.made.storage->forget_calls();
  const auto opened = known.made.open_again(known.options);
  REQUIRE(opened);
  CHECK((*opened)->check_writable());
  CHECK((*opened)->warnings().empty());
  CHECK(known.made.storage->calls("get config/").size() == 1);
}

TEST_CASE("a body that no reader would take is not put") {
  TestRepository repository;
  const ObjectName name = names::session(samples::id<SessionId>(1));
  CHECK_FALSE(repository->put_body(ObjectKind::session, name, std::string(1 << 20, 'x')));
  CHECK(repository.names("sessions/").empty());
  REQUIRE(repository->put_body(ObjectKind::session, name, std::string(1'000'000, 'x')));
  CHECK(repository->get_body(ObjectKind::session, name, limits::kSmallBodyBytes));
}

}  // namespace
}  // namespace lagan
