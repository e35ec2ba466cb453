// SPDX-License-Identifier: Apache-2.0
#pragma once

// A repository in memory with a password that costs nothing, for tests of what works on one.

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>

#include "repo/chunk_writer.h"
#include "repo/names.h"
#include "repo/repository.h"
#include "storage/memory.h"
#include "tests/repo/recording_storage.h"
#include "tests/repo/samples.h"

namespace lagan {

constexpr PasswordCost kCheapCost{8, 1};

// The same bytes in every run. One thread at a time.
inline Random fixed_random(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)](MutableByteSpan out) mutable {
    for (std::byte& byte : out) byte = static_cast<std::byte>(engine());
  };
}

inline Bytes random_content(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  fixed_random(seed)(bytes.span());
  return bytes;
}

struct TestRepository {
  std::shared_ptr<RecordingStorage> storage;
  std::unique_ptr<Repository> repository;

  explicit TestRepository(const OpenOptions& open = {}, CreateOptions create = {},
                          std::shared_ptr<Storage> inner = make_memory_storage())
      : storage(std::make_shared<RecordingStorage>(std::move(inner))) {
    create.cost = kCheapCost;
    auto made = Repository::create(storage, Credential::password("secret"), create, open);
    REQUIRE_MESSAGE(made, made.error().message);
    repository = *std::move(made);
    storage->forget_calls();
  }

  Repository& operator*() const { return *repository; }
  Repository* operator->() const { return repository.get(); }

  Result<std::unique_ptr<Repository>> open_again(const OpenOptions& open = {}) const {
    return Repository::open(storage, Credential::password("secret"), open);
  }

  LocalIndex empty_index() const {
    auto index = LocalIndex::open("", repository->id());
    REQUIRE(index);
    return *std::move(index);
  }

  std::vector<std::string> names(std::string_view prefix) const {
    std::vector<std::string> found;
    const auto listed = storage->inner().list(prefix, [&](const ObjectInfo& info) -> Result<void> {
      found.push_back(info.name.text());
      return {};
    });
    REQUIRE(listed);
    std::ranges::sort(found);
    return found;
  }

  std::uint64_t size_of(const std::string& name) const {
    const auto info = storage->inner().stat(*ObjectName::parse(name));
    REQUIRE_MESSAGE(info, name);
    return info->size_bytes;
  }

  // Replaces an object, which no backup may do.
  void overwrite(const std::string& name, ByteSpan bytes) const {
    const ObjectName object = *ObjectName::parse(name);
    REQUIRE(storage->inner().remove(object));
    REQUIRE(storage->inner().put(object, bytes));
  }
  void damage(const std::string& name, std::size_t at) const {
    Bytes bytes = storage->inner().get(*ObjectName::parse(name)).value();
    REQUIRE(at < bytes.size());
    bytes.span()[at] ^= std::byte{1};
    overwrite(name, bytes);
  }
};

// Small packs and few threads.
inline ChunkWriterOptions small_packs() {
  ChunkWriterOptions options;
  options.data_pack_bytes = std::size_t{4} << 20;
  return options;
}

}  // namespace lagan
