// SPDX-License-Identifier: Apache-2.0
#include "repo/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace lagan {

void WireReader::copy_to(MutableByteSpan into) {
  const std::string_view from = bytes();
  if (from.size() != into.size()) return refuse("a key has the wrong size");
  std::ranges::copy(as_bytes(from), into.begin());
}

Result<void> WireReader::status(std::string_view what) const {
  if (trouble_ == nullptr) return {};
  return fail(ErrorCode::corrupt, fmt::format("{}: {}", what, trouble_));
}

std::string merge_fields(std::string_view known, std::string_view unknown) {
  std::vector<std::pair<std::uint32_t, std::string_view>> fields;
  for (const std::string_view part : {known, unknown}) {
    WireReader in(part);
    while (in.next()) fields.emplace_back(in.field(), in.raw());
    LAGAN_ASSERT(!in.refused());
  }
  std::ranges::stable_sort(fields, {}, [](const auto& field) { return field.first; });
  std::string merged;
  merged.reserve(known.size() + unknown.size());
  for (const auto& [number, raw] : fields) merged.append(raw);
  return merged;
}

}  // namespace lagan
