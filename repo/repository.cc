// SPDX-License-Identifier: Apache-2.0
#include "repo/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repo/body_cache.h"
#include "repo/boot_record.h"
#include "repo/client_memory.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "util/file.h"
#include "util/parallel.h"

namespace lagan {
namespace {

// Without asking, a reader spends at most this on one slot (docs/format.md, "Key slot").
constexpr std::uint32_t kSlotMemoryMaxKib = 1024 * 1024;
constexpr std::uint64_t kAllSlotsMax = std::uint64_t{16} * 1024 * 1024;  // KiB x passes

constexpr std::uint32_t kForbidsRead = 1;
constexpr std::uint32_t kForbidsWrite = 2;

Result<std::vector<ObjectInfo>> list_all(Storage& storage, std::string_view prefix) {
  std::vector<ObjectInfo> found;
  TRY(storage.list(prefix, [&](const ObjectInfo& info) -> Result<void> {
    found.push_back(info);
    return {};
  }));
  std::ranges::sort(found, {}, &ObjectInfo::name);
  return found;
}

// What those who read such an object accept.
std::size_t most_bytes(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::key_slot:
      return limits::kSlotBytes;
    case ObjectKind::snapshot:
      return limits::kSnapshotBytes;
    case ObjectKind::index_segment:
      return limits::kSegmentBytes;
    case ObjectKind::condemned:
    case ObjectKind::forgotten:
      return limits::kCondemnedBytes;
    default:
      return limits::kSmallBodyBytes;
  }
}

// How many at a time of what is asked for at once: over a network each costs a round trip.
std::size_t threads_for(Storage& storage) {
  return std::max<std::size_t>(1, storage.capabilities().parallel_gets);
}

struct Candidate {
  ObjectName name;
  Bytes object;
  SlotInfo info;
  std::uint64_t cost() const { return std::uint64_t{info.cost.memory_kib} * info.cost.passes; }
};

bool is_hinted(const Candidate& slot, std::string_view hint) {
  if (hint.empty()) return false;
  return slot.name.text().substr(names::kKeys.size()).starts_with(hint) || slot.info.label == hint;
}

// May it be tried: is it a slot of this repository, of a kind and a cost that fit?
bool is_usable(ByteSpan slot, const RepositoryId& repository, const Credential& credential) {
  const auto info = read_slot(slot);
  return info && info->header.repository() == repository && info->kind == credential.kind &&
         info->cost.memory_kib <= kSlotMemoryMaxKib;
}

std::string slot_labels(const std::vector<Candidate>& slots) {
  std::string out;
  for (const Candidate& slot : slots) {
    if (!out.empty()) out += ", ";
    out +=
        slot.info.label.empty() ? slot.name.text().substr(names::kKeys.size(), 8) : slot.info.label;
  }
  return out;
}

// All slots that can be read and hold what `credential` could open, the hinted one first, then the
// cheapest.
Result<std::vector<Candidate>> candidates(Storage& storage, const std::vector<ObjectInfo>& listed,
                                          const RepositoryId& repository,
                                          const Credential& credential, std::string_view hint,
                                          std::vector<std::string>& warnings) {
  std::vector<Result<Bytes>> fetched(std::min(listed.size(), limits::kSlotsTried));
  (void)for_each_parallel(fetched.size(), threads_for(storage), [&](std::size_t i) -> Result<void> {
    fetched[i] = storage.get(listed[i].name);
    return {};
  });
  std::vector<Candidate> slots;
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    const ObjectName& name = listed[i].name;
    if (!fetched[i] && fetched[i].error().code == ErrorCode::not_found) continue;  // removed since
    Bytes slot = TRY(std::move(fetched[i]));
    auto info = read_slot(slot);
    if (!info || info->header.repository() != repository) {
      warnings.push_back(
          fmt::format("{}: {}", name.text(),
                      info ? std::string("belongs to another repository") : info.error().message));
      continue;
    }
    if (info->kind == credential.kind) slots.push_back({name, std::move(slot), *std::move(info)});
  }
  std::ranges::stable_sort(slots, [&](const Candidate& a, const Candidate& b) {
    return std::pair(!is_hinted(a, hint), a.cost()) < std::pair(!is_hinted(b, hint), b.cost());
  });
  return slots;
}

