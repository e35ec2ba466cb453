// SPDX-License-Identifier: Apache-2.0
#include "repo/place_memory.h"

#include <fmt/format.h>

#include "repo/derived_keys.h"

namespace lagan {

std::string place_file(const Repository& repository, std::string_view kind) {
  const std::string& folder = repository.cache_folder();
  if (folder.empty()) return {};
  return fmt::format("{}/{}-{}", folder, kind, cache_name(repository.storage().description()));
}

}  // namespace lagan
