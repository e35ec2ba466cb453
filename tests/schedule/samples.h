// SPDX-License-Identifier: Apache-2.0
#pragma once

// Profiles for tests, and flags for them to have.

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "src/schedule/profile.h"
#include "tests/util/temporary_folder.h"

namespace lagan {

inline KnownFlags some_flags() {
  const auto is_count = [](const std::string& text) -> Result<void> {
    if (text.find_first_not_of("0123456789") == std::string::npos) return {};
    return fail(ErrorCode::invalid_argument, "expected a number, not '" + text + "'");
  };
  KnownFlags flags;
  flags.global = {{"repository-file", KeyKind::text, nullptr},
                  {"insecure-no-password", KeyKind::boolean, nullptr},
                  {"password-file", KeyKind::text, nullptr},
                  {"password-command", KeyKind::text, nullptr},
                  {"limit-upload", KeyKind::value, nullptr}};
  flags.backup = {{"files-from", KeyKind::list, nullptr, true},
                  {"exclude", KeyKind::list, nullptr},
                  {"iexclude", KeyKind::list, nullptr},
                  {"exclude-caches", KeyKind::boolean, nullptr},
                  {"tag", KeyKind::list, nullptr}};
  flags.forget = {{"keep-daily", KeyKind::value, is_count},
                  {"keep-time-machine", KeyKind::boolean, nullptr}};
  return flags;
}

inline Environment some_environment() {
  return [](const std::string& name) { return name == "HOME" ? "/home/anna" : nullptr; };
}

// A folder of files with profiles.
class Folder {
 public:
  std::string path() const { return folder_.path().string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path() + "/" + name) << text;
  }
  Configuration load() const {
    return load_configuration(profile_files({path()}), some_flags(), some_environment());
  }
  // The only one, without the folder.
  std::string problem() const {
    const Configuration loaded = load();
    REQUIRE(loaded.problems.size() == 1);
    REQUIRE(loaded.problems[0].starts_with(path() + "/"));
    return loaded.problems[0].substr(path().size() + 1);
  }

 private:
  TemporaryFolder folder_;
};

// One without mistakes; the first, or that of this name.
inline Profile sample_profile(const std::string& text, const std::string& name = "") {
  const Folder folder;
  folder.write("p.toml", text);
  const Configuration loaded = folder.load();
  for (const std::string& problem : loaded.problems) FAIL(problem);
  return name.empty() ? loaded.profiles.front() : *loaded.find(name);
}

}  // namespace lagan
