// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/profile.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "util/duration.h"
#include "util/file.h"
#include "util/suggest.h"

namespace lagan {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// `${NAME}`, `${NAME:-instead}`; `$$` is a dollar; `~/` at the beginning is the home folder.
Result<std::string> substitute(const std::string& text, const Environment& environment) {
  std::string out;
  const char* home = environment("HOME");
  const bool is_in_home = home != nullptr && (text == "~" || text.starts_with("~/"));
  if (is_in_home) out = home;
  for (std::size_t at = is_in_home ? 1 : 0; at < text.size(); ++at) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (rest.starts_with("$$")) ++at;
    if (!rest.starts_with("${")) {
      out += text[at];
      continue;
    }
    const std::size_t end = rest.find('}');
    if (end == std::string_view::npos)
      return fail(ErrorCode::invalid_argument, "'${' has no '}'; a dollar is written $$");
    const std::string inside(rest.substr(2, end - 2));
    const std::size_t instead = inside.find(":-");
    const std::string name = inside.substr(0, instead);
    const char* value = environment(name);
    if (value == nullptr && instead == std::string::npos) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("the environment has no {0}; set it, or write ${{{0}:-something}}", name));
    }
    out += value != nullptr ? std::string(value) : inside.substr(instead + 2);
    at += end;
  }
  return out;
}

class Loader {
 public:
  Loader(const KnownFlags& flags, const Environment& environment)
      : keys_(flags), environment_(environment) {}

  Configuration load(const std::vector<std::string>& files) {
    loaded_.files = files;
    for (const std::string& file : files) read(file);
    for (const auto& [name, text] : texts_) check(text);
    for (const auto& [name, text] : texts_) loaded_.profiles.push_back(resolve(text));
    for (const Profile& profile : loaded_.profiles) check_whole(profile);
    return std::move(loaded_);
  }

 private:
  void complain(const Origin& where, const std::string& profile, const std::string& key,
                const std::string& what) {
    loaded_.problems.push_back(fmt::format("{}: profiles.{}{}{}: {}", where.text(), profile,
                                           key.empty() ? "" : ".", key, what));
  }

  void read(const std::string& file) {
    const auto content = read_file(file, kFileMax);
    if (!content) {
      loaded_.problems.push_back(content.error().message);
      return;
    }
    auto profiles = parse_profile_file(as_text(*content), file);
    if (!profiles) {
      loaded_.problems.push_back(profiles.error().message);
      return;
    }
    for (ProfileText& profile : *profiles) {
      const auto before = texts_.find(profile.name);
      if (before != texts_.end() && folder_of(before->second.origin.file) == folder_of(file)) {
        complain(profile.origin, profile.name, "",
                 "there is another profile of this name at " + before->second.origin.text());
      }
      texts_[profile.name] = std::move(profile);
    }
  }

  void check(ProfileText profile) {
    const auto allowed = profile.settings.find("insecure-inline-secrets");
    const bool may_be_inline = allowed != profile.settings.end() &&
                               allowed->second.values == std::vector<std::string>{"true"};
    std::map<std::string, std::string> said;  // subjects, and by which key
    for (auto& [key, setting] : profile.settings) {
      if (!is_off(setting)) {
        const auto [other, is_new] = said.try_emplace(subject_of(key), key);
        if (!is_new) {
          complain(setting.origin, profile.name, key,
                   fmt::format("expected only one of {} and {}", other->second, key));
        }
      }
      if (keys_.is_substituted(key)) {
        for (std::string& value : setting.values) {
          auto replaced = substitute(value, environment_);
          if (!replaced) complain(setting.origin, profile.name, key, replaced.error().message);
          if (replaced) value = *std::move(replaced);
        }
      }
      if (const auto problem = keys_.problem(key, setting)) {
        complain(setting.origin, profile.name, key, *problem);
      } else if (is_location_key(key) && !may_be_inline &&
                 without_passwords(setting.values.front()) != setting.values.front()) {
        complain(
            setting.origin, profile.name, key,
            "expected no password in this location: use repository-file, or the variables that "
            "its service takes, or allow it with insecure-inline-secrets = true");
      } else if (is_secret_key(key) && !may_be_inline) {
        complain(
            setting.origin, profile.name, key,
            key.ends_with("password")
                ? "expected no password in this file: use password-file, password-command or "
                  "password-credential, or allow it with insecure-inline-secrets = true"
                : fmt::format("expected no secret in this file: use {0}.file, {0}.command or "
                              "{0}.credential, or allow it with insecure-inline-secrets = true",
                              key));
      }
    }
    texts_[profile.name] = std::move(profile);
  }

