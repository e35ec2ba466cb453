// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "crypto/random.h"
#include "src/cli/context.h"
#include "storage/open.h"
#include "storage/self_test.h"
#include "util/hex.h"

namespace lagan::cli {
namespace {

// One that nobody uses.
std::string test_folder() {
  std::array<std::byte, 8> random;
  system_random(random);
  return "test-" + to_hex(random) + "/";
}

std::string yes_or_no(bool is_so) { return is_so ? "yes" : "no"; }

void say_report(Context& context, const SelfTestReport& report) {
  const auto line = [&](std::string_view what, const std::string& value) {
    context.say(fmt::format("{:30}{}", what, value));
  };
  context.say("");
  line("round trip", fmt::format("{:.1f} ms", report.round_trip_ms));
  line("upload, one at a time",
       format_bytes(static_cast<std::uint64_t>(report.upload_bytes_per_second)) + "/s");
  line("download, one at a time",
       format_bytes(static_cast<std::uint64_t>(report.download_bytes_per_second)) + "/s");
  line("calls at a time", fmt::format("{}", report.capabilities.parallel));
  line("uploads proven by the service", yes_or_no(report.capabilities.put_is_verified));
  line("tells when objects were put", yes_or_no(report.tells_times));
  line("lets objects be removed", yes_or_no(report.can_remove));
  if (report.left_objects)
    context.warn(fmt::format("what was put below {} could not be removed", report.folder));
  context.say(report.is_sound() ? "\nA repository can live there."
                                : "\nA repository would not be safe there.");
}

Json report_json(const Storage& storage, const SelfTestReport& report) {
  Json steps = Json::array();
  for (const SelfTestStep& step : report.steps)
    steps.push_back(
        {{"claim", step.claim}, {"holds", step.failure.empty()}, {"error", step.failure}});
  return {{"message_type", "storage_test"},
          {"location", storage.description()},
          {"sound", report.is_sound()},
          {"steps", std::move(steps)},
          {"round_trip_ms", report.round_trip_ms},
          {"upload_bytes_per_second", report.upload_bytes_per_second},
          {"download_bytes_per_second", report.download_bytes_per_second},
          {"parallel", report.capabilities.parallel},
          {"put_is_verified", report.capabilities.put_is_verified},
          {"tells_times", report.tells_times},
          {"can_remove", report.can_remove},
          {"left_objects", report.left_objects}};
}

Result<int> test_storage(Context& context) {
  const auto storage = TRY(context.open_location());
  TRY(storage->create());
  const auto tell = [&](const SelfTestStep& step) {
    const bool holds = step.failure.empty();
    context.say(fmt::format("{:8}{}{}{}", holds ? "ok" : "FAILED", step.claim, holds ? "" : ": ",
                            step.failure));
  };
  const SelfTestReport report = TRY(self_test(*storage, test_folder(), tell));
  for (const std::string& place : local_folders(TRY(context.location())))
    remove_empty_folders(fmt::format("{}/{}", place, report.folder));
  if (context.globals.json) context.print_json(report_json(*storage, report));
  say_report(context, report);
  return report.is_sound() ? kOk : kFailed;
}

}  // namespace

void add_storage(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("storage", "places where repositories can be");
  command->require_subcommand(1);
  CLI::App* test = command->add_subcommand("test", "try whether a place is fit for a repository");
  test->add_option("LOCATION", context.globals.repository,
                   "the place, which is made if it is missing; without it that of -r");
  test->callback([&context] {
    context.run = [&context] {
      const auto done = test_storage(context);
      return done ? *done : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
