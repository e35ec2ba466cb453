// SPDX-License-Identifier: Apache-2.0
#include "src/cli/source_repository.h"

namespace lagan::cli {

void SourceFlags::add_to(CLI::App& app) {
  const auto add = [&](const char* name, std::string& value, const char* help, const char* type) {
    return app.add_option(name, value, help)->type_name(type)->group("The source");
  };
  add("--from-repo", repository, "where the source is", "LOCATION");
  add("--from-repository-file", repository_file, "file with its location", "FILE");
  add("--from-password-file", password_file, "file with its password", "FILE");
  add("--from-password-command", password_command, "command that prints its password", "COMMAND");
  add("--from-key-hint", key_hint, "id or label of its key to try first", "KEY")
      ->envname("LAGAN_FROM_KEY_HINT");
  app.add_flag("--from-insecure-no-password", insecure_no_password, "its password is empty")
      ->group("The source");
}

Context SourceFlags::context_of_source(const Context& context) const {
  Context source = context;
  Globals& globals = source.globals;
  globals.is_source = true;
  globals.repository = repository;
  globals.repository_file = repository_file;
  globals.password_file = password_file;
  globals.password_command = password_command;
  globals.key_hint = key_hint;
  globals.insecure_no_password = insecure_no_password;
  return source;
}

}  // namespace lagan::cli
