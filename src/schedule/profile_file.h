// SPDX-License-Identifier: Apache-2.0
#pragma once

// Profiles as they stand in a TOML file: names, keys and values, each with its line. Knows TOML,
// and no key: what they mean is profile.h's business.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace lagan {

struct Origin {
  std::string file;
  std::uint32_t line = 0;    // 0: `file` is no file but the name of a preset
  std::string text() const;  // "home.toml:12"
};

// One value, or several. Numbers and booleans are written out: "30", "true".
struct Setting {
  enum class Kind { text, number, boolean, list };
  Kind kind = Kind::text;
  std::vector<std::string> values;  // exactly one, unless it is a list
  Origin origin;
  std::string profile;  // where it stands, which may be one that is inherited from
};

// Tables are flattened: "retention.keep-daily".
using Settings = std::map<std::string, Setting>;

struct ProfileText {
  std::string name;
  Origin origin;
  Settings settings;
};

// `file` is what messages call it. An error begins with file and line.
Result<std::vector<ProfileText>> parse_profile_file(std::string_view text, const std::string& file);

}  // namespace lagan
