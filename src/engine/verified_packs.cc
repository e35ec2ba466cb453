// SPDX-License-Identifier: Apache-2.0
#include "src/engine/verified_packs.h"

#include <algorithm>

#include "repo/derived_keys.h"
#include "repo/place_memory.h"
#include "util/coding.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kCheckSize = 16;
constexpr std::size_t kRecordSize = PackId::kSize + sizeof(std::uint64_t);
constexpr std::size_t kFileMax = std::size_t{512} << 20;

std::string path_of(const Repository& repository) {
  return place_file(repository, "verified-packs");
}

}  // namespace

// A check, then for each pack its name and the time.
void recall_verified(const Repository& repository, std::vector<StoredPack>& packs) {
  const std::string path = path_of(repository);
  if (path.empty()) return;
  const auto content = read_file(path, kFileMax);
  if (!content || content->size() < kCheckSize) return;
  const std::string_view text = as_text(*content);
  const std::string_view records = text.substr(kCheckSize);
  if (text.substr(0, kCheckSize) != cache_check(repository, records)) return;
  for (std::size_t at = 0; at + kRecordSize <= records.size(); at += kRecordSize) {
    const ByteSpan record = as_bytes(records.substr(at, kRecordSize));
    PackId name;
    std::copy_n(record.begin(), PackId::kSize, name.bytes.begin());
    const auto verified =
        static_cast<Nanoseconds>(load_le<std::uint64_t>(record.data() + PackId::kSize));
    const auto pack = std::ranges::lower_bound(packs, name, {}, &StoredPack::name);
    if (pack != packs.end() && pack->name == name && verified <= repository.now())
      pack->verified = verified;
  }
}

void remember_verified(const Repository& repository, const std::vector<StoredPack>& packs) {
  const std::string path = path_of(repository);
  if (path.empty()) return;
  std::string records;
  for (const StoredPack& pack : packs) {
    if (pack.verified == 0) continue;
    records += as_text(pack.name.span());
    append_le(records, static_cast<std::uint64_t>(pack.verified));
  }
  static_cast<void>(replace_file(path, as_bytes(cache_check(repository, records) + records)));
}

}  // namespace lagan
