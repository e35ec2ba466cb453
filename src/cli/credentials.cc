// SPDX-License-Identifier: Apache-2.0
#include "src/cli/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "crypto/secret.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

constexpr std::size_t kPasswordMax = 65536;

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// Reads what is left of a descriptor into locked memory; the plain buffer is wiped.
Result<SecretBytes> read_secret(int descriptor) {
  Bytes buffer(kPasswordMax + 1);
  const auto size = read_some_full(descriptor, buffer.span());
  if (!size) return fail(size.error());
  if (*size > kPasswordMax)
    return fail(ErrorCode::invalid_argument, "the password is longer than 64 KiB");
  SecretBytes secret = SecretBytes::copy_of(without_line_end(as_text(buffer.span().first(*size))));
  wipe(buffer.span());
  return secret;
}

Result<SecretBytes> from_file(const std::string& path) {
  const File file = TRY_IN("password file", open_file(path, O_RDONLY));
  return TRY_IN("password file", read_secret(file.descriptor()));
}

Result<SecretBytes> from_command(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return fail(system_error("password command", errno));
  auto secret = read_secret(::fileno(pipe));
  const int status = ::pclose(pipe);
  // Ctrl-C is for the whole group of the terminal.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
    return fail(ErrorCode::cancelled, "interrupted");
  if (status != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the password command failed with status {}",
                            WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
  return secret;
}

// From the terminal, without showing it. `variable` is what could have had it; null: a flag.
Result<SecretBytes> ask(const std::string& prompt, const char* variable) {
  const auto terminal = open_file("/dev/tty", O_RDWR);
  termios shown{};
  if (!terminal || ::tcgetattr(terminal->descriptor(), &shown) != 0) {
    return fail(
        ErrorCode::invalid_argument,
        variable == nullptr
            ? std::string("no new password given: use --new-password-file, or run in a terminal")
            : fmt::format("no password given: set {0}_FILE, {0}_COMMAND or {0}, or run in a "
                          "terminal",
                          variable));
  }
  const int descriptor = terminal->descriptor();
  TRY(write_all(descriptor, as_bytes(prompt)));
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(descriptor, TCSAFLUSH, &hidden);
  Bytes line(kPasswordMax);
  const ssize_t size = ::read(descriptor, line.data(), line.size());
  const int error = errno;
  ::tcsetattr(descriptor, TCSAFLUSH, &shown);
  TRY(write_all(descriptor, as_bytes("\n")));
  if (size < 0 && error == EINTR) return fail(ErrorCode::cancelled, "interrupted");
  if (size < 0) return fail(system_error("read the password", error));
  SecretBytes secret = SecretBytes::copy_of(
      without_line_end(as_text(line.span().first(static_cast<std::size_t>(size)))));
  wipe(line.span());
  return secret;
}

Result<SecretBytes> ask_twice(const std::string& prompt, const char* variable) {
  SecretBytes first = TRY(ask(prompt + ": ", variable));
  const SecretBytes second = TRY(ask(prompt + " again: ", variable));
  if (as_text(first.span()) != as_text(second.span())) {
    return fail(ErrorCode::invalid_argument, "the two passwords differ");
  }
  return first;
}

std::string text_of(const Context& context, const char* variable) {
  const char* value = context.variable(variable);
  return value != nullptr ? value : "";
}

Result<SecretBytes> find_secret(const Context& context, Asking asking) {
  const Globals& globals = context.globals;
  if (!globals.password_command.empty()) return from_command(globals.password_command);
  if (!globals.password_file.empty()) return from_file(globals.password_file);
  if (const auto command = text_of(context, "PASSWORD_COMMAND"); !command.empty())
    return from_command(command);
  if (const auto file = text_of(context, "PASSWORD_FILE"); !file.empty()) return from_file(file);
  if (const char* password = context.variable("PASSWORD"))
    return SecretBytes::copy_of(std::string_view(password));
  if (asking == Asking::twice) return ask_twice("new password", "LAGAN_PASSWORD");
  return globals.is_source ? ask("password of the source: ", "LAGAN_FROM_PASSWORD")
                           : ask("password of the repository: ", "LAGAN_PASSWORD");
}

Result<void> refuse_empty(const SecretBytes& secret) {
  if (!secret.empty()) return {};
  return fail(ErrorCode::invalid_argument,
              "the password is empty: if that is meant, use --insecure-no-password");
}

}  // namespace

Result<Credential> find_credential(const Context& context, Asking asking) {
  if (context.globals.insecure_no_password) return Credential::password("");
  SecretBytes secret = TRY(find_secret(context, asking));
  TRY(refuse_empty(secret));
  return Credential{Credential::Kind::password, std::move(secret)};
}

Result<Credential> find_new_credential(const std::string& file, bool may_be_empty) {
  if (may_be_empty) return Credential::password("");
  SecretBytes secret = TRY(file.empty() ? ask_twice("new password", nullptr) : from_file(file));
  TRY(refuse_empty(secret));
  return Credential{Credential::Kind::password, std::move(secret)};
}

Result<SecretBytes> find_visitor_password(const Context& context, const std::string& file,
                                          const std::string& command) {
  const auto find = [&]() -> Result<SecretBytes> {
    if (!command.empty()) return from_command(command);
    if (!file.empty()) return from_file(file);
    if (const auto named = text_of(context, "SERVE_PASSWORD_COMMAND"); !named.empty())
      return from_command(named);
    if (const auto named = text_of(context, "SERVE_PASSWORD_FILE"); !named.empty())
      return from_file(named);
    if (const char* password = context.variable("SERVE_PASSWORD"))
      return SecretBytes::copy_of(std::string_view(password));
    return fail(ErrorCode::invalid_argument,
                "--user: name a password with --user-password-file, --user-password-command or in "
                "LAGAN_SERVE_PASSWORD");
  };
  SecretBytes secret = TRY(find());
  if (secret.empty()) return fail(ErrorCode::invalid_argument, "--user: the password is empty");
  return secret;
}

}  // namespace lagan::cli
