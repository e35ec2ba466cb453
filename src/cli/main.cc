// SPDX-License-Identifier: Apache-2.0

// Words in, one command run, an exit code out. Each command has its own file.

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <system_error>

#include "src/cli/commands.h"
#include "src/cli/context.h"
#include "src/cli/help.h"
#include "src/cli/usage_error.h"

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

int run(int argc, char** argv) {
  forbid_core_dumps();
  allow_deep_folders();
  Context context;
  if (argc == 1 && !context.location()) {
    put(stdout, first_steps());
    return kOk;
  }
  CLI::App app;
  add_everything(app, context);
  if (argc == 1) {
    put(stdout, app.help());
    return kOk;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    // It stands for the message even if parsing did not come to it.
    const auto is_json = [](const char* word) { return std::string_view(word) == "--json"; };
    context.globals.json = std::any_of(argv + 1, argv + argc, is_json);
    return context.fail_with(usage_error(app, error));
  }
  install_signal_handlers();
  const int code = context.run();
  context.report_requests();
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
  } catch (const std::system_error& error) {  // fmt, when stdout takes no more
    // Whoever reads may have enough (lagan ls … | head): no news for anybody.
    if (error.code() != std::errc::broken_pipe) fmt::print(stderr, "lagan: {}\n", error.what());
    return lagan::cli::kFailed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lagan: internal error, please report it: {}\n", error.what());
    return lagan::cli::kFailed;
  }
}
