// SPDX-License-Identifier: Apache-2.0
#pragma once

// Profiles with their inheritance, presets and environment variables resolved, and every mistake in
// them found. Opens nothing but the files of profiles.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/schedule/calendar.h"
#include "src/schedule/profile_file.h"
#include "src/schedule/profile_keys.h"

namespace lagan {

// The value of a variable, or null.
using Environment = std::function<const char*(const std::string&)>;

class Profile {
 public:
  std::string name;
  Origin origin;
  Settings settings;  // the effective ones

  const Setting* find(const std::string& key) const;
  // Null texts are empty.
  std::string text(const std::string& key, const std::string& fallback = "") const;
  const std::vector<std::string>& list(const std::string& key) const;
  bool flag(const std::string& key, bool fallback = false) const;
  int number(const std::string& key, int fallback) const;
  Nanoseconds duration(const std::string& key, const std::string& fallback) const;
  // Nothing if it never becomes due by itself.
  std::optional<Calendar> schedule(const std::string& key = "schedule") const;

  // The names of what lies below: of `repositories`, `dumps`.
  std::vector<std::string> tables(const std::string& above) const;
  // Those of `repositories`, or "" for the only one.
  std::vector<std::string> repositories() const;
  // Is there something to back up: files, or also dumps? And a repository as well?
  bool has_files() const;
  bool has_source() const;
  bool is_complete() const;
};

struct Configuration {
  std::vector<std::string> files;
  std::vector<Profile> profiles;  // by name
  std::vector<std::string>
      problems;  // "home.toml:12: profiles.home.exlude: there is no such key …"

  const Profile* find(const std::string& name) const;
  // Others whose metrics go into the same file.
  std::vector<std::string> sharing_metrics(const Profile& profile) const;
  // The profile, or the sentence that it is missing and what was meant.
  Result<const Profile*> get(const std::string& name) const;
};

// Is the value of this key itself a secret, by its name?
bool is_secret_key(const std::string& key);
// Is it nobody else's business? So are secrets, and what may stand in a file but not on a screen.
bool is_private_key(const std::string& key);
// Is its value the location of a repository, which may have a password in it?
bool is_location_key(const std::string& key);
// "davs://anna:***@host/path"
std::string without_passwords(const std::string& location);

// The *.toml files of each folder, by name; a folder that is missing has none.
std::vector<std::string> profile_files(const std::vector<std::string>& folders);

// Of profiles of one name those in later folders replace those in earlier ones; within a folder
// that is a mistake.
Configuration load_configuration(const std::vector<std::string>& files, const KnownFlags& flags,
                                 const Environment& environment);

// Values that name a file to be read which is not there now, in the words of problems: lists of
// patterns, password files. No mistakes of the profile: they may come before it is run.
std::vector<std::string> missing_files(const Configuration& loaded, const KnownFlags& flags);

}  // namespace lagan
