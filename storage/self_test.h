// SPDX-License-Identifier: Apache-2.0
#pragma once

// Does a place keep the promises of storage/storage.h? The part of the contract that can be tried
// on somebody's own service without harm: few small objects below a name of their own, removed in
// the end.

#include <functional>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace lagan {

struct SelfTestStep {
  std::string claim;
  std::string failure;  // empty: it holds
};

struct SelfTestReport {
  std::vector<SelfTestStep> steps;
  Capabilities capabilities;
  bool can_remove = false;
  bool tells_times = false;
  bool left_objects = false;  // below `folder`, since they could not be removed
  std::string folder;
  // As seen with one call at a time.
  double round_trip_ms = 0, upload_bytes_per_second = 0, download_bytes_per_second = 0;

  bool is_sound() const;
};

// `folder` ("test-1a2b3c/") must hold nothing. An error: the place cannot be reached, or is
// missing. `each` is called when a step is done.
Result<SelfTestReport> self_test(Storage& storage, std::string folder,
                                 const std::function<void(const SelfTestStep&)>& each);

// `top` and the folders below it, as far as they hold nothing: where folders are made for objects,
// these stay when the objects go.
void remove_empty_folders(const std::string& top);

}  // namespace lagan
