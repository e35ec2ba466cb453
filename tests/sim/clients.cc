// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/clients.h"

#include <fmt/format.h>

#include "storage/memory.h"

namespace lagan::sim {
namespace {

constexpr std::string_view kPassword = "secret";
constexpr PasswordCost kCheapCost{8, 1};

// Memory, where there is some to mount.
std::filesystem::path cache_parent() {
  std::error_code error;
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory, error) ? memory : std::filesystem::path();
}

}  // namespace

Result<void> WorldStorage::put(const ObjectName& name, ByteSpan bytes) {
  return world->put(name.text(), bytes);
}

Result<Bytes> WorldStorage::get(const ObjectName& name) {
  const Object* const object = TRY(world->find("get", name.text()));
  return Bytes::copy_of(*object->bytes);
}

Result<Bytes> WorldStorage::get(const ObjectName& name, ByteRange range) {
  const Object* const object = TRY(world->find("get", name.text()));
  LAGAN_ASSERT(range.length != 0);
  if (range.offset + range.length > object->bytes->size())
    return fail(ErrorCode::corrupt, name.text() + ": ends early");
  return Bytes::copy_of(object->bytes->span().subspan(range.offset, range.length));
}

Result<ObjectInfo> WorldStorage::stat(const ObjectName& name) {
  const Object* const object = TRY(world->find("stat", name.text()));
  return ObjectInfo{name, object->bytes->size(), object->modified};
}

Result<void> WorldStorage::list(std::string_view prefix, const EachObject& each) {
  for (const ObjectInfo& info : TRY(world->list(prefix))) TRY(each(info));
  return {};
}

Result<void> WorldStorage::remove(const ObjectName& name) { return world->remove(name.text()); }

void Client::lose_cache() const {
  if (cache.empty()) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(repository->cache_folder(), ignored))
    std::filesystem::remove_all(entry.path(), ignored);
}

Clients::Clients() : caches_(cache_parent()) {
  Dice dice(1);
  const std::shared_ptr<Storage> storage = make_memory_storage();
  CreateOptions create;
  create.suite = Suite::aes256_gcm;  // whatever this machine prefers
  create.cost = kCheapCost;
  create.random = [&dice](MutableByteSpan out) { dice.fill(out); };
  create.clock = [] { return Nanoseconds{0}; };
  OpenOptions open;
  open.random = create.random;
  auto created = Repository::create(storage, Credential::password(kPassword), create, open);
  LAGAN_ASSERT(created.has_value());
  creator_ = *std::move(created);
  const auto listed = storage->list("", [&](const ObjectInfo& info) -> Result<void> {
    auto bytes = std::make_shared<const Bytes>(TRY(storage->get(info.name)));
    empty_[info.name.text()] = {std::move(bytes), 0, std::make_shared<const Meaning>()};
    return {};
  });
  LAGAN_ASSERT(listed.has_value());

  Oracle oracle(creator_->sealing());
  Fiber::Stacks stacks;
  World world(1, oracle, stacks, false);
  world.objects = empty_;
  const auto add = [&](const std::string& name, const std::string& machine, bool has_cache) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.name = name;
    client.machine = machine;
    if (has_cache) client.cache = caches_ / name;
    client.storage = std::make_shared<WorldStorage>();
    client.storage->world = &world;
    OpenOptions options;
    options.cache_folder = client.cache;
    options.random = [&client](MutableByteSpan out) { client.storage->world->dice.fill(out); };
    options.clock = [&client] { return client.storage->world->now + client.skew; };
    auto opened = Repository::open(client.storage, Credential::password(kPassword), options);
    if (!opened) fmt::print(stderr, "{}\n", opened.error().message);
    LAGAN_ASSERT(opened.has_value());
    client.repository = *std::move(opened);
  };
  add("writer-1", "attic", true);
  add("writer-2", "cellar", false);
  add("writer-3", "attic", false);
  add("keeper-1", "attic", true);
  add("keeper-2", "cellar", false);
  add("keeper-3", "garage", true);
  add("forgetter", "cellar", false);
  add("undeleter", "attic", false);
  add("reader-1", "garage", false);
  add("reader-2", "attic", true);
}

void Clients::enter(World& world) {
  for (const auto& client : clients_) client->storage->world = &world;
}

const Client& Clients::get(const std::string& name) const {
  for (const auto& client : clients_) {
    if (client->name == name) return *client;
  }
  LAGAN_ASSERT(false);
}

}  // namespace lagan::sim
