// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/profile_file.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace lagan {
namespace {

class FlatReader {
 public:
  FlatReader(std::string file, ProfileText& into) : file_(std::move(file)), into_(into) {}

  Result<void> read(const toml::table& table, const std::string& above) {
    for (const auto& [name, value] : table) {
      const std::string key(name.str());
      TRY(check_name(key, value));
      const std::string path = above.empty() ? key : above + "." + key;
      if (const toml::table* below = value.as_table()) {
        TRY(read(*below, path));
      } else {
        into_.settings[path] = TRY(setting(path, value));
      }
    }
    return {};
  }

  Origin origin(const toml::node& node) const { return {file_, node.source().begin.line}; }

  tl::unexpected<Error> refuse(const toml::node& node, const std::string& what) const {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", origin(node).text(), what));
  }

  // A dot in a name would be taken for the border of a table.
  Result<void> check_name(const std::string& name, const toml::node& node) const {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    if (!name.empty() && std::ranges::all_of(name, is_plain)) return {};
    return refuse(node, fmt::format("'{}': names consist of letters, digits, '-' and '_'", name));
  }

 private:
  Result<Setting> setting(const std::string& path, const toml::node& value) const {
    Setting found;
    found.origin = origin(value);
    found.profile = into_.name;
    if (const toml::array* list = value.as_array()) {
      found.kind = Setting::Kind::list;
      for (const toml::node& each : *list) {
        const Setting one = TRY(scalar(path, each));
        found.values.push_back(one.values.front());
      }
      return found;
    }
    Setting one = TRY(scalar(path, value));
    found.kind = one.kind;
    found.values = std::move(one.values);
    return found;
  }

  Result<Setting> scalar(const std::string& path, const toml::node& value) const {
    Setting found;
    if (const auto* text = value.as_string()) {
      found.values = {text->get()};
    } else if (const auto* number = value.as_integer()) {
      found.kind = Setting::Kind::number;
      found.values = {fmt::format("{}", number->get())};
    } else if (const auto* flag = value.as_boolean()) {
      found.kind = Setting::Kind::boolean;
      found.values = {flag->get() ? "true" : "false"};
    } else {
      return refuse(value, fmt::format("profiles.{}.{}: expected a text in quotes, a whole number, "
                                       "true or false, or a list of these",
                                       into_.name, path));
    }
    return found;
  }

  const std::string file_;
  ProfileText& into_;
};

}  // namespace

std::string Origin::text() const { return line == 0 ? file : fmt::format("{}:{}", file, line); }

Result<std::vector<ProfileText>> parse_profile_file(std::string_view text,
                                                    const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}:{}: this is no TOML: {}", file, error.source().begin.line,
                            error.description()));
  }
  std::vector<ProfileText> profiles;
  for (const auto& [top, tables] : parsed.table()) {
    ProfileText nameless;
    const FlatReader outside(file, nameless);
    if (top.str() != "profiles" || !tables.is_table()) {
      return outside.refuse(
          tables, fmt::format("'{}': expected only tables like [profiles.home]", top.str()));
    }
    for (const auto& [name, table] : *tables.as_table()) {
      ProfileText profile;
      profile.name = std::string(name.str());
      FlatReader reader(file, profile);
      TRY(reader.check_name(profile.name, table));
      if (!table.is_table()) {
        return outside.refuse(
            table, fmt::format("profiles.{0}: expected a table [profiles.{0}]", profile.name));
      }
      profile.origin = reader.origin(table);
      TRY(reader.read(*table.as_table(), ""));
      profiles.push_back(std::move(profile));
    }
  }
  std::ranges::sort(profiles, {}, [](const ProfileText& one) { return one.origin.line; });
  return profiles;
}

}  // namespace lagan