  Profile resolve(const ProfileText& text) {
    Profile profile;
    profile.name = text.name;
    profile.origin = text.origin;
    std::set<std::string> path;
    inherit(text, path, profile.settings);
    if (profile.flag("time-machine")) apply_time_machine(profile);
    apply_defaults(profile);
    return profile;
  }

  // What is inherited first, so that the profile itself has the last word.
  void inherit(const ProfileText& text, std::set<std::string>& path, Settings& into) {
    path.insert(text.name);
    if (const auto from = text.settings.find("inherit"); from != text.settings.end()) {
      for (const std::string& name : from->second.values) {
        parents_.insert(name);
        const auto parent = texts_.find(name);
        if (parent == texts_.end()) {
          complain(from->second.origin, text.name, "inherit",
                   fmt::format("there is no profile '{}'", name));
        } else if (path.contains(name)) {
          complain(from->second.origin, text.name, "inherit",
                   fmt::format("'{}' inherits from itself", name));
        } else {
          inherit(parent->second, path, into);
        }
      }
    }
    for (const auto& [key, setting] : text.settings) {
      if (key != "inherit") put_setting(into, key, setting);
    }
    path.erase(text.name);
  }

  static void preset(Profile& profile, const std::string& key, const std::string& value,
                     Setting::Kind kind, const std::string& who) {
    profile.settings.try_emplace(key, Setting{kind, {value}, {who, 0}, profile.name});
  }

  static void apply_time_machine(Profile& profile) {
    const std::string who = "time-machine";
    preset(profile, "schedule", "hourly", Setting::Kind::text, who);
    preset(profile, "retention.keep-time-machine", "true", Setting::Kind::boolean, who);
    preset(profile, "prune.schedule", "daily", Setting::Kind::text, who);
    preset(profile, "check.schedule", "weekly", Setting::Kind::text, who);
  }

  static void apply_defaults(Profile& profile) {
    const auto has = [&](const std::string& table) {
      const auto at = profile.settings.lower_bound(table);
      return at != profile.settings.end() && at->first.starts_with(table);
    };
    const std::string who = "default";
    if (has("retention.") || has("prune."))
      preset(profile, "prune.schedule", "weekly", Setting::Kind::text, who);
    if (has("check.")) preset(profile, "check.schedule", "weekly", Setting::Kind::text, who);
  }

  // What nobody inherits from has to be whole, unless it is for other commands (-P) only.
  void check_whole(const Profile& profile) {
    if (parents_.contains(profile.name)) return;
    if (profile.has_source() || profile.find("schedule") != nullptr) {
      for (const std::string& name : profile.repositories()) {
        const std::string above = name.empty() ? "" : "repositories." + name + ".";
        if (profile.find(above + "repository") == nullptr &&
            profile.find(above + "repository-file") == nullptr)
          complain(profile.origin, profile.name, above + "repository",
                   "expected the location of a repository");
      }
    }
    if (profile.find("schedule") != nullptr && !profile.has_source())
      complain(profile.origin, profile.name, "sources", "expected what to back up");
    if (!profile.tables("retention").empty() && !has_policy(profile)) {
      complain(profile.origin, profile.name, "retention",
               "expected something to keep, as keep-daily = 7");
    }
    for (const std::string& name : profile.tables("dumps")) {
      if (profile.find("dumps." + name + ".command") == nullptr)
        complain(profile.origin, profile.name, "dumps." + name + ".command",
                 "expected the command whose output is saved");
    }
  }

