// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/timers.h"

#include <fmt/format.h>

#include <algorithm>

namespace lagan {
namespace {

constexpr std::string_view kBegin = "# lagan begin ", kEnd = "# lagan end ";

// A word of a unit, in which % means something; in ExecStart= so does $.
std::string systemd_word(const std::string& word, std::string_view doubled) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    if (doubled.find(c) != std::string_view::npos) out += c;
    out += c;
  }
  return out + '"';
}

// A word for the shell, in a crontab, in which % begins the input.
std::string cron_word(const std::string& word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+=:@").find(c) != std::string_view::npos;
  };
  if (std::ranges::all_of(word, is_plain)) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == '%') {
      out += "'\\%'";  // cron takes the backslash away, within quotes too
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::vector<std::string> run_words(const Profile& profile, const TimerOptions& options) {
  std::vector<std::string> words = {options.program};
  if (!options.config.empty()) words.insert(words.end(), {"--config", options.config});
  words.insert(words.end(), {"run", profile.name});
  return words;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::vector<Calendar> wake_ups(const Profile& profile) {
  std::vector<Calendar> found;
  const auto add = [&](const Calendar& calendar) {
    const auto same = [&](const Calendar& other) { return other.cron() == calendar.cron(); };
    if (std::ranges::none_of(found, same)) found.push_back(calendar);
  };
  if (const auto hourly = Calendar::parse("hourly")) add(*hourly);
  for (const char* key : {"schedule", "prune.schedule", "check.schedule"}) {
    const auto calendar = profile.schedule(key);
    // At full hours it is started anyway.
    const auto is_full_hour = [](const std::string& line) { return line.starts_with("0 "); };
    if (calendar && !std::ranges::all_of(calendar->cron(), is_full_hour)) add(*calendar);
  }
  return found;
}

std::string timer_name(const std::string& profile) { return "lagan-" + profile + ".timer"; }

std::vector<UnitFile> systemd_units(const Profile& profile, const TimerOptions& options) {
  std::string command;
  for (const std::string& word : run_words(profile, options)) {
    command += (command.empty() ? "" : " ") + systemd_word(word, "%$");
  }
  std::string service = fmt::format(
      "# Made by 'lagan schedule install'; changes belong into a drop-in (systemctl edit).\n"
      "[Unit]\nDescription=Backup of profile {} with lagan\nDocumentation=man:lagan-run(1)\n",
      profile.name);
  // There is no such target for users.
  if (options.is_system) service += "Wants=network-online.target\nAfter=network-online.target\n";
  // 3: some files could not be read; 11: it is running already.
  service +=
      fmt::format("\n[Service]\nType=oneshot\nExecStart={}\nSuccessExitStatus=3 11\n", command);
  for (const auto& [name, value] : options.variables)
    service += fmt::format("Environment={}\n", systemd_word(name + "=" + value, "%"));
  std::string timer = fmt::format(
      "# Made by 'lagan schedule install'.\n[Unit]\nDescription=Backups of profile {} with lagan\n"
      "\n[Timer]\n",
      profile.name);
  for (const Calendar& calendar : wake_ups(profile)) {
    for (const std::string& line : calendar.systemd()) timer += "OnCalendar=" + line + "\n";
  }
  // What was missed while the machine was off is made up for; many machines do not start at once.
  timer +=
      "Persistent=true\nRandomizedDelaySec=120\nAccuracySec=30\n\n[Install]\nWantedBy=timers."
      "target\n";
  return {{"lagan-" + profile.name + ".service", service}, {timer_name(profile.name), timer}};
}

std::vector<std::string> crontab_lines(const Profile& profile, const TimerOptions& options) {
  std::vector<std::string> words = run_words(profile, options);
  // Cron mails whatever is said: only what went wrong shall be.
  words.insert(words.begin() + 1, "--quiet");
  std::string command;
  for (const auto& [name, value] : options.variables)
    command += (command.empty() ? "" : " ") + name + "=" + cron_word(value);
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + cron_word(word);
  std::vector<std::string> lines;
  for (const Calendar& calendar : wake_ups(profile)) {
    for (const std::string& when : calendar.cron()) lines.push_back(when + " " + command);
  }
  return lines;
}

Result<std::string> edit_crontab(const std::string& current, const std::string& profile,
                                 const std::vector<std::string>& lines) {
  const std::string begin = std::string(kBegin) + profile, end = std::string(kEnd) + profile;
  std::string text;
  bool is_ours = false;
  for (const std::string& line : lines_of(current)) {
    if (is_ours && line.starts_with(kBegin)) break;
    if (line == begin) is_ours = true;
    if (!is_ours) text += line + "\n";
    if (line == end) is_ours = false;
  }
  if (is_ours) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the crontab has '{}', and no '{}' behind it: mend it with 'crontab -e'", begin,
                    end));
  }
  if (lines.empty()) return text;
  return fmt::format("{}{}\n{}\n{}\n", text, begin, fmt::join(lines, "\n"), end);
}

std::vector<std::string> crontab_profiles(const std::string& current) {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(current)) {
    if (line.starts_with(kBegin)) found.push_back(line.substr(kBegin.size()));
  }
  return found;
}

}  // namespace lagan
