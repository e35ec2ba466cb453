// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/credentials.h"
#include "src/cli/source_repository.h"
#include "storage/open.h"

namespace lagan::cli {
namespace {

struct InitFlags {
  std::uint32_t kdf_memory_mib = 64;
  std::uint32_t kdf_passes = 3;
  std::string label;
  bool recovery = false;
  std::string cipher = "auto";
  bool copy_chunker_params = false;
  SourceFlags source;
};

Result<Suite> suite_of(const std::string& cipher) {
  if (cipher == "auto") return preferred_suite();
  if (cipher == "aes256-gcm") return Suite::aes256_gcm;
  if (cipher == "chacha20-poly1305") return Suite::chacha20_poly1305;
  return fail(ErrorCode::invalid_argument,
              "--cipher is one of auto, aes256-gcm, chacha20-poly1305");
}

Result<void> init(Context& context, const InitFlags& flags) {
  CreateOptions options;
  options.suite = TRY(suite_of(flags.cipher));
  options.cost = {flags.kdf_memory_mib * 1024, flags.kdf_passes};
  options.label = flags.label;
  if (flags.kdf_memory_mib < 8 || flags.kdf_memory_mib > 1024 || flags.kdf_passes < 1 ||
      flags.kdf_passes > 64) {
    return fail(ErrorCode::invalid_argument,
                "--kdf-memory is 8 to 1024 (MiB), --kdf-passes 1 to 64");
  }
  if (flags.source.is_given() && !flags.copy_chunker_params) {
    return fail(ErrorCode::invalid_argument,
                "--from-repo goes with --copy-chunker-params: to copy snapshots, use `lagan copy`");
  }
  Context of_source = flags.source.context_of_source(context);
  std::unique_ptr<Repository> sibling;
  if (flags.copy_chunker_params) sibling = TRY_IN("source", of_source.open_repository());
  options.sibling = sibling.get();
  auto storage = TRY(context.open_location());
  const Credential credential = TRY(find_credential(context, Asking::twice));
  const OpenOptions open_options = TRY(context.open_options());
  const auto repository = TRY(Repository::create(storage, credential, options, open_options));

  std::string code;
  if (flags.recovery) {
    SecretBytes secret(32);
    system_random(secret.span());
    TRY(repository->add_key(Credential::code(secret.span()), {0, 0}, "recovery"));
    code = format_recovery_code(secret.span());
  }
  const std::string location = storage->description();
  if (context.globals.json) {
    Json message{
        {"message_type", "initialized"}, {"id", repository->id().hex()}, {"repository", location}};
    if (!code.empty()) message["recovery_code"] = code;
    context.print_json(message);
    return {};
  }
  context.say(fmt::format("created repository {} at {}", repository->id().short_hex(), location));
  if (!code.empty()) {
    fmt::print("\nrecovery code, to be printed and kept apart from this machine:\n\n    {}\n\n",
               code);
  } else {
    context.say("");
    context.say(
        "Without the password nothing can be restored, by nobody. Keep it where a fire or a");
    context.say(
        "thief does not take it together with this machine; 'lagan key add --recovery' prints a");
    context.say("code that opens the repository as well.");
  }
  return {};
}

}  // namespace

void add_init(CLI::App& app, Context& context) {
  auto flags = std::make_shared<InitFlags>();
  CLI::App* command = app.add_subcommand("init", "make a new repository");
  command->add_option("--kdf-memory", flags->kdf_memory_mib,
                      "memory that trying a password takes, in MiB");
  command->add_option("--kdf-passes", flags->kdf_passes, "passes over that memory");
  command->add_option("--label", flags->label, "name of the first key, visible to the storage");
  command->add_flag("--recovery", flags->recovery, "also make a recovery code and print it");
  command->add_option("--cipher", flags->cipher, "auto, aes256-gcm or chacha20-poly1305");
  command->add_flag("--copy-chunker-params", flags->copy_chunker_params,
                    "cut files and name chunks as the source does, so that `copy` is cheap and "
                    "nothing is stored twice");
  flags->source.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = init(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