// Every key has what the boot record says, so one that is lost or damaged closes nothing. A `init`
// that was interrupted leaves keys without a boot record too, but nothing was ever saved there.
Result<RepositoryId> identify_by_keys(Storage& storage, Error boot_error) {
  if (boot_error.code != ErrorCode::corrupt && boot_error.code != ErrorCode::no_repository)
    return fail(std::move(boot_error));
  const auto snapshots = list_all(storage, names::kSnapshots);
  if (!snapshots || snapshots->empty()) return fail(std::move(boot_error));
  for (const ObjectInfo& object : TRY(list_all(storage, names::kKeys))) {
    const auto bytes = storage.get(object.name);
    const auto info = bytes ? read_slot(*bytes) : fail(bytes.error());
    if (info) return info->header.repository();
  }
  return fail(std::move(boot_error));
}

}  // namespace

RepositoryId Repository::random_id() const {
  RepositoryId id;
  sealing_.random(id.bytes);
  return id;
}

Result<std::unique_ptr<Repository>> Repository::create(std::shared_ptr<Storage> storage,
                                                       const Credential& credential,
                                                       const CreateOptions& options,
                                                       const OpenOptions& open_options) {
  TRY(storage->create());
  if (auto boot = storage->get(names::boot()); boot || boot.error().code != ErrorCode::not_found) {
    if (!boot) return fail(std::move(boot).error());
    return fail(ErrorCode::already_exists,
                "there is a repository at " + storage->description() + " already");
  }
  if (!TRY(list_all(*storage, names::kKeys)).empty()) {
    return fail(ErrorCode::already_exists,
                fmt::format("{} holds keys of a repository whose lagan.repo is missing",
                            storage->description()));
  }

  Bundle bundle;
  options.random(bundle.repository.bytes);
  bundle.created = options.clock();
  bundle.keys = MasterKeys::generate(options.random);
  bundle.chunker = options.chunker;
  bundle.inline_max = options.inline_max;
  if (options.sibling != nullptr) {
    const Bundle& elder = options.sibling->bundle();
    bundle.keys.id_key = elder.keys.id_key.copy();
    bundle.keys.chunk_key = elder.keys.chunk_key.copy();
    bundle.chunker = elder.chunker;
    bundle.inline_max = elder.inline_max;
  }

  Repository maker;
  maker.storage_ = storage;
  maker.bundle_ = std::move(bundle);
  maker.sealing_ = {maker.bundle_.repository, &maker.bundle_.keys, options.suite, options.random};
  maker.clock_ = options.clock;

  TRY(maker.add_key(credential, options.cost, options.label));
  Config config;
  config.suite = static_cast<std::uint32_t>(options.suite);
  config.created = maker.bundle_.created;
  TRY(maker.put_signed(ObjectKind::config, names::random_name(names::kConfig, maker.random_id()),
                       encode(config)));
  const std::string boot = encode_boot_record({1, maker.bundle_.repository, maker.bundle_.created});
  TRY(storage->put(names::boot(), as_bytes(boot)));
  return open(std::move(storage), credential, open_options);
}

// What the first requests bring, all of them sent at once. Over a network a client that knows its
// slot does not ask for the boot record as well: the slot names the repository too, configs forbid
// what an older program must not do, and a header that it cannot read is no slot.
struct Repository::Found {
  std::optional<Result<Boot>> boot;
  std::optional<Result<Bytes>> last_slot;                // if one is known
  std::optional<Result<std::vector<ObjectInfo>>> slots;  // if none is
  Result<std::vector<ObjectInfo>> configs;
};

