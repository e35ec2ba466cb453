// SPDX-License-Identifier: Apache-2.0
#include "storage/disk_cache.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "storage/memory.h"
#include "tests/repo/recording_storage.h"
#include "tests/storage/forwarding_storage.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

const ObjectName kPack = *ObjectName::parse("data/pack");

class Far final : public ForwardingStorage {
 public:
  Far(Storage& inner, std::string description)
      : ForwardingStorage(inner), description_(std::move(description)) {}
  std::string description() const override { return description_; }

 private:
  const std::string description_;
};

struct Cached {
  TemporaryFolder folder;
  std::shared_ptr<RecordingStorage> far =
      std::make_shared<RecordingStorage>(std::shared_ptr<Storage>(make_memory_storage()));
  std::unique_ptr<Storage> storage;
  std::string place = "far";

  explicit Cached(std::uint64_t max_bytes = 1'000'000) {
    REQUIRE(far->put(kPack, as_bytes("the content of a pack")));
    open(max_bytes);
  }
  void open(std::uint64_t max_bytes) {
    storage.reset();
    auto made = with_disk_cache(std::make_unique<Far>(*far, place), folder / "blocks", max_bytes);
    REQUIRE(made);
    storage = *std::move(made);
    far->forget_calls();
  }
  std::string get(std::uint64_t offset, std::uint64_t length) {
    const auto bytes = storage->get(kPack, {offset, length});
    REQUIRE(bytes);
    return std::string(as_text(*bytes));
  }
  std::size_t gets() { return far->calls("get ").size(); }
};

TEST_CASE("a part is fetched once, also over several runs") {
  Cached cached;
  for (int i = 0; i < 3; ++i) {
    CHECK(cached.get(4, 7) == "content");
    CHECK(cached.get(4, 3) == "con");
  }
  CHECK(cached.gets() == 2);
  cached.open(1'000'000);
  CHECK(cached.get(4, 7) == "content");
  CHECK(cached.gets() == 0);
}

TEST_CASE("what is damaged, cut or gone in the cache is fetched again") {
  Cached cached;
  CHECK(cached.get(4, 7) == "content");
  const std::filesystem::path folder = cached.folder / "blocks";
  const auto file = std::filesystem::directory_iterator(folder)->path();
  SUBCASE("damaged") {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(35);
    stream.put('X');
  }
  SUBCASE("cut") { std::filesystem::resize_file(file, 36); }
  SUBCASE("gone") { std::filesystem::remove_all(folder); }
  CHECK(cached.get(4, 7) == "content");
  CHECK(cached.gets() == 2);
}

TEST_CASE("another storage's part is not this one's") {
  Cached cached;
  CHECK(cached.get(4, 7) == "content");
  cached.place = "elsewhere";
  cached.open(1'000'000);
  CHECK(cached.get(4, 7) == "content");
  CHECK(cached.gets() == 1);
}

TEST_CASE("the oldest parts go when there are too many, also those of earlier runs") {
  Cached cached(200);
  const auto bytes = [&] {
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(cached.folder / "blocks"))
      sum += entry.file_size();
    return sum;
  };
  for (std::uint64_t i = 0; i < 10; ++i) cached.get(i, 4);
  CHECK(bytes() <= 200);
  CHECK(bytes() > 100);
  cached.open(100);
  cached.get(15, 4);
  CHECK(bytes() <= 100);
  cached.get(15, 4);
  CHECK(cached.gets() == 1);
}

TEST_CASE("an error is none of the cache's") {
  Cached cached;
  CHECK(cached.storage->get(kPack, {4, 700}).error().code == ErrorCode::corrupt);
  CHECK(cached.storage->get(*ObjectName::parse("data/none"), {0, 1}).error().code ==
        ErrorCode::not_found);
}

}  // namespace
}  // namespace lagan