  static bool has_policy(const Profile& profile) {
    return std::ranges::any_of(profile.settings, [](const auto& each) {
      const bool is_part = each.first.starts_with("retention.keep-") ||
                           each.first == "retention.max-size" ||
                           each.first == "retention.unsafe-allow-remove-all";
      return is_part && !is_off(each.second) && each.second.values != std::vector<std::string>{"0"};
    });
  }

  const ProfileKeys keys_;
  const Environment& environment_;
  std::map<std::string, ProfileText> texts_;
  std::set<std::string> parents_;
  Configuration loaded_;
};

}  // namespace

bool is_secret_key(const std::string& key) {
  if (key == "password" || key.ends_with(".password")) return true;
  const std::size_t variable = key.find("environment.");
  if (variable == std::string::npos) return false;
  const std::string name = key.substr(variable + 12);
  if (name.find('.') != std::string::npos) return false;
  if (name.ends_with("_KEY") || name.ends_with("_PASS")) return true;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"SECRET", "PASSWORD", "PASSPHRASE", "TOKEN"},
      [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

bool is_private_key(const std::string& key) { return is_secret_key(key) || key == "notify.url"; }

bool is_location_key(const std::string& key) {
  return key == "repository" || key.ends_with(".repository");
}

namespace {

std::string hide_passwords(std::string shown) {
  constexpr std::string_view kBegin = "://", kHidden = "***";
  for (std::size_t at = shown.find(kBegin); at != std::string::npos; at = shown.find(kBegin, at)) {
    at += kBegin.size();
    const std::string authority = shown.substr(at, shown.find_first_of("/?#&", at) - at);
    const std::size_t colon = authority.find(':'), end = authority.rfind('@');
    if (end != std::string::npos && colon < end)
      shown.replace(at + colon + 1, end - colon - 1, kHidden);
  }
  return shown;
}

// One location may hold others, with what begins and ends a password escaped.
std::string with_inner_locations(std::string location) {
  for (const auto& [escaped, plain] : {std::pair<std::string_view, char>{"%3A", ':'},
                                       {"%3a", ':'},
                                       {"%2F", '/'},
                                       {"%2f", '/'},
                                       {"%40", '@'}}) {
    for (std::size_t at = location.find(escaped); at != std::string::npos;
         at = location.find(escaped, at))
      location.replace(at, escaped.size(), 1, plain);
  }
  return location;
}

}  // namespace

std::string without_passwords(const std::string& location) {
  const std::string hidden = hide_passwords(location);
  if (!location.starts_with("hotcold:")) return hidden;
  const std::string plain = with_inner_locations(hidden);
  const std::string shown = hide_passwords(plain);
  return shown == plain ? hidden : shown;
}

const Setting* Profile::find(const std::string& key) const {
  const auto found = settings.find(key);
  return found != settings.end() ? &found->second : nullptr;
}

std::string Profile::text(const std::string& key, const std::string& fallback) const {
  const Setting* setting = find(key);
  return setting != nullptr && !setting->values.empty() ? setting->values.front() : fallback;
}

const std::vector<std::string>& Profile::list(const std::string& key) const {
  static const std::vector<std::string> kNone;
  const Setting* setting = find(key);
  return setting != nullptr ? setting->values : kNone;
}

bool Profile::flag(const std::string& key, bool fallback) const {
  return text(key, fallback ? "true" : "false") == "true";
}

int Profile::number(const std::string& key, int fallback) const {
  const Setting* setting = find(key);
  return setting != nullptr ? std::atoi(setting->values.front().c_str()) : fallback;
}

Nanoseconds Profile::duration(const std::string& key, const std::string& fallback) const {
  return parse_duration(text(key, fallback)).value_or(0);
}

std::optional<Calendar> Profile::schedule(const std::string& key) const {
  if (find(key) == nullptr) return std::nullopt;
  auto calendar = Calendar::parse(text(key));
  if (!calendar) return std::nullopt;
  return *std::move(calendar);
}

std::vector<std::string> Profile::tables(const std::string& above) const {
  std::vector<std::string> names;
  const std::string start = above + ".";
  for (auto at = settings.lower_bound(start); at != settings.end() && at->first.starts_with(start);
       ++at) {
    const std::string rest = at->first.substr(start.size());
    const std::string next = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != next) names.push_back(next);
  }
  return names;
}

