// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/install.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "src/schedule/command.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr Nanoseconds kTimeout = Nanoseconds{60} * 1'000'000'000;

Result<std::string> unit_folder(const TimerOptions& options) {
  if (options.is_system) return "/etc/systemd/system";
  const char* base = std::getenv("XDG_CONFIG_HOME");
  if (base != nullptr && *base != '\0') return std::string(base) + "/systemd/user";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return std::string(home) + "/.config/systemd/user";
  return fail(ErrorCode::invalid_argument, "there is no folder for units of systemd: set HOME");
}

Result<CommandOutcome> ask(std::vector<std::string> words, std::string input = "") {
  CommandOrder order;
  order.words = std::move(words);
  order.input = std::move(input);
  order.timeout = kTimeout;
  order.variables = {{"LC_ALL", "C"}};  // so that its answers are known
  return run_command(order);
}

// execvp(3) found none, and nobody could say so.
bool is_missing(const CommandOutcome& outcome) {
  return outcome.exit_code == 127 && outcome.errors.empty();
}

tl::unexpected<Error> refuse(const std::string& line, const CommandOutcome& outcome) {
  std::string why = outcome.errors;
  while (why.ends_with('\n')) why.pop_back();
  if (why.empty()) why = fmt::format("ended with status {}", outcome.exit_code);
  if (is_missing(outcome)) why = "there is no such program";
  if (outcome.was_late) why = "it did not end in time";
  return fail(ErrorCode::unavailable, fmt::format("{}: {}", line, why));
}

Result<void> tell(std::vector<std::string> words, std::string input = "") {
  const std::string line = fmt::format("{}", fmt::join(words, " "));
  const CommandOutcome outcome = TRY(ask(std::move(words), std::move(input)));
  if (outcome.exit_code == 0) return {};
  return refuse(line, outcome);
}

std::vector<std::string> systemctl(const TimerOptions& options, std::vector<std::string> words) {
  if (!options.is_system) words.insert(words.begin(), "--user");
  words.insert(words.begin(), "systemctl");
  return words;
}

// Empty if there is none yet, or no cron at all. What else keeps us from reading all of it is an
// error, for nothing but what was read is written back.
Result<std::string> crontab() {
  const CommandOutcome outcome = TRY(ask({"crontab", "-l"}));
  if (outcome.was_cut) {
    return fail(ErrorCode::invalid_argument,
                "crontab -l: it is longer than 64 KiB: add what --crontab --print shows yourself");
  }
  if (outcome.exit_code == 0) return outcome.output;
  // As most say it, and as busybox does.
  for (const char* none : {"no crontab for ", "No such file or directory"}) {
    if (outcome.errors.find(none) != std::string::npos) return "";
  }
  if (is_missing(outcome)) return "";
  return refuse("crontab -l", outcome);
}

Result<bool> change_crontab(const std::string& profile, const std::vector<std::string>& lines) {
  const std::string before = TRY(crontab());
  const std::string after = TRY(edit_crontab(before, profile, lines));
  if (after == before) return false;
  TRY(tell({"crontab", "-"}, after));
  return true;
}

Result<std::vector<std::string>> install_units(const Profile& profile,
                                               const TimerOptions& options) {
  const std::string folder = TRY(unit_folder(options));
  TRY(make_directories(folder, 0755));
  std::vector<std::string> done;
  for (const UnitFile& unit : systemd_units(profile, options)) {
    const std::string path = folder + "/" + unit.name;
    const auto before = read_file(path, kFileMax);
    if (before && as_text(*before) == unit.text) continue;
    TRY(replace_file(path, as_bytes(unit.text)));
    // As units are: for everybody to read.
    if (::chmod(path.c_str(), 0644) != 0) return fail(system_error(path, errno));
    done.push_back("wrote " + path);
  }
  TRY(tell(systemctl(options, {"daemon-reload"})));
  TRY(tell(systemctl(options, {"enable", "--now", timer_name(profile.name)})));
  return done;
}

}  // namespace

bool has_systemd() { return ::access("/run/systemd/system", F_OK) == 0; }

std::string printed(const Profile& profile, const TimerOptions& options, Starter starter) {
  if (starter == Starter::crontab)
    return edit_crontab("", profile.name, crontab_lines(profile, options)).value_or("");
  std::string text;
  const std::string folder = unit_folder(options).value_or("");
  for (const UnitFile& unit : systemd_units(profile, options))
    text += fmt::format("# {}/{}\n{}\n", folder, unit.name, unit.text);
  return text;
}

Result<std::vector<std::string>> install(const Profile& profile, const TimerOptions& options,
                                         Starter starter) {
  if (starter == Starter::systemd) return install_units(profile, options);
  if (TRY(change_crontab(profile.name, crontab_lines(profile, options))))
    return std::vector<std::string>{profile.name + ": written into the crontab"};
  return std::vector<std::string>();
}

