// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small objects of a storage that is far, kept in the cache as they are sealed: a listing of many
// of them costs a round trip each the first time only. Objects never change, and the listing of the
// storage still decides which there are. A cached one that is damaged is fetched again. Who wants
// to know how the objects themselves are must not ask here. Any thread may call anything.

#include <set>
#include <string>

#include "repo/repository.h"

namespace lagan {

class BodyCache {
 public:
  // Of the objects whose names begin with `prefix`, which ends with a slash. Keeps nothing without
  // a prefix or a cache folder, or where asking the storage costs no more.
  BodyCache(const Repository& repository, std::string_view prefix);

  // As Repository::get_body.
  Result<std::string> get(ObjectKind kind, const ObjectName& name, std::size_t max_size) const;
  // Forgets all that is not among `present`.
  void keep_only(const std::set<std::string>& present) const;

 private:
  const Repository& repository_;
  std::string folder_;  // empty: there is none
  std::string_view prefix_;
};

}  // namespace lagan
