// SPDX-License-Identifier: Apache-2.0
#include "repo/paged_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "tests/repo/index_samples.h"

using namespace lagan;
using samples::Samples;

namespace {

constexpr std::size_t kPage = PagedFile::kPageSize;
constexpr std::size_t kBegin = 100;

// Three pages and a bit, after something that is not part of them.
struct Sample {
  samples::TemporaryFolder folder;
  std::string path = folder.path() + "/file";
  Bytes content{3 * kPage + 5};

  Sample() {
    Samples random(1);
    for (std::byte& byte : content.span()) byte = static_cast<std::byte>(random.below(256));
    const File file = open_file(path, O_WRONLY | O_CREAT).value();
    REQUIRE(write_all_at(file.descriptor(), content, kBegin));
  }

  PagedFile open() const {
    std::vector<PagedFile::PageHash> hashes;
    for (std::size_t at = 0; at < content.size(); at += kPage) {
      hashes.push_back(
          PagedFile::hash_page(content.span().subspan(at, std::min(kPage, content.size() - at))));
    }
    return PagedFile(open_file(path, O_RDONLY).value(), kBegin, content.size(), std::move(hashes));
  }

  void damage(std::size_t at) const {
    const File file = open_file(path, O_WRONLY).value();
    const std::byte other = content.data()[at] ^ std::byte{1};
    REQUIRE(write_all_at(file.descriptor(), {&other, 1}, kBegin + at));
  }

  bool same(const PagedFile& file, std::size_t at, std::size_t size) const {
    std::array<std::byte, 200> scratch;
    const std::byte* const seen = file.look(at, size, scratch);
    return seen != nullptr && std::memcmp(seen, content.data() + at, size) == 0;
  }
};

}  // namespace

TEST_CASE("a paged file shows what was written, from memory or from the file") {
  const Sample sample;
  PagedFile file = sample.open();
  for (const std::size_t resident : {std::size_t{0}, kPage, kPage + 70, std::size_t{1} << 30}) {
    file.set_resident_size(resident);
    CHECK(file.resident_size() == std::min(resident, sample.content.size()));
    for (const std::size_t at : {std::size_t{0}, kPage - 100, kPage, kPage + 10, 3 * kPage - 195}) {
      CHECK(sample.same(file, at, 200));
      CHECK(sample.same(file, at, 1));
    }
  }
  CHECK(!file.damaged());
}

TEST_CASE("a paged file may keep more, then less, and forget what it kept") {
  const Sample sample;
  PagedFile file = sample.open();
  Samples random(2);
  for (int i = 0; i < 100; ++i) {
    if (i % 5 == 0) file.forget(random.below(4 * kPage));
    if (i % 3 == 0) file.set_resident_size(random.below(4 * kPage));
    for (int j = 0; j < 5; ++j) CHECK(sample.same(file, random.below(3 * kPage - 200), 200));
  }
  CHECK(!file.damaged());
}

TEST_CASE("a paged file with one wrong bit shows nothing of that page") {
  const Sample sample;
  sample.damage(kPage + 7);
  PagedFile file = sample.open();
  SUBCASE("from memory") { file.set_resident_size(sample.content.size()); }
  SUBCASE("from the file") {}
  CHECK(sample.same(file, 10, 200));
  CHECK(sample.same(file, 2 * kPage, 200));
  CHECK(!file.damaged());
  CHECK(!sample.same(file, 2 * kPage - 100, 1));
  CHECK(file.damaged());
}

TEST_CASE("what has been read into memory stays good") {
  const Sample sample;
  PagedFile file = sample.open();
  file.set_resident_size(sample.content.size());
  REQUIRE(sample.same(file, 50, 100));
  sample.damage(60);
  CHECK(sample.same(file, 50, 100));
}

TEST_CASE("a paged file cut short, or looked at beyond its end, is damaged") {
  const Sample sample;
  PagedFile file = sample.open();
  file.set_resident_size(kPage);
  REQUIRE(sample.same(file, 0, 100));
  SUBCASE("cut") { REQUIRE(::truncate(sample.path.c_str(), kBegin + 3 * kPage) == 0); }
  SUBCASE("beyond") {
    std::array<std::byte, 10> scratch;
    CHECK(file.look(sample.content.size() - 5, 6, scratch) == nullptr);
  }
  SUBCASE("far beyond") {
    std::array<std::byte, 10> scratch;
    CHECK(file.look(~std::uint64_t{0} - 3, 6, scratch) == nullptr);
  }
  CHECK(!sample.same(file, sample.content.size() - 1, 1));
  CHECK(file.damaged());
}
