// SPDX-License-Identifier: Apache-2.0
#include "util/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

std::string text_of(const std::string& path) {
  const auto content = read_file(path, 1000);
  REQUIRE(content);
  return std::string(as_text(*content));
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a replaced file holds the new bytes, for its owner only, with no litter beside it") {
  const TemporaryFolder folder;
  const std::string path = folder / "config";
  REQUIRE(replace_file(path, as_bytes("old and long")));
  CHECK(text_of(path) == "old and long");
  REQUIRE(replace_file(path, as_bytes("new")));
  CHECK(text_of(path) == "new");
  CHECK(mode_of(path) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a replacement that cannot be written leaves the old file and no litter") {
  const TemporaryFolder folder;
  const std::string path = folder / "config";
  std::filesystem::create_directories(path + "/not-empty");
  CHECK_FALSE(replace_file(path, as_bytes("new")));
  CHECK(std::filesystem::is_directory(path + "/not-empty"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("reading stops at the limit, and says when there is nothing to read") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  REQUIRE(replace_file(path, as_bytes("12345")));
  CHECK(read_file(path, 5).value().size() == 5);
  CHECK(read_file(path, 4).error().code == ErrorCode::invalid_argument);
  CHECK(read_file(folder / "other", 4).error().code == ErrorCode::not_found);
  REQUIRE(replace_file(path, {}));
  CHECK(read_file(path, 4).value().empty());
}

TEST_CASE("reads and writes at an offset move nothing else, and end at the end") {
  const TemporaryFolder folder;
  const auto file = open_file(folder / "file", O_RDWR | O_CREAT);
  REQUIRE(file);
  REQUIRE(write_all(file->descriptor(), as_bytes("abcdef")));
  REQUIRE(write_all_at(file->descriptor(), as_bytes("XY"), 2));
  REQUIRE(write_all(file->descriptor(), as_bytes("gh")));
  CHECK(text_of(folder / "file") == "abXYefgh");
  Bytes tail(10);
  CHECK(read_at(file->descriptor(), tail.span(), 5) == std::size_t{3});
  CHECK(as_text(tail.span().first(3)) == "fgh");
  CHECK(read_at(file->descriptor(), tail.span(), 100) == std::size_t{0});
}

TEST_CASE("a File closes its descriptor once, also after it was moved") {
  int descriptor = -1;
  {
    File first = open_file("/dev/null", O_RDONLY).value();
    descriptor = first.descriptor();
    const File second = std::move(first);
    CHECK_FALSE(first.is_open());  // NOLINT: that is the claim
    CHECK(second.descriptor() == descriptor);
    CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(::fcntl(descriptor, F_GETFD) == -1);
}

TEST_CASE("folders are made with their parents, and making them again succeeds") {
  const TemporaryFolder folder;
  REQUIRE(make_directories(folder / "a/b/c"));
  CHECK(make_directories(folder / "a/b/c"));
  CHECK(make_directories(folder / "a/b/c/"));
  CHECK(mode_of(folder / "a") == 0700);
  REQUIRE(replace_file(folder / "file", as_bytes("x")));
  CHECK_FALSE(make_directories(folder / "file/below"));
}

}  // namespace lagan
