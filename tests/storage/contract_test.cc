// SPDX-License-Identifier: Apache-2.0

// The promises of storage/storage.h, kept by every backend, bare and inside each decorator. A new
// backend is one line in backends(). Most names begin with data/, for which some have a place of
// their own.

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "storage/disk_cache.h"
#include "storage/fault.h"
#include "storage/hot_cold.h"
#include "storage/local.h"
#include "storage/memory.h"
#include "storage/open.h"
#include "storage/pace.h"
#include "storage/request_counts.h"
#include "storage/retry.h"
#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"
#include "util/failure.h"

namespace lagan {
namespace {

using MakeStorage = std::function<std::unique_ptr<Storage>()>;

// A storage for one test and the place it lives in.
struct Place {
  std::unique_ptr<TemporaryFolder> folder;
  MakeStorage open;
  bool can_be_missing = false;
  // The location vanishes while it is used; nothing where a test cannot do that.
  std::function<void()> destroy = nullptr;
};

struct Backend {
  std::string name;
  std::function<Place()> make_place;
};

Backend local_below(const std::string& name, const std::string& parent) {
  return {name, [parent] {
            auto folder = std::make_unique<TemporaryFolder>(parent);
            const std::string path = *folder / "repository";
            return Place{std::move(folder), [path] { return make_local_storage(path); }, true,
                         [path] { std::filesystem::remove_all(path); }};
          }};
}

// A server that the environment names: LAGAN_TEST_LOCATIONS has a line "name location [option]" for
// each, where the option is as for -o, or cacert=FILE, or `there` if the bucket is there already.
// Every place is a new bucket or folder.
std::vector<Backend> servers() {
  std::vector<Backend> all;
  const char* lines = std::getenv("LAGAN_TEST_LOCATIONS");
  std::istringstream in(lines != nullptr ? lines : "");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, location, option;
    words >> name >> location;
    std::getline(words >> std::ws, option);
    StorageOptions options;
    constexpr std::string_view kAuthority = "cacert=";
    if (option.starts_with(kAuthority)) {
      options.connection.ca_file = option.substr(kAuthority.size());
    } else if (const std::size_t equals = option.find('='); equals != std::string::npos) {
      options.extended[option.substr(0, equals)] = option.substr(equals + 1);
    }
    all.push_back(
        {name, [location, options, option] {
           static std::atomic<int> number = 0;
           const std::string own = fmt::format("{}-{}-{}", location, ::getpid(), ++number);
           return Place{nullptr, [own, options] { return open_storage(own, options).value(); },
                        option != "there", nullptr};
         }});
  }
  return all;
}

Backend retried(const Backend& plain) {
  return {plain.name + " with retries", [plain] {
            Place place = plain.make_place();
            place.open = [open = place.open] { return with_retries(open(), {}); };
            return place;
          }};
}

// The same behind something else that keeps all its promises.
Backend behind(const std::string& what, const Backend& plain,
               const std::function<std::unique_ptr<Storage>(std::unique_ptr<Storage>)>& wrapped) {
  return {plain.name + " " + what, [plain, wrapped] {
            Place place = plain.make_place();
            place.open = [open = place.open, wrapped] { return wrapped(open()); };
            return place;
          }};
}

Backend hot_and_cold() {
  return {"hot and cold", [] {
            auto folder = std::make_unique<TemporaryFolder>();
            const std::string hot = *folder / "hot", cold = *folder / "cold";
            return Place{std::move(folder),
                         [hot, cold] {
                           return make_hot_cold_storage(make_local_storage(hot),
                                                        make_local_storage(cold));
                         },
                         true,
                         [hot, cold] {
                           std::filesystem::remove_all(hot);
                           std::filesystem::remove_all(cold);
                         }};
          }};
}

Backend cached_on_disk() {
  return {"memory with a cache on disk", [] {
            auto folder = std::make_unique<TemporaryFolder>();
            const std::string cache = *folder / "cache";
            return Place{
                std::move(folder),
                [cache] { return with_disk_cache(make_memory_storage(), cache, 64 << 20).value(); },
                false, nullptr};
          }};
}

Backend without_faults(const Backend& plain) {
  return {plain.name + " with no faults", [plain] {
            Place place = plain.make_place();
            place.open = [open = place.open] { return with_faults(open(), {}); };
            return place;
          }};
}

std::vector<Backend> backends() {
  std::vector<Backend> plain{
      {"memory",
       [] {
         return Place{nullptr, make_memory_storage, false, nullptr};
       }},
      local_below("local", ""),
  };
  if (::access("/dev/shm", W_OK) == 0) plain.push_back(local_below("local on tmpfs", "/dev/shm"));
  std::vector<Backend> all = servers();
  if (!all.empty()) return all;
  for (const Backend& backend : plain) {
    all.push_back(backend);
    all.push_back(retried(backend));
    all.push_back(without_faults(backend));
  }
  all.push_back(hot_and_cold());
  const Backend& memory = plain.front();
  all.push_back(behind("as the cold place", memory, [](std::unique_ptr<Storage> inner) {
    return make_hot_cold_storage(make_memory_storage(), std::move(inner));
  }));
  all.push_back(behind("at a pace, counted", memory, [](std::unique_ptr<Storage> inner) {
    return with_pace(with_counts(std::move(inner), std::make_shared<RequestCounts>()),
                     {.calls = nullptr, .stop = {}});
  }));
  all.push_back(cached_on_disk());
  return all;
}

void for_each_backend(const std::function<void(Storage&)>& claim) {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    const Place place = backend.make_place();
    const auto storage = place.open();
    REQUIRE(storage->create());
    claim(*storage);
  }
}

