// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which keys a profile may have. Most are the long flags of the commands, which the caller names:
// so a flag has one meaning, wherever it is written.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/schedule/profile_file.h"

namespace lagan {

// Says what is wrong with a value.
using ValueCheck = std::function<Result<void>(const std::string&)>;

enum class KeyKind {
  text,
  number,
  boolean,
  value,  // a text or a number
  list,   // of texts; a single one may stand alone
};

struct KnownFlag {
  std::string name;  // "keep-daily"
  KeyKind kind = KeyKind::value;
  ValueCheck check;      // may be null
  bool is_file = false;  // names one that is read
};

// The flags of commands that make sense in a profile.
struct KnownFlags {
  std::vector<KnownFlag> global, backup, forget, prune, check;
  ValueCheck location;  // of a repository; may be null
};

// What a key says. Keys that say the same in different ways, of which one has to count, have one
// subject: that of `repository-file` is "repository", of `password-command` "password", of
// `environment.NAME.file` "environment.NAME". That of others is the key itself.
std::string subject_of(const std::string& key);
// The last word: replaces whatever says the same in another way.
void put_setting(Settings& into, const std::string& key, const Setting& setting);
// Is it a flag that is not meant?
bool is_off(const Setting& setting);

class ProfileKeys {
 public:
  explicit ProfileKeys(const KnownFlags& flags);

  // What is wrong with this setting, without saying where it stands.
  std::optional<std::string> problem(const std::string& key, const Setting& setting) const;
  // Is `${NAME}` in it replaced? Not in commands, whose shells have variables of their own.
  bool is_substituted(const std::string& key) const;
  // Does it name a file that is read?
  bool names_file(const std::string& key) const;

 private:
  struct Key {
    std::vector<std::string> path;  // "*" is any name
    KeyKind kind = KeyKind::text;
    ValueCheck check;
    bool is_command = false;
    bool is_file = false;
  };
  void add(const std::string& path, KeyKind kind, ValueCheck check = nullptr);
  void add_commands(const std::string& path, KeyKind kind);
  void add_flags(const std::string& table, const std::vector<KnownFlag>& flags);
  const Key* find(const std::string& key) const;
  std::string unknown(const std::string& key) const;

  std::vector<Key> keys_;
};

}  // namespace lagan
