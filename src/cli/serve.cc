// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>

#include "src/cli/credentials.h"
#include "src/cli/shown_tree.h"
#include "src/serve/listen_address.h"
#include "src/serve/server.h"

namespace lagan::cli {
namespace {

struct ServeFlags {
  std::string protocol;
  std::string listen = "127.0.0.1:8080";
  std::string user, user_password_file, user_password_command;
  std::string tls_cert, tls_key;
  bool insecure_listen = false;
  TreeFlags tree;
};

Result<ServerOptions> server_options(const Context& context, const ServeFlags& flags) {
  ServerOptions options;
  if (flags.user.empty() &&
      !(flags.user_password_file.empty() && flags.user_password_command.empty()))
    return fail(ErrorCode::invalid_argument, "the password of a visitor needs --user NAME as well");
  if (flags.user.find(':') != std::string::npos)
    return fail(ErrorCode::invalid_argument, "--user: a name has no ':'");
  if (flags.tls_cert.empty() != flags.tls_key.empty())
    return fail(ErrorCode::invalid_argument, "--tls-cert and --tls-key belong together");
  if (!flags.user.empty()) {
    options.login = Login{flags.user, TRY(find_visitor_password(context, flags.user_password_file,
                                                                flags.user_password_command))};
  }
  if (!flags.tls_cert.empty()) options.tls = TRY(TlsIdentity::read(flags.tls_cert, flags.tls_key));
  return options;
}

Result<int> run_serve(Context& context, const ServeFlags& flags) {
  if (flags.protocol != "http" && flags.protocol != "webdav")
    return fail(ErrorCode::invalid_argument, "serve what? Say 'http' or 'webdav'");
  const auto address = TRY_IN("--listen", ListenAddress::parse(flags.listen));
  ServerOptions options = TRY(server_options(context, flags));
  if (!flags.insecure_listen) TRY(check_exposure(address, options));
  File listener = TRY(address.open());
  const std::string shown_address = TRY(address_of(listener));
  // The terminal may go; the server stays.
  ::signal(SIGHUP, SIG_IGN);

  const auto repository = TRY(context.open_repository());
  MountTreeOptions tree_options = TRY(flags.tree.tree_options(*repository));
  const auto shown =
      TRY(ShownTree::open(context, *repository, flags.tree, std::move(tree_options)));
  MountTree& tree = shown->tree();
  const Site site(tree, {.with_webdav = flags.protocol == "webdav",
                         .takes_any_host = options.login || options.tls,
                         .zip = {.chunks = shown->source().chunks(),
                                 .note = [&](const std::string& what) { tree.note(what); }}});
  const std::string url = fmt::format("{}://{}/", options.tls ? "https" : "http", shown_address);
  const auto server = TRY(Server::start(site, std::move(listener), std::move(options)));
  shown->follow();
  if (context.globals.json) {
    context.print_json({{"message_type", "serving"}, {"url", url}, {"snapshots", shown->count()}});
  } else {
    context.say(fmt::format("{} at {}; Ctrl-C ends it", shown->count_text(), url));
  }
  std::fflush(stdout);
  server->wait(context.interruption());
  return kOk;
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command =
      app.add_subcommand("serve", "show snapshots to browsers and WebDAV clients, read only");
  command->add_option("protocol", flags->protocol, "http for browsers, webdav for both")
      ->type_name("PROTOCOL")
      ->required();
  flags->tree.add_to(*command);
  command->add_option("--listen", flags->listen, "where: 127.0.0.1:8080, [::]:8443")
      ->type_name("ADDRESS:PORT");
  command->add_option("--user", flags->user, "let in only who knows this name and a password")
      ->type_name("NAME");
  command->add_option("--user-password-file", flags->user_password_file, "file with that password")
      ->type_name("FILE");
  command
      ->add_option("--user-password-command", flags->user_password_command,
                   "command that prints that password")
      ->type_name("COMMAND");
  command->add_option("--tls-cert", flags->tls_cert, "file with a certificate, in PEM")
      ->type_name("FILE");
  command->add_option("--tls-key", flags->tls_key, "file with its key, in PEM")->type_name("FILE");
  command->add_flag("--insecure-listen", flags->insecure_listen,
                    "let other machines in without a password, or without TLS");
  command->callback([&app, &context, flags] {
    shorten_retries(app, context.globals);
    context.run = [&context, flags] {
      const auto code = run_serve(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