Result<std::vector<std::string>> remove(const std::string& profile, const TimerOptions& options) {
  std::vector<std::string> done;
  const std::string folder = TRY(unit_folder(options));
  const std::string timer = folder + "/" + timer_name(profile);
  if (::access(timer.c_str(), F_OK) == 0) {
    // What systemd has not loaded cannot be disabled; the files go all the same.
    const auto disabled = tell(systemctl(options, {"disable", "--now", timer_name(profile)}));
    for (const std::string& path : {timer, folder + "/lagan-" + profile + ".service"}) {
      if (::unlink(path.c_str()) == 0) done.push_back("removed " + path);
    }
    const auto reloaded = tell(systemctl(options, {"daemon-reload"}));
    for (const auto& each : {disabled, reloaded}) {
      if (!each) done.push_back(each.error().message);
    }
  }
  const std::string packaged = "lagan@" + profile + ".timer";
  if (::access((folder + "/timers.target.wants/" + packaged).c_str(), F_OK) == 0) {
    const auto disabled = tell(systemctl(options, {"disable", "--now", packaged}));
    done.push_back(disabled ? "disabled " + packaged : disabled.error().message);
  }
  const auto current = crontab();
  if (!current) done.push_back(current.error().message);
  const auto in_crontab = crontab_profiles(current.value_or(""));
  if (std::ranges::find(in_crontab, profile) != in_crontab.end() &&
      TRY(change_crontab(profile, {})))
    done.push_back(profile + ": removed from the crontab");
  return done;
}

Result<std::vector<Installed>> list_installed(const TimerOptions& options,
                                              std::vector<std::string>& unknown) {
  std::vector<Installed> found;
  const auto add_timers = [&](const std::string& folder, std::string_view start) {
    constexpr std::string_view kEnd = ".timer";
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (open == nullptr && errno != ENOENT && errno != ENOTDIR)
      unknown.push_back(system_error(folder, errno).message);
    while (const dirent* entry = open != nullptr ? ::readdir(open.get()) : nullptr) {
      const std::string name = entry->d_name;
      if (!name.starts_with(start) || !name.ends_with(kEnd)) continue;
      found.push_back({name.substr(start.size(), name.size() - start.size() - kEnd.size()),
                       Starter::systemd, "timer " + name, name});
    }
  };
  const std::string folder = TRY(unit_folder(options));
  add_timers(folder, "lagan-");
  // The package's, which 'systemctl enable' has put there.
  add_timers(folder + "/timers.target.wants", "lagan@");
  const auto lines = crontab();
  if (!lines) unknown.push_back(lines.error().message);
  for (const std::string& profile : crontab_profiles(lines.value_or("")))
    found.push_back({profile, Starter::crontab, "the crontab", ""});
  std::ranges::sort(found, {}, &Installed::profile);
  return found;
}

bool is_active(const Installed& installed, const TimerOptions& options) {
  if (installed.starter == Starter::crontab) return true;
  const auto asked = ask(systemctl(options, {"is-active", installed.unit}));
  return asked && asked->exit_code == 0;
}

Result<void> add_time_machine(const Profile& profile) {
  if (const Setting* said = profile.find("time-machine");
      said != nullptr && said->profile == profile.name) {
    return fail(ErrorCode::invalid_argument,
                said->origin.text() + ": time-machine = false stands here: make it true");
  }
  // Not the link to it.
  std::error_code error;
  const std::string file = std::filesystem::canonical(profile.origin.file, error).string();
  if (error) return fail(system_error(profile.origin.file, error.value()));
  const Bytes content = TRY(read_file(file, kFileMax));
  const std::string text(as_text(content));
  const std::string header = fmt::format("[profiles.{}]", profile.name);
  std::size_t at = 0;
  for (std::uint32_t line = 1; line < profile.origin.line && at != std::string::npos; ++line) {
    at = text.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  const std::size_t end = at == std::string::npos ? at : std::min(text.find('\n', at), text.size());
  if (at == std::string::npos || text.substr(at, header.size()) != header) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: there is no line {}: write time-machine = true yourself",
                            profile.origin.text(), header));
  }
  struct stat before {};
  if (::stat(file.c_str(), &before) != 0) return fail(system_error(file, errno));
  const std::string changed = text.substr(0, end) + "\ntime-machine = true" + text.substr(end);
  TRY(replace_file(file, as_bytes(changed)));
  const bool is_owner_kept = ::lchown(file.c_str(), before.st_uid, before.st_gid) == 0;
  const int owner_error = errno;
  if (::chmod(file.c_str(), before.st_mode & 07777) != 0) return fail(system_error(file, errno));
  if (!is_owner_kept) return fail(system_error(file, owner_error));
  return {};
}

}  // namespace lagan
