// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may come in: one user with one password.

#include <string>
#include <string_view>

#include "crypto/secret.h"

namespace lagan {

struct Login {
  std::string user;
  SecretBytes password;

  // Tells nothing by the time it takes but lengths.
  bool admits(std::string_view name, std::string_view secret) const {
    const bool is_user = equal_in_constant_time(as_bytes(name), as_bytes(user));
    const bool is_password = equal_in_constant_time(as_bytes(secret), password.span());
    return is_user && is_password;
  }
};

}  // namespace lagan
