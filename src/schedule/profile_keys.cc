// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/profile_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "src/schedule/calendar.h"
#include "util/duration.h"
#include "util/suggest.h"

namespace lagan {
namespace {

std::vector<std::string> components(const std::string& key) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t end = std::min(key.find('.', at), key.size());
    parts.push_back(key.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// A timer starts it in no folder that anybody could mean.
Result<void> check_absolute(const std::string& text) {
  if (text.starts_with('/')) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("expected a path that begins with / or ~/, not '{}'", text));
}

Result<void> check_given(const std::string& text) {
  if (!text.empty()) return {};
  return fail(ErrorCode::invalid_argument, "expected a text that is not empty");
}

// No command takes `--tag=`, and who writes an empty text often has a variable that is missing.
ValueCheck given(ValueCheck check) {
  return [check = std::move(check)](const std::string& text) -> Result<void> {
    TRY(check_given(text));
    return check ? check(text) : Result<void>();
  };
}

Result<void> check_url(const std::string& text) {
  const std::size_t host = text.find("://") + 3;
  const bool is_web = text.starts_with("http://") || text.starts_with("https://");
  if (is_web && text.find_first_of("/?# ", host) != host && host < text.size()) return {};
  // Not what it is: it is a secret.
  return fail(ErrorCode::invalid_argument, "expected a URL that begins with https:// or http://");
}

Result<void> check_schedule(const std::string& text) {
  TRY(Calendar::parse(text));
  return {};
}

Result<void> check_duration(const std::string& text) {
  TRY(parse_duration(text));
  return {};
}

ValueCheck one_of(std::vector<std::string> words) {
  return [words = std::move(words)](const std::string& text) -> Result<void> {
    if (std::ranges::find(words, text) != words.end()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("expected one of {}, not '{}'", fmt::join(words, ", "), text));
  };
}

ValueCheck number_between(int least, int most) {
  return [=](const std::string& text) -> Result<void> {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= least &&
        number <= most)
      return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("expected {} to {}, not {}", least, most, text));
  };
}

std::string expectation(KeyKind kind) {
  switch (kind) {
    case KeyKind::text:
      return "a text in quotes";
    case KeyKind::number:
      return "a whole number";
    case KeyKind::boolean:
      return "true or false";
    case KeyKind::value:
      return "a text in quotes or a number";
    case KeyKind::list:
      return "a list of texts in quotes";
  }
  return {};
}

bool fits(KeyKind kind, Setting::Kind given) {
  switch (kind) {
    case KeyKind::text:
      return given == Setting::Kind::text;
    case KeyKind::number:
      return given == Setting::Kind::number;
    case KeyKind::boolean:
      return given == Setting::Kind::boolean;
    case KeyKind::value:
      return given == Setting::Kind::text || given == Setting::Kind::number;
    case KeyKind::list:
      return given == Setting::Kind::text || given == Setting::Kind::list;
  }
  return false;
}

}  // namespace

std::string subject_of(const std::string& key) {
  std::vector<std::string> path = components(key);
  const std::size_t table = path.front() == "repositories" ? 2 : 0;
  if (path.size() > table + 1 && path[table] == "environment") path.resize(table + 2);
  if (path.size() == table + 1) {
    std::string& name = path.back();
    if (name == "repo" || name == "repository-file") name = "repository";
    if (name.starts_with("password-") || name == "insecure-no-password") name = "password";
  }
  return fmt::format("{}", fmt::join(path, "."));
}

bool is_off(const Setting& setting) {
  return setting.kind == Setting::Kind::boolean && setting.values.front() == "false";
}

void put_setting(Settings& into, const std::string& key, const Setting& setting) {
  if (!is_off(setting)) {
    const std::string subject = subject_of(key);
    std::erase_if(into, [&](const auto& other) { return subject_of(other.first) == subject; });
  }
  into[key] = setting;
}

