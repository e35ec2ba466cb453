// SPDX-License-Identifier: Apache-2.0
#pragma once

// The objects of a storage by what they are and how their names begin: for list and cat.

#include <string_view>
#include <vector>

#include "repo/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace lagan::cli {

// The one object in one of these folders whose last name begins with `beginning`. None is
// `not_found`, several `invalid_argument`; `what` names the kind of thing in both.
Result<ObjectInfo> find_object(Storage& storage, const std::vector<std::string_view>& folders,
                               std::string_view beginning, std::string_view what);

// The last part of an object's name: its id, perhaps with an ending.
std::string_view last_name(const ObjectName& name);

}  // namespace lagan::cli
