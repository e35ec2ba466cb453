// SPDX-License-Identifier: Apache-2.0
#pragma once

// Gives restored files their attributes back. Nothing here follows a symlink.

#include <functional>
#include <string>

#include "repo/tree.h"
#include "util/result.h"

namespace lagan {

struct AttributeOptions {
  bool owner_by_name = false;
  // Reads the value of a large attribute.
  std::function<Result<std::string>(const Xattr&)> load_value;
};

// Owner, extended attributes, mode, flags, times, in the order in which none undoes another.
// Everything is tried; the error names the first that failed. Lacking privilege to change the owner
// is no error.
Result<void> apply_attributes(int descriptor, const Entry& entry, const AttributeOptions& options);

// The same for what cannot be opened (symlinks, devices, pipes): `name` in `folder`.
Result<void> apply_link_attributes(int folder, const std::string& name, const Entry& entry,
                                   const AttributeOptions& options);

}  // namespace lagan
