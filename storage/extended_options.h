// SPDX-License-Identifier: Apache-2.0
#pragma once

// Settings of one kind of storage: `?name=value` behind a location, or `-o kind.name=value`. A kind
// takes those it knows; what is left over is a mistake.

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "util/result.h"

namespace lagan {

// "sftp.args" to its value.
using ExtendedOptions = std::map<std::string, std::string>;

class KindOptions {
 public:
  // Of all options those of `kind`; what stands behind the location counts more.
  KindOptions(std::string kind, const ExtendedOptions& all,
              std::map<std::string, std::string> query)
      : kind_(std::move(kind)), left_(std::move(query)) {
    const std::string beginning = kind_ + ".";
    for (const auto& [name, value] : all) {
      if (name.starts_with(beginning)) left_.try_emplace(name.substr(beginning.size()), value);
    }
  }

  // Empty if it is not given.
  std::string take(const std::string& name) {
    const auto found = left_.extract(name);
    return found.empty() ? std::string() : std::move(found.mapped());
  }

  Result<void> check_all_taken() const {
    if (left_.empty()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} locations have no option '{}'", kind_, left_.begin()->first));
  }

 private:
  const std::string kind_;
  std::map<std::string, std::string> left_;
};

}  // namespace lagan
