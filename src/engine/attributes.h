// SPDX-License-Identifier: Apache-2.0
#pragma once

// Gives restored files their attributes back. Nothing here follows a symlink.

#include <functional>
#include <string>
#include <string_view>

#include "repo/tree.h"
#include "src/engine/fidelity.h"
#include "util/result.h"

namespace lagan {

struct AttributeOptions {
  bool owner_by_name = false;
  bool keeps_owner = false;  // files belong to whoever restores
  // Which extended attributes are given; what the others are now they stay. Null: all.
  std::function<bool(std::string_view name)> wants_xattr;
  // Reads the value of a large attribute.
  std::function<Result<std::string>(const Xattr&)> load_value;
  // Told what the target cannot represent, which then is no error; null: it is one.
  FidelityReport* fidelity = nullptr;
};

// Whether something may have attributes that its entry does not: it was there before, or was made
// in a folder that hands some down.
enum class Bearer { fresh, used };

// Owner, extended attributes, mode, flags, times, in the order in which none undoes another.
// Everything is tried; the error names the first that failed. Lacking privilege to change the owner
// is no error; without the owner the set-user-id and set-group-id bits and capabilities are not
// given either. `path` is for the report.
Result<void> apply_attributes(int descriptor, const Entry& entry, std::string_view path,
                              const AttributeOptions& options, Bearer bearer = Bearer::fresh);

// The same in two steps, for who has something to do in between.
Result<void> apply_plain_attributes(int descriptor, const Entry& entry, std::string_view path,
                                    const AttributeOptions& options, Bearer bearer);
Result<void> apply_inode_flags(int descriptor, const Entry& entry, std::string_view path,
                               const AttributeOptions& options, Bearer bearer);

// The same for what cannot be opened (symlinks, devices, pipes): `name` in `folder`.
Result<void> apply_link_attributes(int folder, const std::string& name, const Entry& entry,
                                   std::string_view path, const AttributeOptions& options,
                                   Bearer bearer = Bearer::fresh);

// Takes what a new folder got from the one above, so that it hands nothing down.
void remove_inherited(int folder);

}  // namespace lagan