std::vector<std::string> Profile::repositories() const {
  auto names = tables("repositories");
  return names.empty() ? std::vector<std::string>{""} : names;
}

bool Profile::has_files() const {
  return std::ranges::any_of(
      std::initializer_list<const char*>{"sources", "files-from", "files-from-verbatim",
                                         "files-from-raw"},
      [&](const char* key) { return !list(key).empty(); });
}

bool Profile::has_source() const { return has_files() || !tables("dumps").empty(); }

bool Profile::is_complete() const {
  return has_source() && (find("repository") != nullptr || find("repository-file") != nullptr ||
                          !tables("repositories").empty());
}

const Profile* Configuration::find(const std::string& name) const {
  const auto found = std::ranges::find(profiles, name, &Profile::name);
  return found != profiles.end() ? &*found : nullptr;
}

std::vector<std::string> Configuration::sharing_metrics(const Profile& profile) const {
  const std::string file = profile.text("notify.metrics-file");
  std::vector<std::string> others;
  for (const Profile& other : profiles) {
    if (!file.empty() && &other != &profile && other.text("notify.metrics-file") == file)
      others.push_back(other.name);
  }
  return others;
}

Result<const Profile*> Configuration::get(const std::string& name) const {
  if (const Profile* found = find(name)) return found;
  std::vector<std::string> names;
  for (const Profile& profile : profiles) names.push_back(profile.name);
  const std::string meant = closest(name, names);
  return fail(ErrorCode::invalid_argument,
              fmt::format("no profile is called '{}'; {}", name,
                          !meant.empty()  ? fmt::format("did you mean '{}'?", meant)
                          : names.empty() ? "'lagan help config' says where profiles are written"
                                          : fmt::format("there is {}", fmt::join(names, ", "))));
}

std::vector<std::string> profile_files(const std::vector<std::string>& folders) {
  std::vector<std::string> files;
  for (const std::string& folder : folders) {
    std::vector<std::string> here;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    while (const dirent* entry = open != nullptr ? ::readdir(open.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (name.ends_with(".toml") && !name.starts_with('.'))
        here.push_back(folder + "/" + std::string(name));
    }
    std::ranges::sort(here);
    files.insert(files.end(), here.begin(), here.end());
  }
  return files;
}

Configuration load_configuration(const std::vector<std::string>& files, const KnownFlags& flags,
                                 const Environment& environment) {
  return Loader(flags, environment).load(files);
}

std::vector<std::string> missing_files(const Configuration& loaded, const KnownFlags& flags) {
  const ProfileKeys keys(flags);
  std::vector<std::string> missing;
  for (const Profile& profile : loaded.profiles) {
    for (const auto& [key, setting] : profile.settings) {
      // What is inherited is told where it stands.
      if (!keys.names_file(key) || setting.profile != profile.name) continue;
      for (const std::string& path : setting.values) {
        // Standard input; and whoever may not look cannot say.
        if (path == "-" || ::access(path.c_str(), F_OK) == 0) continue;
        if (errno != ENOENT && errno != ENOTDIR) continue;
        missing.push_back(fmt::format("{}: profiles.{}.{}: there is no file '{}'",
                                      setting.origin.text(), profile.name, key, path));
      }
    }
  }
  return missing;
}

}  // namespace lagan