Repository::Found Repository::look_around(Storage& storage,
                                          const std::optional<KeySlotId>& last_slot) {
  Found found;
  std::vector<std::function<void()>> requests;
  const bool is_far = storage.capabilities().parallel_gets > 1;
  if (!last_slot || !is_far) requests.emplace_back([&] { found.boot = read_boot_record(storage); });
  if (last_slot) {
    requests.emplace_back([&] { found.last_slot = storage.get(names::key_slot(*last_slot)); });
  } else {
    requests.emplace_back([&] { found.slots = list_all(storage, names::kKeys); });
  }
  requests.emplace_back([&] { found.configs = list_all(storage, names::kConfig); });
  (void)for_each_parallel(requests.size(), threads_for(storage),
                          [&](std::size_t i) -> Result<void> {
                            requests[i]();
                            return {};
                          });
  return found;
}

// False if it is not the one: its credential is another, or it is damaged, which `warnings_` tells.
Result<bool> Repository::try_slot(const ObjectName& name, ByteSpan object,
                                  const Credential& credential) {
  auto bundle = open_slot(name.text(), object, credential);
  if (!bundle && bundle.error().code == ErrorCode::wrong_key) return false;
  if (!bundle) {
    if (bundle.error().code == ErrorCode::unsupported) return fail(std::move(bundle).error());
    warnings_.push_back(fmt::format("{}: {}", name.text(), bundle.error().message));
    return false;
  }
  bundle_ = *std::move(bundle);
  opened_slot_ = name;
  return true;
}

Result<void> Repository::try_all_slots(const std::vector<ObjectInfo>& listed,
                                       const RepositoryId& id, const Credential& credential,
                                       std::string_view hint,
                                       const std::optional<ObjectName>& spared) {
  const auto slots = TRY(candidates(*storage_, listed, id, credential, hint, warnings_));
  std::uint64_t spent = 0;
  for (const Candidate& slot : slots) {
    if (slot.name == spared) continue;  // has been tried
    if (slot.info.cost.memory_kib > kSlotMemoryMaxKib || spent + slot.cost() > kAllSlotsMax)
      continue;
    spent += slot.cost();
    if (TRY(try_slot(slot.name, slot.object, credential))) return {};
  }
  const auto damaged = std::ranges::find_if(
      warnings_, [](const std::string& warning) { return warning.starts_with(names::kKeys); });
  if (slots.empty() && damaged != warnings_.end())
    return fail(ErrorCode::corrupt, "no key slot can be read: " + *damaged);
  if (slots.empty()) {
    return fail(ErrorCode::wrong_key, fmt::format("repository {} has no key of this kind in {}",
                                                  storage_->description(), names::kKeys));
  }
  return fail(ErrorCode::wrong_key, fmt::format("wrong password for repository {} (keys: {})",
                                                storage_->description(), slot_labels(slots)));
}

Result<std::unique_ptr<Repository>> Repository::open(std::shared_ptr<Storage> storage,
                                                     const Credential& credential,
                                                     const OpenOptions& options) {
  auto repository = std::unique_ptr<Repository>(new Repository);
  repository->storage_ = std::move(storage);
  repository->clock_ = options.clock;
  Storage& where = *repository->storage_;
  std::optional<ClientMemory::Seen> seen;
  if (!options.cache_folder.empty() && options.key_hint.empty())
    seen = ClientMemory(options.cache_folder).recall(where.description());
  const auto last_slot = seen ? seen->slot : std::nullopt;
  Found found = look_around(where, last_slot);

  const bool is_known = !found.boot && found.last_slot && *found.last_slot &&
                        is_usable(**found.last_slot, seen->repository, credential);
  if (!found.boot && !is_known) found.boot = read_boot_record(where);
  const RepositoryId id = is_known ? seen->repository : TRY(repository->identify(*found.boot));
  bool is_open = false;
  std::optional<ObjectName> last;
  if (found.last_slot && *found.last_slot && is_usable(**found.last_slot, id, credential)) {
    last = names::key_slot(*last_slot);
    is_open = TRY(repository->try_slot(*last, **found.last_slot, credential));
  }
  if (!is_open) {
    if (!found.slots) found.slots = list_all(where, names::kKeys);
    const auto slots = TRY(std::move(*found.slots));
    TRY(repository->try_all_slots(slots, id, credential, options.key_hint, last));
  }
  if (repository->id() != id ||
      (found.boot && *found.boot && repository->bundle_.created != (*found.boot)->created)) {
    return fail(ErrorCode::corrupt, "lagan.repo and the key slot name different repositories");
  }
  repository->sealing_ = {repository->id(), &repository->bundle_.keys, preferred_suite(),
                          options.random};
  repository->find_cache(options);
  const auto configs = TRY(std::move(found.configs));
  TRY(repository->load_config(configs));
  repository->sealing_.suite = static_cast<Suite>(repository->config_.suite);
  TRY(repository->remember_location(options));
  return repository;
}

