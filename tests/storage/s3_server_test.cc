// SPDX-License-Identifier: Apache-2.0

// What only S3 has, on a real server: the gateway of Ceph that tests/servers/run.py starts.

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <sstream>

#include "storage/s3.h"
#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// "" where there is no such server.
std::string server() {
  const char* lines = std::getenv("LAGAN_TEST_LOCATIONS");
  std::istringstream in(lines != nullptr ? lines : "");
  for (std::string name, location, line; std::getline(in, line);) {
    std::istringstream(line) >> name >> location;
    if (name == "rgw") return location;
  }
  return "";
}

bool is_missing() { return server().empty(); }

std::string new_bucket() {
  static std::atomic<int> number = 0;
  return fmt::format("{}-s3-{}-{}", server(), ::getpid(), ++number);
}

std::unique_ptr<Storage> open_bucket(const std::string& bucket, const ExtendedOptions& options = {},
                                     S3Limits limits = {}, AwsWorld world = real_aws_world()) {
  auto storage =
      make_s3_storage(parse_s3_location(bucket, options).value(), {}, std::move(world), limits);
  REQUIRE(storage->create());
  return storage;
}

// As few as S3 allows.
constexpr S3Limits kSmallParts{.single_put_bytes = 5 * kMiB, .part_bytes = 5 * kMiB};

TEST_CASE("what goes up in parts comes back whole" * doctest::skip(is_missing())) {
  const auto storage = open_bucket(new_bucket(), {}, kSmallParts);
  for (const std::size_t size : {5 * kMiB, 5 * kMiB + 1, 10 * kMiB, 12 * kMiB + 17}) {
    INFO(size);
    const Bytes bytes = random_bytes(size, size);
    const ObjectName name = name_of(fmt::format("data/{}", size));
    REQUIRE(storage->put(name, bytes));
    REQUIRE(storage->put(name, bytes));
    CHECK(difference(*storage, name, bytes) == "");
    CHECK(storage->stat(name).value().size_bytes == size);
  }
}

TEST_CASE("of an upload whose parts are refused nothing shows" * doctest::skip(is_missing())) {
  const auto storage =
      open_bucket(new_bucket(), {}, {.single_put_bytes = 2 * kMiB, .part_bytes = kMiB});
  const auto put = storage->put(name_of("data/a"), random_bytes(3 * kMiB, 1));
  REQUIRE_FALSE(put);
  CHECK(put.error().message.find("EntityTooSmall") != std::string::npos);
  CHECK(storage->get(name_of("data/a")).error().code == ErrorCode::not_found);
  CHECK(names_below(*storage, "").value().empty());
}

TEST_CASE("only who has the customer's key reads what it encrypts" * doctest::skip(is_missing())) {
  const TemporaryFolder folder;
  REQUIRE(replace_file(folder / "key", as_bytes("0123456789abcdef0123456789abcdef")));
  REQUIRE(replace_file(folder / "other", as_bytes("0123456789abcdef0123456789abcdeX")));
  const std::string bucket = new_bucket();
  const auto storage = open_bucket(bucket, {{"s3.sse-c-key-file", folder / "key"}}, kSmallParts);
  for (const std::size_t size : {kMiB, 6 * kMiB}) {
    INFO(size);
    const Bytes bytes = random_bytes(size, 1);
    const ObjectName name = name_of(fmt::format("data/{}", size));
    REQUIRE(storage->put(name, bytes));
    CHECK(difference(*storage, name, bytes) == "");
    CHECK(equal(storage->get(name, {1000, 5000}).value(), bytes.span().subspan(1000, 5000)));
    CHECK(storage->stat(name).value().size_bytes == size);
    CHECK_FALSE(open_bucket(bucket)->get(name));
    CHECK_FALSE(open_bucket(bucket, {{"s3.sse-c-key-file", folder / "other"}})->get(name));
  }
}

TEST_CASE("the service encrypts with the key that is named" * doctest::skip(is_missing())) {
  const Bytes bytes = random_bytes(kMiB, 1);
  const auto try_key = [&](const std::string& key) {
    const auto storage =
        open_bucket(new_bucket(), {{"s3.sse", "aws:kms"}, {"s3.sse-kms-key-id", key}});
    const auto put = storage->put(name_of("data/a"), bytes);
    return put ? difference(*storage, name_of("data/a"), bytes) : put.error().message;
  };
  CHECK(try_key("lagan-test") == "");
  CHECK(try_key("no-such-key") != "");
}

TEST_CASE("a clock that is two hours slow is set by the server's" * doctest::skip(is_missing())) {
  AwsWorld world = real_aws_world();
  world.now = [] { return system_now() - Nanoseconds{7'200} * 1'000'000'000; };
  const auto storage = open_bucket(new_bucket(), {}, {}, std::move(world));
  REQUIRE(storage->put(name_of("data/a"), as_bytes("a")));
  CHECK(difference(*storage, name_of("data/a"), as_bytes("a")) == "");
}

TEST_CASE("a storage class that the service has not is named" * doctest::skip(is_missing())) {
  const auto storage = open_bucket(new_bucket(), {{"s3.data-storage-class", "NO_SUCH_CLASS"}});
  CHECK(storage->put(name_of("keys/a"), as_bytes("a")));
  const auto put = storage->put(name_of("data/a"), as_bytes("a"));
  REQUIRE_FALSE(put);
  CHECK(put.error().message.find("s3.storage-class") != std::string::npos);
}

}  // namespace
}  // namespace lagan