// How many of `count` calls at the same time succeed.
std::size_t successes(std::size_t count, const std::function<bool(std::size_t)>& call) {
  std::atomic<std::size_t> good = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] { good += call(i) ? 1 : 0; });
    }
  }
  return good;
}

// What is wrong with one of `count` calls at the same time; "" if nothing is.
std::string trouble(std::size_t count, const std::function<Result<void>(std::size_t)>& call) {
  Failure failure;
  (void)successes(count, [&](std::size_t i) {
    auto done = call(i);
    if (!done) failure.set(std::move(done).error());
    return true;
  });
  const auto checked = failure.check();
  return checked ? "" : checked.error().message;
}

const std::vector<std::string> kNone;

}  // namespace

TEST_CASE("what was put comes back, at every size") {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  const Bytes source = random_bytes(16 * kMiB, 1);
  for_each_backend([&](Storage& storage) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{65537},
          kMiB, 5 * kMiB - 1, 5 * kMiB, 5 * kMiB + 1, 16 * kMiB}) {
      INFO(size);
      // Different ends, so that objects cannot be mistaken for each other.
      const ByteSpan bytes = source.span().last(size);
      const ObjectName name = name_of(fmt::format("data/{}", size));
      REQUIRE(storage.put(name, bytes));
      CHECK(difference(storage, name, bytes) == "");
      CHECK(storage.stat(name).value().size_bytes == size);
    }
  });
}

TEST_CASE("memory at any alignment is stored alike") {
  const Bytes bytes = random_bytes((3 << 20) + 8192, 1);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::size_t to_page = 4096 - address % 4096;
  for_each_backend([&](Storage& storage) {
    for (const std::size_t from : {to_page, to_page + 1, to_page + 512}) {
      INFO(from);
      const ByteSpan part = bytes.span().subspan(from, (3 << 20) + 100);
      const ObjectName name = name_of(fmt::format("from-{}", from));
      REQUIRE(storage.put(name, part));
      CHECK(difference(storage, name, part) == "");
    }
  });
}