Result<RepositoryId> Repository::identify(const Result<Boot>& boot) {
  if (boot) return boot->repository;
  const bool is_missing = boot.error().code == ErrorCode::no_repository;
  const RepositoryId id = TRY(identify_by_keys(*storage_, boot.error()));
  warnings_.push_back(is_missing ? "lagan.repo is missing" : boot.error().message);
  return id;
}

Result<std::string> Repository::get_config(const ObjectName& name) const {
  const std::string message =
      TRY(BodyCache(*this, names::kConfig).get(ObjectKind::config, name, limits::kSmallBodyBytes));
  return std::string(
      TRY_IN(name.text(), check_signature(sealing_, ObjectKind::config, name.text(), message)));
}

Result<void> Repository::load_config(const std::vector<ObjectInfo>& revisions) {
  std::string best_name;
  std::set<std::string> unreadable;
  std::vector<std::string> replaced;
  std::vector<Feature> features;
  for (const ObjectInfo& object : revisions) {
    const auto message = get_config(object.name);
    const auto config = message ? decode_config(as_bytes(*message)) : fail(message.error());
    if (!config) {
      unreadable.insert(object.name.text());
      warnings_.push_back(fmt::format("{}: {}", object.name.text(), config.error().message));
      continue;
    }
    features.insert(features.end(), config->features.begin(), config->features.end());
    replaced.insert(replaced.end(), config->replaces.begin(), config->replaces.end());
    if (best_name.empty() ||
        std::tie(config->revision, object.name.text()) > std::tie(config_.revision, best_name)) {
      config_ = *config;
      best_name = object.name.text();
    }
  }
  config_.features = std::move(features);
  if (best_name.empty()) read_only_because_ = "its config is missing";
  // The owner has put another in its place ('lagan repair boot').
  for (const std::string& name : replaced) unreadable.erase(name);
  if (!unreadable.empty()) read_only_because_ = "a config of it cannot be read";
  for (const Feature& feature : config_.features) {
    if ((feature.forbids & kForbidsRead) != 0) {
      return fail(ErrorCode::unsupported,
                  fmt::format("the repository uses '{}', which needs a newer lagan", feature.name));
    }
    if ((feature.forbids & kForbidsWrite) != 0) {
      read_only_because_ =
          fmt::format("it uses '{}', which this lagan does not know", feature.name);
    }
  }
  if (config_.suite != 1 && config_.suite != 2) {
    config_.suite = static_cast<std::uint32_t>(Suite::chacha20_poly1305);
    read_only_because_ = "its config names an unknown cipher suite";
  }
  return {};
}

void Repository::find_cache(const OpenOptions& options) {
  if (options.cache_folder.empty()) return;
  auto folder = ClientMemory(options.cache_folder).repository_folder(id());
  if (folder) {
    cache_folder_ = *std::move(folder);
  } else {
    warnings_.push_back("going on without a cache: " + folder.error().message);
  }
}