ProfileKeys::ProfileKeys(const KnownFlags& flags) {
  add("inherit", KeyKind::list);
  add("repository", KeyKind::text, given(flags.location));
  add("sources", KeyKind::list, check_absolute);
  add("schedule", KeyKind::text, check_schedule);
  add("time-machine", KeyKind::boolean);
  add("insecure-inline-secrets", KeyKind::boolean);
  add("password", KeyKind::text);
  add("password-credential", KeyKind::text);
  add_flags("", flags.global);
  add_flags("", flags.backup);

  add("repositories.*.repository", KeyKind::text, given(flags.location));
  add("repositories.*.password", KeyKind::text);
  add("repositories.*.password-credential", KeyKind::text);
  add_flags("repositories.*.", flags.global);

  add_commands("dumps.*.command", KeyKind::text);
  add("dumps.*.filename", KeyKind::text);
  add("dumps.*.timeout", KeyKind::text, check_duration);

  add_flags("retention.", flags.forget);
  add("prune.schedule", KeyKind::text, check_schedule);
  add("prune.timeout", KeyKind::text, check_duration);
  add_flags("prune.", flags.prune);
  add("check.schedule", KeyKind::text, check_schedule);
  add("check.timeout", KeyKind::text, check_duration);
  add_flags("check.", flags.check);

  add("limits.nice", KeyKind::number, number_between(-20, 19));
  add("limits.ionice", KeyKind::text, one_of({"idle", "best-effort"}));
  add("limits.timeout", KeyKind::text, check_duration);
  add("limits.retries", KeyKind::number, number_between(0, 100));
  add("limits.retry-delay", KeyKind::text, check_duration);
  add("limits.wait-for-network", KeyKind::text, check_duration);
  add("limits.wait-for-power", KeyKind::text, check_duration);
  add("limits.keep-awake", KeyKind::boolean);
  std::vector<KnownFlag> speeds;
  std::ranges::copy_if(flags.global, std::back_inserter(speeds),
                       [](const KnownFlag& flag) { return flag.name.starts_with("limit-"); });
  add_flags("limits.", speeds);

  for (const char* step : {"", "backup.", "forget.", "prune.", "check."}) {
    for (const char* when : {"before", "after", "failed", "finally"})
      add_commands(fmt::format("hooks.{}{}", step, when), KeyKind::list);
  }
  add("hooks.on-failure", KeyKind::text, one_of({"stop", "continue"}));
  add("hooks.timeout", KeyKind::text, check_duration);

  add("notify.url", KeyKind::text, check_url);
  add("notify.mail", KeyKind::text, check_given);
  add_commands("notify.command", KeyKind::text);
  add("notify.desktop", KeyKind::boolean);
  add("notify.metrics-file", KeyKind::text, check_absolute);
  add("notify.on", KeyKind::text, one_of({"failure", "always"}));
  add("notify.repeat", KeyKind::text, check_duration);
  add("log.file", KeyKind::text, check_absolute);
  add("log.journal", KeyKind::boolean);

  for (const char* above : {"", "repositories.*."}) {
    add(fmt::format("{}environment.*", above), KeyKind::text);
    add(fmt::format("{}environment.*.file", above), KeyKind::text);
    keys_.back().is_file = true;
    add_commands(fmt::format("{}environment.*.command", above), KeyKind::text);
    add(fmt::format("{}environment.*.credential", above), KeyKind::text);
  }
}

void ProfileKeys::add(const std::string& path, KeyKind kind, ValueCheck check) {
  keys_.push_back({components(path), kind, std::move(check), false});
}

void ProfileKeys::add_commands(const std::string& path, KeyKind kind) {
  keys_.push_back({components(path), kind, nullptr, true});
}

void ProfileKeys::add_flags(const std::string& table, const std::vector<KnownFlag>& flags) {
  for (const KnownFlag& flag : flags) {
    if (flag.name.ends_with("-command")) {
      add_commands(table + flag.name, KeyKind::text);
    } else {
      add(table + flag.name, flag.kind, given(flag.check));
      keys_.back().is_file = flag.is_file;
    }
  }
}

const ProfileKeys::Key* ProfileKeys::find(const std::string& key) const {
  const auto path = components(key);
  const auto found = std::ranges::find_if(keys_, [&](const Key& known) {
    return std::ranges::equal(known.path, path, [](const std::string& a, const std::string& b) {
      return a == "*" || a == b;
    });
  });
  return found != keys_.end() ? &*found : nullptr;
}

bool ProfileKeys::is_substituted(const std::string& key) const {
  const Key* known = find(key);
  return known == nullptr || !known->is_command;
}

bool ProfileKeys::names_file(const std::string& key) const {
  const Key* known = find(key);
  return known != nullptr && known->is_file;
}

std::string ProfileKeys::unknown(const std::string& key) const {
  const auto path = components(key);
  std::vector<std::string> candidates;
  for (const Key& known : keys_) {
    std::vector<std::string> named = known.path;
    for (std::size_t i = 0; i < std::min(named.size(), path.size()); ++i) {
      if (named[i] == "*") named[i] = path[i];
    }
    // The key is right, the table is not.
    if (named.size() != path.size() && known.path.back() == path.back() && path.back() != "*" &&
        std::ranges::find(known.path, "*") == known.path.end())
      return fmt::format("there is no such key; did you mean '{}'?", fmt::join(known.path, "."));
    candidates.push_back(fmt::format("{}", fmt::join(named, ".")));
  }
  const std::string meant = closest(key, candidates);
  return meant.empty() ? "there is no such key; 'lagan help config' says where they are listed"
                       : fmt::format("there is no such key; did you mean '{}'?", meant);
}

std::optional<std::string> ProfileKeys::problem(const std::string& key,
                                                const Setting& setting) const {
  const Key* known = find(key);
  if (known == nullptr) return unknown(key);
  if (!fits(known->kind, setting.kind)) {
    const std::string given = setting.kind == Setting::Kind::list
                                  ? "a list"
                                  : fmt::format("'{}'", setting.values.front());
    return fmt::format("expected {}, not {}", expectation(known->kind), given);
  }
  for (const std::string& value : setting.values) {
    // No program can be given such a word.
    if (value.find('\0') != std::string::npos) return "a text cannot hold a NUL";
    if (!known->check) continue;
    if (const auto checked = known->check(value); !checked) return checked.error().message;
  }
  return std::nullopt;
}

}  // namespace lagan
