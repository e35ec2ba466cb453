// SPDX-License-Identifier: Apache-2.0
#pragma once

// An open repository: a storage, the secrets that a key slot gave, and the settings. Immutable once
// open but for its key slots; any thread may use it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/password.h"
#include "crypto/secret.h"
#include "repo/body.h"
#include "repo/key_slot.h"
#include "repo/messages.h"
#include "repo/names.h"
#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

namespace lagan {

class Repository;

struct CreateOptions {
  ChunkerParams chunker = default_chunker_params();
  std::uint32_t inline_max = 256;
  Suite suite = preferred_suite();
  PasswordCost cost;
  std::string label;
  // A repository that the new one is to be a sibling of: chunks are cut alike and have the same
  // ids in both. Takes the place of `chunker` and `inline_max`.
  const Repository* sibling = nullptr;
  Random random = system_random;
  Clock clock = system_now;
};

struct OpenOptions {
  // Where this client keeps what it may lose (docs/architecture.md, "The local cache"); empty for
  // nowhere.
  std::string cache_folder;
  // All repositories' folders together; of those above it, unused ones go.
  std::uint64_t cache_limit_bytes = std::uint64_t{10} << 30;
  std::string key_hint;  // id prefix or label of the slot to try first
  Random random = system_random;
  Clock clock = system_now;
};

class Repository {
 public:
  // Puts key slot, config and last the boot record: a repository exists when that does. One that is
  // there already is `already_exists`.
  static Result<std::unique_ptr<Repository>> create(std::shared_ptr<Storage> storage,
                                                    const Credential& credential,
                                                    const CreateOptions& options,
                                                    const OpenOptions& open_options);

  // `no_repository`, `wrong_key`, or `unsupported` for a format of the future.
  static Result<std::unique_ptr<Repository>> open(std::shared_ptr<Storage> storage,
                                                  const Credential& credential,
                                                  const OpenOptions& options);

  Storage& storage() const { return *storage_; }
  const Sealing& sealing() const { return sealing_; }
  const Bundle& bundle() const { return bundle_; }
  const Config& config() const { return config_; }
  const RepositoryId& id() const { return bundle_.repository; }
  const ObjectName& opened_slot() const { return opened_slot_; }
  Nanoseconds now() const { return clock_(); }
  RepositoryId random_id() const;  // 16 random bytes

  // This repository's own folder in the cache (mode 0700), or empty: no cache.
  const std::string& cache_folder() const { return cache_folder_; }

  // False when something says that this client must not write (a config it cannot read, a feature
  // it does not know, a config older than one it has seen); `why` then says it.
  Result<void> check_writable() const;

  // Warnings of the opening: damaged slots or configs that were passed over.
  const std::vector<std::string>& warnings() const { return warnings_; }

  Result<void> put(const ObjectName& name, const SealedObject& object) const;
  // Seals and puts.
  Result<void> put_body(ObjectKind kind, const ObjectName& name, std::string_view message) const;
  // Gets and opens.
  Result<std::string> get_body(ObjectKind kind, const ObjectName& name, std::size_t max_size) const;
  // The same for what needs the owner's signature.
  Result<void> put_signed(ObjectKind kind, const ObjectName& name, std::string message) const;
  Result<std::string> get_signed(ObjectKind kind, const ObjectName& name,
                                 std::size_t max_size) const;

  struct KeySlot {
    ObjectName name;
    std::optional<SlotInfo> info;  // nothing: the slot cannot be read
    std::optional<Nanoseconds> modified;
  };
  Result<std::vector<KeySlot>> key_slots() const;
  Result<ObjectName> add_key(const Credential& credential, PasswordCost cost,
                             std::string_view label) const;
  // Refuses to remove the last slot that can be read. Whether anybody knows the secrets of the
  // others is not asked.
  Result<void> remove_key(const ObjectName& name) const;

 private:
  Repository() = default;
  struct Found;
  static Found look_around(Storage& storage, const std::optional<KeySlotId>& last_slot);
  Result<bool> try_slot(const ObjectName& name, ByteSpan object, const Credential& credential);
  Result<void> try_all_slots(const std::vector<ObjectInfo>& listed, const RepositoryId& id,
                             const Credential& credential, std::string_view hint,
                             const std::optional<ObjectName>& spared);
  Result<RepositoryId> identify(const Result<Boot>& boot);
  Result<void> load_config(const std::vector<ObjectInfo>& revisions);
  Result<std::string> get_config(const ObjectName& name) const;
  void find_cache(const OpenOptions& options);
  Result<void> remember_location(const OpenOptions& options);

  std::shared_ptr<Storage> storage_;
  LockedMemory bundle_memory_{{reinterpret_cast<std::byte*>(&bundle_), sizeof bundle_}};
  Bundle bundle_;
  Sealing sealing_;
  Config config_;
  ObjectName opened_slot_ = *ObjectName::parse("keys");
  Clock clock_;
  std::string cache_folder_;
  std::optional<std::string> read_only_because_;
  std::vector<std::string> warnings_;
};

}  // namespace lagan