Result<void> Repository::remember_location(const OpenOptions& options) {
  if (cache_folder_.empty()) return {};
  const ClientMemory memory(options.cache_folder);
  memory.mark_used(id(), now());
  if (auto pruned = memory.prune(options.cache_limit_bytes, id(), now()); !pruned)
    warnings_.push_back("the cache: " + pruned.error().message);
  const auto before = memory.recall(storage_->description());
  if (before && before->repository != id()) {
    return fail(
        ErrorCode::corrupt,
        fmt::format(
            "{} held repository {} before and now holds {}: if that is right, run 'lagan cache "
            "--forget-location'",
            storage_->description(), before->repository.short_hex(), id().short_hex()));
  }
  if (before && before->config_revision > config_.revision) {
    read_only_because_ =
        "its config is older than one seen before: the storage may have been rolled back";
    return {};
  }
  return memory.remember(storage_->description(),
                         {id(), config_.revision, names::id_of<KeySlotId>(opened_slot_)});
}

Result<void> Repository::check_writable() const {
  if (!read_only_because_) return {};
  return fail(ErrorCode::unsupported, "the repository can only be read: " + *read_only_because_);
}

Result<void> Repository::put(const ObjectName& name, const SealedObject& object) const {
  const Header header = TRY(Header::decode(object.span().first(kHeaderSize)));
  const std::size_t size = object.span().size(), most = most_bytes(header.kind());
  if (size > most) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} would have {} bytes, and no reader takes more than {}", name.text(),
                            size, most));
  }
  return storage_->put(name, object.span());
}

Result<void> Repository::put_body(ObjectKind kind, const ObjectName& name,
                                  std::string_view message) const {
  return put(name, seal_body(sealing_, kind, name.text(), message));
}

Result<std::string> Repository::get_body(ObjectKind kind, const ObjectName& name,
                                         std::size_t max_size) const {
  const Bytes object = TRY_IN(name.text(), storage_->get(name));
  return TRY_IN(name.text(), open_body(sealing_, kind, name.text(), object, max_size));
}

Result<void> Repository::put_signed(ObjectKind kind, const ObjectName& name,
                                    std::string message) const {
  return put_body(kind, name, sign_message(sealing_, kind, name.text(), std::move(message)));
}

Result<std::string> Repository::get_signed(ObjectKind kind, const ObjectName& name,
                                           std::size_t max_size) const {
  const std::string message = TRY(get_body(kind, name, max_size));
  return std::string(TRY_IN(name.text(), check_signature(sealing_, kind, name.text(), message)));
}

Result<std::vector<Repository::KeySlot>> Repository::key_slots() const {
  std::vector<KeySlot> slots;
  for (const ObjectInfo& object : TRY(list_all(*storage_, names::kKeys))) {
    const Bytes bytes = TRY(storage_->get(object.name));
    auto info = read_slot(bytes);
    const bool is_ours = info && info->header.repository() == id();
    slots.push_back(
        {object.name, is_ours ? std::optional(*std::move(info)) : std::nullopt, object.modified});
  }
  return slots;
}

Result<ObjectName> Repository::add_key(const Credential& credential, PasswordCost cost,
                                       std::string_view label) const {
  const ObjectName name = names::random_name(names::kKeys, random_id());
  const SealedObject slot =
      TRY(seal_slot(name.text(), bundle_, credential, cost, label, sealing_.random));
  TRY(put(name, slot));
  return name;
}

Result<void> Repository::remove_key(const ObjectName& name) const {
  const auto slots = TRY(key_slots());
  const auto usable =
      std::ranges::count_if(slots, [](const KeySlot& slot) { return slot.info.has_value(); });
  const auto it = std::ranges::find(slots, name, &KeySlot::name);
  if (it == slots.end()) return fail(ErrorCode::not_found, "there is no key " + name.text());
  if (it->info && usable <= 1) {
    return fail(ErrorCode::invalid_argument,
                "this is the last key that opens the repository: add another one first");
  }
  return storage_->remove(name);
}

}  // namespace lagan
