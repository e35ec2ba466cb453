// SPDX-License-Identifier: Apache-2.0
#include "repo/damaged_packs.h"

#include <algorithm>
#include <string>
#include <vector>

#include "repo/derived_keys.h"
#include "repo/place_memory.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kFileMax = std::size_t{64} << 20;
constexpr std::size_t kCheckSize = 16;

std::string path_of(const Repository& repository) {
  return place_file(repository, "damaged-packs");
}

}  // namespace

// A check, then one id after another.
std::unordered_set<PackId> known_damaged_packs(const Repository& repository) {
  std::unordered_set<PackId> packs;
  const std::string path = path_of(repository);
  if (path.empty()) return packs;
  const auto content = read_file(path, kFileMax);
  if (!content || content->size() < kCheckSize) return packs;
  const std::string_view text = as_text(*content);
  std::string_view ids = text.substr(kCheckSize);
  if (text.substr(0, kCheckSize) != cache_check(repository, ids)) return packs;
  for (; ids.size() >= PackId::kSize; ids.remove_prefix(PackId::kSize))
    packs.insert(*PackId::from_bytes(as_bytes(ids.substr(0, PackId::kSize))));
  return packs;
}

void remember_damaged_packs(const Repository& repository, const std::unordered_set<PackId>& damaged,
                            const std::unordered_set<PackId>& others) {
  const std::string path = path_of(repository);
  if (path.empty()) return;
  const auto before = known_damaged_packs(repository);
  auto now = before;
  for (const PackId& id : others) now.erase(id);
  now.insert(damaged.begin(), damaged.end());
  if (now == before) return;
  std::string ids;
  for (const PackId& id : now) ids += as_text(id.span());
  static_cast<void>(replace_file(path, as_bytes(cache_check(repository, ids) + ids)));
}

}  // namespace lagan
