// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a flag takes, said once: the command looks at its values so when it begins, and so does
// whoever reads the flag in a profile.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "src/schedule/profile_keys.h"

namespace lagan::cli {

// For CLI::Option::check(). `parse` makes a Result of a value; an empty one is no value.
template <typename Parse>
std::function<std::string(const std::string&)> parsed_by(Parse parse) {
  return [parse](const std::string& text) {
    const auto parsed = parse(text);
    return text.empty() || parsed ? std::string() : parsed.error().message;
  };
}

// The name of the check that every flag has whose value must not be empty.
inline constexpr const char* kNotEmpty = "not empty";

// Null if it takes anything that is not empty.
ValueCheck value_check_of(const CLI::Option& option);

}  // namespace lagan::cli
