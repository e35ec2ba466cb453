// SPDX-License-Identifier: Apache-2.0
#include "src/cli/source_repository.h"

namespace lagan::cli {

void SourceFlags::add_to(CLI::App& app) {
  app.add_option("--from-repo", repository, "where the source is")->type_name("LOCATION");
  app.add_option("--from-repository-file", repository_file, "file with its location")
      ->type_name("FILE");
  app.add_option("--from-password-file", password_file, "file with its password")
      ->type_name("FILE");
  app.add_option("--from-password-command", password_command, "command that prints its password")
      ->type_name("COMMAND");
  app.add_option("--from-key-hint", key_hint, "id or label of its key to try first")
      ->envname("LAGAN_FROM_KEY_HINT")
      ->type_name("KEY");
  app.add_flag("--from-insecure-no-password", insecure_no_password, "its password is empty");
}

Result<std::unique_ptr<Repository>> SourceFlags::open(const Context& context) const {
  Context source = context;
  Globals& globals = source.globals;
  globals.is_source = true;
  globals.repository = repository;
  globals.repository_file = repository_file;
  globals.password_file = password_file;
  globals.password_command = password_command;
  globals.key_hint = key_hint;
  globals.insecure_no_password = insecure_no_password;
  return TRY_IN("source", source.open_repository());
}

}  // namespace lagan::cli
