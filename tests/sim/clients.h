// SPDX-License-Identifier: Apache-2.0
#pragma once

// The machines that use the simulated repository: each has it open, by a storage that leads into
// the world of the current history, with or without a cache folder. Opened once and used in all
// histories.

#include <memory>
#include <string>
#include <vector>

#include "repo/repository.h"
#include "tests/sim/world.h"
#include "tests/util/temporary_folder.h"

namespace lagan::sim {

class WorldStorage final : public Storage {
 public:
  World* world = nullptr;
  bool put_is_verified = true;

  Capabilities capabilities() const override {
    return {.parallel = 1, .put_is_verified = put_is_verified};
  }
  std::string description() const override { return "the simulation"; }
  Result<void> create() override { return {}; }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range) override;
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;
};

struct Client {
  std::string name, machine, cache;
  std::shared_ptr<WorldStorage> storage;
  std::unique_ptr<Repository> repository;
  Nanoseconds skew = 0;  // of its clock

  void lose_cache() const;
};

class Clients {
 public:
  Clients();

  // All storages lead there from now on.
  void enter(World& world);
  const Client& get(const std::string& name) const;
  std::vector<std::unique_ptr<Client>>& all() { return clients_; }

  const Sealing& sealing() const { return creator_->sealing(); }
  // What an empty repository consists of.
  const Objects& empty_repository() const { return empty_; }

 private:
  TemporaryFolder caches_;
  std::unique_ptr<Repository> creator_;
  Objects empty_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace lagan::sim
