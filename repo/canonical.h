// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether an encoded tree node obeys the canonical rules of docs/format.md ("Trees"): fields
// ascending, shortest varints, no default written, no singular field twice, names ascending.
// Decoders do not need this; it is for `check`, and for writers who ask whether a node may be
// reused. Fields of a later version are fine where their number belongs.

#include <string_view>

#include "util/bytes.h"

namespace lagan {

// False for what does not decode, too.
bool is_canonical_directory(ByteSpan node);
bool is_canonical_list(ByteSpan node);
bool is_canonical_entry(std::string_view entry);

}  // namespace lagan
