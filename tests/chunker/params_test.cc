// SPDX-License-Identifier: Apache-2.0
#include "chunker/params.h"

#include <doctest/doctest.h>

#include <functional>

namespace lagan {

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

// The default parameters after `change`.
bool is_valid_after(const std::function<void(ChunkerParams&)>& change) {
  ChunkerParams params = default_chunker_params();
  change(params);
  return is_valid(params);
}

}  // namespace

TEST_CASE("new repositories get three valid classes") {
  const ChunkerParams params = default_chunker_params();
  CHECK(is_valid(params));
  CHECK(params.prefilter_bits == 10);
  REQUIRE(params.classes.size() == 3);
  CHECK(params.classes[0] == SizeClass{16 * kMiB, {8192, 16384, 65536}});
  CHECK(params.classes[1] == SizeClass{1024 * kMiB, {32768, 65536, 262144}});
  CHECK(params.classes[2] == SizeClass{0, {262144, 524288, 2097152}});
}

TEST_CASE("sizes must be in order, room enough between them, and a chunk fit a block") {
  CHECK(is_valid({64, 64 + 64, 129}, 4));
  CHECK_FALSE(is_valid({63, 1024, 4096}, 4));
  CHECK_FALSE(is_valid({64, 64 + 63, 4096}, 4));
  CHECK_FALSE(is_valid({1024, 1024, 4096}, 4));
  CHECK_FALSE(is_valid({4096, 1024, 8192}, 4));
  CHECK_FALSE(is_valid({64, 4096, 4096}, 4));
  CHECK_FALSE(is_valid({64, 4096, 2048}, 4));
  CHECK(is_valid({64, 4096, 8 * kMiB}, 4));
  CHECK_FALSE(is_valid({64, 4096, 8 * kMiB + 1}, 4));
}

TEST_CASE("the prefilter is limited and must leave several candidates to a chunk") {
  CHECK(is_valid({8192, 16384, 65536}, 11));
  CHECK_FALSE(is_valid({8192, 16384, 65536}, 12));
  CHECK(is_valid({262144, 524288, 2097152}, 16));
  CHECK_FALSE(is_valid({262144, 524288, 2097152}, 17));
  CHECK_FALSE(is_valid({262144, 524288, 2097152}, 3));
}

TEST_CASE("classes need ascending borders, and only the last has none") {
  CHECK_FALSE(is_valid_after([](ChunkerParams& params) { params.classes.clear(); }));
  CHECK_FALSE(is_valid_after([](ChunkerParams& params) { params.classes.pop_back(); }));
  CHECK_FALSE(is_valid_after([](ChunkerParams& params) { params.classes[0].below = 0; }));
  CHECK_FALSE(is_valid_after(
      [](ChunkerParams& params) { params.classes[1].below = params.classes[0].below; }));
  CHECK_FALSE(is_valid_after([](ChunkerParams& params) { params.classes[1].sizes.min = 0; }));
  CHECK(is_valid_after([](ChunkerParams& params) {
    params.classes.erase(params.classes.begin(), params.classes.end() - 1);
  }));
}

TEST_CASE("at most sixteen classes") {
  const auto with_classes = [](std::size_t count) {
    ChunkerParams params;
    for (std::size_t i = 1; i < count; ++i) params.classes.push_back({i, {8192, 16384, 65536}});
    params.classes.push_back({0, {8192, 16384, 65536}});
    return params;
  };
  CHECK(is_valid(with_classes(16)));
  CHECK_FALSE(is_valid(with_classes(17)));
}

TEST_CASE("a new file's class follows from its size") {
  const ChunkerParams params = default_chunker_params();
  CHECK(class_for(params, 0) == 0);
  CHECK(class_for(params, 16 * kMiB - 1) == 0);
  CHECK(class_for(params, 16 * kMiB) == 1);
  CHECK(class_for(params, 1024 * kMiB - 1) == 1);
  CHECK(class_for(params, 1024 * kMiB) == 2);
  CHECK(class_for(params, ~std::uint64_t{0}) == 2);
}

TEST_CASE("a file keeps its class within a factor of two of the borders") {
  const ChunkerParams params = default_chunker_params();
  CHECK(class_for(params, 32 * kMiB - 1, 0) == 0);
  CHECK(class_for(params, 32 * kMiB, 0) == 1);
  CHECK(class_for(params, 8 * kMiB, 1) == 1);
  CHECK(class_for(params, 8 * kMiB - 1, 1) == 0);
  CHECK(class_for(params, 2048 * kMiB - 1, 1) == 1);
  CHECK(class_for(params, 2048 * kMiB, 1) == 2);
  CHECK(class_for(params, 512 * kMiB, 2) == 2);
  CHECK(class_for(params, 512 * kMiB - 1, 2) == 1);
  CHECK(class_for(params, ~std::uint64_t{0}, 2) == 2);
}

TEST_CASE("a class that does not exist is forgotten") {
  CHECK(class_for(default_chunker_params(), 5, 3) == 0);
  CHECK(class_for(default_chunker_params(), 5, -7) == 0);
}

TEST_CASE("a stream of unknown size takes the middle class") {
  ChunkerParams params = default_chunker_params();
  CHECK(class_for_stream(params) == 1);
  params.classes.erase(params.classes.begin(), params.classes.end() - 1);
  CHECK(class_for_stream(params) == 0);
}

}  // namespace lagan
