// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_boot.h"

#include <algorithm>

#include "repo/boot_record.h"
#include "repo/limits.h"
#include "repo/names.h"

namespace lagan {
namespace {

// What the storage has under that name is nothing that this loses: the keys say it all.
Result<void> put_boot_record(const Repository& repository) {
  const Bundle& bundle = repository.bundle();
  TRY(repository.storage().remove(names::boot()));
  return repository.storage().put(
      names::boot(),
      as_bytes(encode_boot_record({bundle.format, bundle.repository, bundle.created})));
}

Result<void> put_config(const Repository& repository, std::vector<std::string> replaces) {
  Config config = repository.config();
  ++config.revision;
  config.suite = static_cast<std::uint32_t>(repository.sealing().suite);
  config.created = repository.now();
  config.replaces = std::move(replaces);
  return repository.put_signed(ObjectKind::config,
                               names::random_name(names::kConfig, repository.random_id()),
                               encode(config));
}

}  // namespace

Result<RepairBootPlan> repair_boot(const Repository& repository, bool carry_out) {
  RepairBootPlan plan;
  const auto boot = read_boot_record(repository.storage());
  if (!boot && boot.error().code != ErrorCode::no_repository &&
      boot.error().code != ErrorCode::corrupt)
    return fail(boot.error());
  plan.boot_record = !boot;

  std::vector<ObjectName> configs;
  TRY(repository.storage().list(names::kConfig, [&](const ObjectInfo& info) -> Result<void> {
    configs.push_back(info.name);
    return {};
  }));
  std::vector<std::string> replaced;
  for (const ObjectName& name : configs) {
    const auto message = repository.get_signed(ObjectKind::config, name, limits::kSmallBodyBytes);
    const auto config = message ? decode_config(as_bytes(*message)) : fail(message.error());
    if (config) {
      replaced.insert(replaced.end(), config->replaces.begin(), config->replaces.end());
    } else if (config.error().code == ErrorCode::corrupt) {
      plan.replaces.push_back(name.text());
    } else {
      return fail(config.error());
    }
  }
  std::erase_if(plan.replaces, [&](const std::string& name) {
    return std::ranges::find(replaced, name) != replaced.end();
  });
  plan.config = configs.empty() || !plan.replaces.empty();

  if (carry_out && plan.boot_record) TRY(put_boot_record(repository));
  if (carry_out && plan.config) TRY(put_config(repository, plan.replaces));
  return plan;
}

}  // namespace lagan
