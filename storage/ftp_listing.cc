// SPDX-License-Identifier: Apache-2.0
#include "storage/ftp_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "storage/arguments.h"

namespace lagan {
namespace {

std::string_view next_line(std::string_view& text) {
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::optional<Nanoseconds> parse_ftp_time(std::string_view text) {
  std::tm utc{};
  const std::string digits(text.substr(0, 14));
  const char* end = ::strptime(digits.c_str(), "%Y%m%d%H%M%S", &utc);
  if (end == nullptr || *end != '\0' || digits.size() != 14) return std::nullopt;
  return static_cast<Nanoseconds>(::timegm(&utc)) * 1'000'000'000;
}

// "type=file;size=12;modify=20260131235959; name"
Result<std::vector<FolderEntry>> parse_mlsd(std::string_view text) {
  std::vector<FolderEntry> all;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty()) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
      return fail(ErrorCode::corrupt, "the listing has a line without a name");
    FolderEntry listed;
    listed.name = line.substr(space + 1);
    bool is_file = false, has_size = false;
    for (std::string_view facts = line.substr(0, space); !facts.empty();) {
      const std::string_view fact = facts.substr(0, facts.find(';'));
      facts.remove_prefix(std::min(facts.size(), fact.size() + 1));
      const std::size_t equals = fact.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string name = lower(fact.substr(0, equals));
      const std::string_view value = fact.substr(equals + 1);
      if (name == "type") {
        listed.is_folder = lower(value) == "dir";
        is_file = lower(value) == "file";
      } else if (name == "size") {
        TRY_IN("listing", parse_size(value, listed.size_bytes));
        has_size = true;
      } else if (name == "modify") {
        listed.modified = parse_ftp_time(value);
      }
    }
    if (is_file && !has_size)
      return fail(ErrorCode::corrupt,
                  fmt::format("the listing does not tell the size of {}", listed.name));
    if (is_file || listed.is_folder) all.push_back(std::move(listed));
  }
  return all;
}

// "-rw-------    1 ftp      ftp          1234 Jan 31 23:59 name"
Result<std::vector<FolderEntry>> parse_ls(std::string_view text) {
  std::vector<FolderEntry> all;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.empty() || line.starts_with("total ")) continue;
    if (line[0] != '-' && line[0] != 'd' && line[0] != 'l')
      return fail(ErrorCode::unsupported, "the server lists folders in a form that is not known");
    FolderEntry listed;
    listed.is_folder = line[0] == 'd';
    const bool is_link = line[0] == 'l';
    for (int word = 0; word < 4; ++word) next_word(line);  // mode, links, user, group
    TRY_IN("listing", parse_size(next_word(line), listed.size_bytes));
    for (int word = 0; word < 3; ++word) next_word(line);  // month, day, year or time
    line.remove_prefix(std::min<std::size_t>(1, line.size()));
    listed.name = line;
    if (listed.name.empty())
      return fail(ErrorCode::corrupt, "the listing has a line without a name");
    if (!is_link) all.push_back(std::move(listed));
  }
  return all;
}

}  // namespace lagan
