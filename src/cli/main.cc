// SPDX-License-Identifier: Apache-2.0

// Words in, one command run, an exit code out. Each command has its own file.

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "src/cli/commands.h"
#include "src/cli/context.h"
#include "src/cli/help.h"
#include "src/cli/profile_flags.h"
#include "src/cli/usage_error.h"
#include "util/threads.h"

namespace lagan::cli {
namespace {

// Walks of trees call themselves once a folder, with up to 4 KiB a time, and folders may nest 4,096
// deep (repo/limits.h). Linux looks at this limit when the stack of the main thread grows, and
// leaves at least 128 MiB of room for it.
void allow_deep_folders() {
  constexpr rlim_t kStackBytes = rlim_t{64} << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kStackBytes) return;
  limit.rlim_cur = std::min(limit.rlim_max, kStackBytes);
  ::setrlimit(RLIMIT_STACK, &limit);
}

// Keys and passwords are in memory: a crash must not write them to a disk.
void forbid_core_dumps() {
  constexpr rlimit kNone{};
  ::setrlimit(RLIMIT_CORE, &kNone);
}

struct CommandLine {
  Context context;
  CLI::App app;
};

// Words behind `--` are plain, whatever they look like. CLI11 forgets that once another plain word
// came before them, so they carry a mark through it that add_everything has taken off again.
std::vector<std::string> mark_plain_words(std::vector<std::string> words) {
  const auto end = std::ranges::find(words, "--");
  if (end == words.end()) return words;
  for (auto word = words.erase(end); word != words.end(); ++word) word->insert(0, 1, kPlainMark);
  return words;
}

// `--tag=` where a script had nothing to say: CLI11 would take the next word for its value.
Result<void> check_values(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") break;
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    const std::string flag = word.substr(0, word.size() - 1);
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has no value: leave it out, or write {} ''", word, flag));
  }
  return {};
}

// An exit code if there is nothing to run.
std::optional<int> parse(CommandLine& line, std::vector<std::string> words) {
  add_everything(line.app, line.context);
  const auto flags_end = std::ranges::find(words, "--");
  const bool is_json = std::find(words.begin(), flags_end, "--json") != flags_end;
  if (const auto values = check_values(words); !values) {
    line.context.globals.json = is_json;
    return line.context.fail_with(values.error());
  }
  try {
    words = mark_plain_words(std::move(words));
    std::ranges::reverse(words);  // as CLI11 wants them
    line.app.parse(std::move(words));
  } catch (const CLI::Success& help) {
    return line.app.exit(help);
  } catch (const CLI::ParseError& error) {
    // It stands for the message even if parsing did not come to it.
    line.context.globals.json = is_json;
    return line.context.fail_with(usage_error(line.app, error));
  }
  return std::nullopt;
}

int run(int argc, char** argv) {
  forbid_core_dumps();
  allow_deep_folders();
  CommandLine typed, filled;
  if (argc == 1) {
    const bool is_new = !typed.context.location();
    if (!is_new) add_everything(typed.app, typed.context);
    put(stdout, is_new ? first_steps() : typed.app.help());
    return kOk;
  }
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (const auto code = parse(typed, words)) return *code;
  const bool has_profile = typed.app.get_option("--use-profile")->count() != 0;
  if (has_profile) {
    auto all = with_profile(typed.app, typed.context, words);
    if (!all) return typed.context.fail_with(all.error());
    if (const auto code = parse(filled, *std::move(all))) return *code;
  }
  const Context& context = has_profile ? filled.context : typed.context;
  install_signal_handlers();
  const int code = context.run();
  context.report_requests();
  context.tell_exit(code);
  // A full disk may show only now.
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return code;
  // Whoever reads may have enough (lagan backup -vv … | head): no news for anybody.
  if (!flushed && errno != EPIPE) context.fail_with(system_error("write to stdout", errno));
  return code == kOk ? kFailed : code;
}

}  // namespace
}  // namespace lagan::cli

int main(int argc, char** argv) {
  try {
    return lagan::cli::run(argc, argv);
  } catch (const std::system_error& error) {  // fmt, when stdout takes no more; a thread
    // Whoever reads may have enough (lagan ls … | head): no news for anybody.
    if (error.code() == std::errc::broken_pipe) return lagan::cli::kFailed;
    const bool is_thread = error.code() == std::errc::resource_unavailable_try_again;
    fmt::print(stderr, "lagan: {}\n", is_thread ? lagan::kNoThreads : error.what());
    return lagan::cli::kFailed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lagan: internal error, please report it: {}\n", error.what());
    return lagan::cli::kFailed;
  }
}
