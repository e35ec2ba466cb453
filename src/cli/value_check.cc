// SPDX-License-Identifier: Apache-2.0
#include "src/cli/value_check.h"

namespace lagan::cli {

ValueCheck value_check_of(const CLI::Option& option) {
  try {
    // To look at it, CLI11 wants it to be one that may be changed.
    const CLI::Validator check = *const_cast<CLI::Option&>(option).get_validator(0);
    if (check.get_name() == kNotEmpty) return nullptr;
    return [check](const std::string& text) -> Result<void> {
      const std::string trouble = check(text);
      if (trouble.empty()) return {};
      return fail(ErrorCode::invalid_argument, trouble);
    };
  } catch (const CLI::OptionNotFound&) {
    return nullptr;
  }
}

}  // namespace lagan::cli