TEST_CASE("bytes that text modes and proxies like to change stay as they are") {
  using std::string_view_literals::operator""sv;
  constexpr auto kDifficult = "\x1f\x8b\r\n\n\r\x1a\0\xff\xfe\xef\xbb\xbf\r\n"sv;
  for_each_backend([&](Storage& storage) {
    REQUIRE(storage.put(name_of("difficult"), as_bytes(kDifficult)));
    CHECK(difference(storage, name_of("difficult"), as_bytes(kDifficult)) == "");
  });
}

TEST_CASE("a put of what is there succeeds and changes nothing") {
  for_each_backend([](Storage& storage) {
    const Bytes bytes = random_bytes(100'000, 7);
    for (int i = 0; i < 3; ++i) REQUIRE(storage.put(name_of("index/a"), bytes));
    CHECK(difference(storage, name_of("index/a"), bytes) == "");
    CHECK(names_below(storage, "") == std::vector<std::string>{"index/a"});
  });
}

TEST_CASE("32 puts at the same time all arrive") {
  for_each_backend([](Storage& storage) {
    const auto name = [](std::size_t i) { return name_of(fmt::format("data/{}/{}", i % 5, i)); };
    const auto content = [](std::size_t i) { return random_bytes(20'000 + i, i); };
    CHECK(trouble(32, [&](std::size_t i) { return storage.put(name(i), content(i)); }) == "");
    for (std::size_t i = 0; i < 32; ++i) CHECK(difference(storage, name(i), content(i)) == "");
    CHECK(names_below(storage, "").value().size() == 32);
  });
}

TEST_CASE("16 puts of the same object at the same time all succeed and leave one") {
  for_each_backend([](Storage& storage) {
    const Bytes bytes = random_bytes((1 << 20) + 17, 3);
    CHECK(trouble(16, [&](std::size_t) { return storage.put(name_of("data/one"), bytes); }) == "");
    CHECK(difference(storage, name_of("data/one"), bytes) == "");
    CHECK(names_below(storage, "") == std::vector<std::string>{"data/one"});
  });
}

TEST_CASE("a range is exactly what was asked for") {
  for_each_backend([](Storage& storage) {
    const Bytes bytes = random_bytes(10'000, 5);
    const ObjectName name = name_of("data/a");
    REQUIRE(storage.put(name, bytes));
    for (const ByteRange range : {ByteRange{0, 1}, ByteRange{5000, 1}, ByteRange{9999, 1},
                                  ByteRange{0, 10'000}, ByteRange{4095, 4098}}) {
      INFO(range.offset, " ", range.length);
      const auto found = storage.get(name, range);
      REQUIRE(found);
      CHECK(equal(*found, bytes.span().subspan(range.offset, range.length)));
    }
  });
}

TEST_CASE("a range past the end is corrupt, never short, however absurd") {
  for_each_backend([](Storage& storage) {
    const ObjectName name = name_of("data/a");
    REQUIRE(storage.put(name, random_bytes(10'000, 5)));
    for (const ByteRange range :
         {ByteRange{9999, 2}, ByteRange{10'000, 1}, ByteRange{10'001, 1}, ByteRange{0, 10'001},
          ByteRange{0, UINT64_MAX}, ByteRange{UINT64_MAX, 1}, ByteRange{UINT64_MAX, UINT64_MAX},
          ByteRange{1, UINT64_MAX}}) {
      INFO(range.offset, " ", range.length);
      const auto found = storage.get(name, range);
      REQUIRE_FALSE(found);
      CHECK(found.error().code == ErrorCode::corrupt);
      CHECK(found.error().retry == Retry::never);
    }
    CHECK(storage.get(name, {5, 0}).error().code == ErrorCode::invalid_argument);
  });
}

TEST_CASE("100 ranges at the same time are right") {
  for_each_backend([](Storage& storage) {
    const Bytes bytes = random_bytes(1 << 20, 11);
    const ObjectName name = name_of("data/a");
    REQUIRE(storage.put(name, bytes));
    CHECK(successes(10, [&](std::size_t thread) {
            for (std::size_t i = 0; i < 10; ++i) {
              const ByteRange range{(thread * 10 + i) * 9000, 1 + i * 7919};
              const auto found = storage.get(name, range);
              if (!found || !equal(*found, bytes.span().subspan(range.offset, range.length))) {
                return false;
              }
            }
            return true;
          }) == 10);
  });
}

TEST_CASE("what is not there is not_found, its folder there or not") {
  for_each_backend([](Storage& storage) {
    REQUIRE(storage.put(name_of("data/a"), {}));
    for (const char* text : {"b", "data", "data/b", "data/c/d", "data/a/b"}) {
      INFO(text);
      const ObjectName name = name_of(text);
      CHECK(storage.get(name).error().code == ErrorCode::not_found);
      CHECK(storage.get(name, {0, 1}).error().code == ErrorCode::not_found);
      CHECK(storage.stat(name).error().code == ErrorCode::not_found);
    }
  });
}

TEST_CASE("a missing location is no_repository for every call, and nothing makes it but create") {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    const Place place = backend.make_place();
    if (!place.can_be_missing) continue;
    const auto storage = place.open();
    const ObjectName name = name_of("data/a");
    const auto all_refuse = [&] {
      CHECK(storage->put(name, {}).error().code == ErrorCode::no_repository);
      CHECK(storage->put(name_of("a"), {}).error().code == ErrorCode::no_repository);
      CHECK(storage->get(name).error().code == ErrorCode::no_repository);
      CHECK(storage->get(name, {0, 1}).error().code == ErrorCode::no_repository);
      CHECK(storage->stat(name).error().code == ErrorCode::no_repository);
      CHECK(names_below(*storage, "").error().code == ErrorCode::no_repository);
      CHECK(names_below(*storage, "data/").error().code == ErrorCode::no_repository);
      CHECK(storage->remove(name).error().code == ErrorCode::no_repository);
    };
    all_refuse();
    REQUIRE(storage->create());
    REQUIRE(storage->create());
    REQUIRE(storage->put(name, {}));
    REQUIRE(storage->put(name_of("a"), {}));
    // The disk goes away while we use it.
    if (!place.destroy) continue;
    place.destroy();
    all_refuse();
    REQUIRE(storage->create());
    CHECK(storage->put(name, {}));
  }
}

TEST_CASE("another opening of the same location sees what the first has put") {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    const Place place = backend.make_place();
    if (!place.can_be_missing) continue;
    REQUIRE(place.open()->create());
    REQUIRE(place.open()->put(name_of("data/a"), as_bytes("content")));
    CHECK(difference(*place.open(), name_of("data/a"), as_bytes("content")) == "");
  }
}

TEST_CASE("two locations do not see each other") {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    const Place left = backend.make_place();
    const Place right = backend.make_place();
    const auto one = left.open();
    const auto other = right.open();
    REQUIRE(one->create());
    REQUIRE(other->create());
    REQUIRE(one->put(name_of("a"), {}));
    CHECK(names_below(*other, "") == kNone);
    CHECK(other->get(name_of("a")).error().code == ErrorCode::not_found);
  }
}

TEST_CASE("a removed object is gone everywhere, and can be put again") {
  for_each_backend([](Storage& storage) {
    const ObjectName name = name_of("data/a");
    REQUIRE(storage.put(name, as_bytes("first")));
    REQUIRE(storage.remove(name));
    CHECK(storage.get(name).error().code == ErrorCode::not_found);
    CHECK(storage.stat(name).error().code == ErrorCode::not_found);
    CHECK(names_below(storage, "") == kNone);
    REQUIRE(storage.put(name, as_bytes("again")));
    CHECK(difference(storage, name, as_bytes("again")) == "");
  });
}

TEST_CASE("removing what is not there succeeds, also twice at the same time") {
  for_each_backend([](Storage& storage) {
    REQUIRE(storage.put(name_of("data/a"), {}));
    for (const char* text : {"b", "data", "data/b", "x/y/z", "data/a/b"}) {
      INFO(text);
      CHECK(storage.remove(name_of(text)));
    }
    CHECK(names_below(storage, "") == std::vector<std::string>{"data/a"});
    CHECK(trouble(8, [&](std::size_t) { return storage.remove(name_of("data/a")); }) == "");
    CHECK(names_below(storage, "") == kNone);
  });
}

TEST_CASE("an empty location lists nothing, without error, below any prefix") {
  for_each_backend([](Storage& storage) {
    CHECK(names_below(storage, "") == kNone);
    CHECK(names_below(storage, "data/") == kNone);
    CHECK(names_below(storage, "data/ab/") == kNone);
  });
}

TEST_CASE("1205 objects are each listed once, with the size that stat tells") {
  for_each_backend([](Storage& storage) {
    const auto name = [](std::size_t i) { return fmt::format("data/{:02x}/{:04}", i % 16, i); };
    // Three pages and a bit of a server that lists 400 names at a time; 16 threads share the syncs.
    constexpr std::size_t kCount = 1205;
    std::atomic<std::size_t> next = 0;
    REQUIRE(successes(16, [&](std::size_t) {
              for (std::size_t i = next++; i < kCount; i = next++) {
                if (!storage.put(name_of(name(i)), random_bytes(i % 50, i))) return false;
              }
              return true;
            }) == 16);
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < kCount; ++i) expected.push_back(name(i));
    std::sort(expected.begin(), expected.end());
    CHECK(names_below(storage, "") == expected);
    std::size_t wrong_sizes = 0;
    REQUIRE(storage.list("data/03/", [&](const ObjectInfo& object) -> Result<void> {
      const ObjectInfo info = TRY(storage.stat(object.name));
      if (info.size_bytes != object.size_bytes || info.modified != object.modified) ++wrong_sizes;
      return {};
    }));
    CHECK(wrong_sizes == 0);
  });
}

TEST_CASE("a prefix is a folder and matches no sibling") {
  for_each_backend([](Storage& storage) {
    for (const char* text :
         {"config", "data/ab/1", "data/ab/2/3", "data/abc/1", "data/a", "datax"}) {
      REQUIRE(storage.put(name_of(text), {}));
    }
    using Names = std::vector<std::string>;
    CHECK(names_below(storage, "data/ab/") == Names{"data/ab/1", "data/ab/2/3"});
    CHECK(names_below(storage, "data/") ==
          Names{"data/a", "data/ab/1", "data/ab/2/3", "data/abc/1"});
    CHECK(names_below(storage, "config/") == kNone);
    CHECK(names_below(storage, "").value().size() == 6);
  });
}

TEST_CASE("a prefix that is no folder of the location is refused") {
  for_each_backend([](Storage& storage) {
    for (const char* bad : {"/", "../", "data//", "data/../", "/etc/", "A/", ".hidden/"}) {
      INFO(bad);
      CHECK(names_below(storage, bad).error().code == ErrorCode::invalid_argument);
    }
  });
}

TEST_CASE(
    "a prefix may be any beginning of a name where that is offered, and is refused elsewhere") {
  for_each_backend([](Storage& storage) {
    for (const char* text : {"config", "data/1", "data/2", "dates/1", "dab", "sessions/1"})
      REQUIRE(storage.put(name_of(text), {}));
    if (!storage.capabilities().lists_any_prefix) {
      CHECK(names_below(storage, "da").error().code == ErrorCode::invalid_argument);
      return;
    }
    using Names = std::vector<std::string>;
    CHECK(names_below(storage, "da") == Names{"dab", "data/1", "data/2", "dates/1"});
    CHECK(names_below(storage, "data") == Names{"data/1", "data/2"});
    CHECK(names_below(storage, "data/2") == Names{"data/2"});
    CHECK(names_below(storage, "q") == kNone);
  });
}

TEST_CASE("puts and removals during a listing hide nothing and show nothing twice") {
  for_each_backend([](Storage& storage) {
    std::set<std::string> old;
    for (int i = 0; i < 40; ++i) old.insert(fmt::format("data/{}/{}", i % 4, i));
    for (const std::string& name : old) REQUIRE(storage.put(name_of(name), {}));
    std::multiset<std::string> seen;
    int extra = 0;
    REQUIRE(storage.list("", [&](const ObjectInfo& object) -> Result<void> {
      seen.insert(object.name.text());
      TRY(storage.put(name_of(fmt::format("data/{}/new-{}", extra % 4, extra)), {}));
      TRY(storage.remove(name_of(fmt::format("data/{}/new-{}", extra % 4, extra / 2))));
      ++extra;
      return {};
    }));
    for (const std::string& name : old) CHECK(seen.count(name) == 1);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == seen.size());
  });
}

TEST_CASE("a listing stops when its reader has had enough, and returns the reader's error") {
  for_each_backend([](Storage& storage) {
    for (const char* text : {"a/1", "a/2", "b/1", "c"}) REQUIRE(storage.put(name_of(text), {}));
    int calls = 0;
    // The advice to try again concerns what the reader did, not the listing.
    const Error enough{ErrorCode::unavailable, "enough", Retry::backoff, {}};
    const auto listed = storage.list("", [&](const ObjectInfo&) -> Result<void> {
      ++calls;
      return fail(enough);
    });
    REQUIRE_FALSE(listed);
    CHECK(listed.error().code == ErrorCode::unavailable);
    CHECK(listed.error().message == "enough");
    CHECK(calls == 1);
  });
}

TEST_CASE("what was put is listed at once") {
  for_each_backend([](Storage& storage) {
    for (std::size_t i = 1; i <= 20; ++i) {
      REQUIRE(storage.put(name_of(fmt::format("index/{}", i)), {}));
      REQUIRE(names_below(storage, "index/").value().size() == i);
    }
  });
}

TEST_CASE("the longest name works, in one segment and in a hundred") {
  for_each_backend([](Storage& storage) {
    std::string deep = "a";
    while (deep.size() + 2 <= 199) deep += "/a";
    for (const std::string& text : {std::string(200, 'z'), deep}) {
      const ObjectName name = name_of(text);
      REQUIRE(storage.put(name, as_bytes("x")));
      CHECK(difference(storage, name, as_bytes("x")) == "");
      CHECK(storage.stat(name).value().name == name);
    }
    CHECK(names_below(storage, "").value().size() == 2);
  });
}

TEST_CASE("a reader during puts and removals sees the whole object or none") {
  for_each_backend([](Storage& storage) {
    const Bytes bytes = random_bytes((1 << 20) + 4097, 13);
    const ObjectName name = name_of("data/a");
    std::string wrong;
    int failed = 0;
    {
      const std::jthread reader([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const auto found = storage.get(name);
          // A connection that breaks when the object goes is an error, and no part of it.
          const bool is_none = !found && (found.error().code == ErrorCode::not_found ||
                                          found.error().retry != Retry::never);
          if (found ? !equal(*found, bytes) : !is_none)
            wrong = found ? "other bytes" : found.error().message;
        }
      });
      for (int i = 0; i < 10; ++i) {
        failed += storage.put(name, bytes) ? 0 : 1;
        failed += storage.put(name, bytes) ? 0 : 1;
        failed += storage.remove(name) ? 0 : 1;
      }
    }
    CHECK(wrong == "");
    CHECK(failed == 0);
  });
}

TEST_CASE("a storage says what it is and how many calls help") {
  for_each_backend([](Storage& storage) {
    CHECK(storage.capabilities().parallel >= 1);
    CHECK_FALSE(storage.description().empty());
  });
}

}  // namespace lagan
