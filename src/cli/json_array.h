// SPDX-License-Identifier: Apache-2.0
#pragma once

// A JSON array on stdout, written item by item: what is long is never held whole. The one who made
// it calls end(); an array that is left open tells a reader that the list is not complete.

#include <fmt/format.h>

#include "src/cli/context.h"

namespace lagan::cli {

class JsonArray {
 public:
  JsonArray() { fmt::print("["); }

  // Before an item that the caller writes.
  void begin_item() {
    if (!is_empty_) fmt::print(",");
    is_empty_ = false;
  }
  void add(const Json& item) {
    begin_item();
    fmt::print("{}", item.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  void end() { fmt::print("]"); }

 private:
  bool is_empty_ = true;
};

}  // namespace lagan::cli
