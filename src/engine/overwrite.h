// SPDX-License-Identifier: Apache-2.0
#pragma once

// What becomes of an entry of the target when the snapshot has one of the same name.

#include <optional>
#include <string_view>

#include "src/engine/source_entry.h"

namespace lagan {

enum class Overwrite {
  always,      // content is compared by chunk ids, and what differs is written
  if_changed,  // a file of the same size and time is taken to have the same content
  if_newer,    // only what is older than the snapshot's entry
  never,
};

std::optional<Overwrite> parse_overwrite(std::string_view word);

enum class Verdict { write, only_attributes, leave };

// `there` is what has the name now; nothing: it is free.
Verdict judge(Overwrite overwrite, const std::optional<SourceStatus>& there, const Entry& entry);

}  // namespace lagan
