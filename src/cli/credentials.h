// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the password comes from: command, file, environment, or the terminal. Never from the
// command line.

#include "repo/key_slot.h"
#include "src/cli/context.h"

namespace lagan::cli {

enum class Asking { once, twice };  // a new password is typed twice

Result<Credential> find_credential(const Context& context, Asking asking);

// A new password for `key add` and `key passwd`: from this file, or typed twice.
Result<Credential> find_new_credential(const std::string& file, bool may_be_empty);

// What visitors of `serve` must know: from this command or file, or the environment
// (LAGAN_SERVE_PASSWORD and its kin).
Result<SecretBytes> find_visitor_password(const Context& context, const std::string& file,
                                          const std::string& command);

}  // namespace lagan::cli
