// SPDX-License-Identifier: Apache-2.0
#include "src/engine/overwrite.h"

#include <tuple>

namespace lagan {

std::optional<Overwrite> parse_overwrite(std::string_view word) {
  if (word == "always") return Overwrite::always;
  if (word == "if-changed") return Overwrite::if_changed;
  if (word == "if-newer") return Overwrite::if_newer;
  if (word == "never") return Overwrite::never;
  return std::nullopt;
}

Verdict judge(Overwrite overwrite, const std::optional<SourceStatus>& there, const Entry& entry) {
  if (!there) return Verdict::write;
  const auto time_there = std::tie(there->mtime, there->mtime_ns);
  const auto time = std::tie(entry.mtime, entry.mtime_ns);
  switch (overwrite) {
    case Overwrite::always:
      return Verdict::write;
    case Overwrite::if_changed: {
      const bool looks_equal = entry.kind == EntryKind::file && there->kind == EntryKind::file &&
                               there->size == entry.size && time_there == time;
      return looks_equal ? Verdict::only_attributes : Verdict::write;
    }
    case Overwrite::if_newer:
      return time > time_there ? Verdict::write : Verdict::leave;
    case Overwrite::never:
      return Verdict::leave;
  }
  return Verdict::leave;
}

}  // namespace lagan
