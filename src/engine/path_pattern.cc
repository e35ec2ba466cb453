// SPDX-License-Identifier: Apache-2.0
#include "src/engine/path_pattern.h"

#include <algorithm>
#include <cctype>

namespace lagan {
namespace {

char folded(char c, bool ignore_case) {
  return ignore_case ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
}

// Behind the ']' of the bracket that begins at `at`; nowhere if it has none. The first character
// is a member whatever it is.
std::size_t bracket_end(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '^' || pattern[i] == '!')) ++i;
  for (bool first = true; i < pattern.size(); first = false, ++i) {
    if (pattern[i] == ']' && !first) return i + 1;
    if (pattern[i] == '\\') ++i;
  }
  return std::string_view::npos;
}

// One character of a bracket; moves `at` behind it.
unsigned char member(std::string_view pattern, std::size_t& at) {
  if (pattern[at] == '\\') ++at;
  return static_cast<unsigned char>(pattern[at++]);
}

// Matches one `[...]`; moves `at` behind it. The pattern was checked to be closed.
bool bracket_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  const std::size_t end = bracket_end(pattern, at);
  std::size_t i = at + 1;
  at = end;
  if (end == std::string_view::npos) return false;
  const std::string_view members = pattern.substr(0, end - 1);
  const bool negated = members[i] == '^' || members[i] == '!';
  if (negated) ++i;
  // A range may lie in either case; folding its ends would bend one that spans both.
  const int plain = static_cast<unsigned char>(c);
  const int lower = ignore_case ? std::tolower(plain) : plain;
  const int upper = ignore_case ? std::toupper(plain) : plain;
  bool matched = false;
  while (i < members.size()) {
    const int low = member(members, i);
    int high = low;
    if (i + 1 < members.size() && members[i] == '-') high = member(members, ++i);
    matched = matched || (low <= lower && lower <= high) || (low <= upper && upper <= high);
  }
  return matched != negated;
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

// How much of a path a pattern must account for.
enum class Extent { beginning, all };

// Do the components match `parts` from number `s` on? To give way at the last "**" is enough, as it
// is for the last '*' within a component, so no pattern takes long.
bool components_match(const std::vector<std::string>& pattern,
                      const std::vector<std::string_view>& parts, std::size_t s, bool ignore_case,
                      Extent extent) {
  std::size_t p = 0;
  std::size_t stars = std::string::npos, stars_end = 0;
  while (true) {
    if (p == pattern.size() && (extent == Extent::beginning || s == parts.size())) return true;
    if (p < pattern.size() && pattern[p] == "**") {
      // At the end it means what lies below a folder, not the folder itself.
      if (p + 1 == pattern.size()) return s < parts.size();
      stars = p++;
      stars_end = s;
    } else if (p < pattern.size() && s < parts.size() &&
               glob_matches(pattern[p], parts[s], ignore_case)) {
      ++p;
      ++s;
    } else if (stars != std::string::npos && stars_end < parts.size()) {
      p = stars + 1;
      s = ++stars_end;
    } else {
      return false;
    }
  }
}

bool is_closed(std::string_view component) {
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\\') {
      ++i;
    } else if (component[i] == '[') {
      const std::size_t end = bracket_end(component, i);
      if (end == std::string_view::npos) return false;
      i = end - 1;
    }
  }
  return true;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name, bool ignore_case) {
  std::size_t p = 0, n = 0;
  std::size_t star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    const char c = folded(name[n], ignore_case);
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    bool matched = false;
    std::size_t next = p;
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matched = true;
        next = p + 1;
      } else if (pattern[p] == '[') {
        matched = bracket_matches(pattern, next, name[n], ignore_case);
      } else {
        if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
        matched = folded(pattern[p], ignore_case) == c;
        next = p + 1;
      }
    }
    if (matched) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<PathPattern> PathPattern::parse(std::string_view text, bool ignore_case) {
  PathPattern pattern;
  pattern.ignore_case_ = ignore_case;
  std::string_view rest = text;
  if (rest.starts_with('!')) {
    pattern.negated_ = true;
    rest.remove_prefix(1);
  }
  pattern.anchored_ = rest.starts_with('/');
  pattern.only_folders_ = rest.ends_with('/');
  for (const std::string_view part : split(rest)) {
    if (!is_closed(part)) {
      return fail(ErrorCode::invalid_argument,
                  "pattern '" + std::string(text) +
                      "' has a '[' without its ']': write \\[ for the character itself");
    }
    pattern.components_.emplace_back(part);
  }
  if (pattern.components_.empty()) {
    return fail(ErrorCode::invalid_argument,
                "pattern '" + std::string(text) + "' names nothing: write what it is to match");
  }
  return pattern;
}

Result<PathPattern> PathPattern::parse_ignore_line(std::string_view line) {
  PathPattern pattern = TRY(parse(line));
  pattern.anchored_ = pattern.anchored_ || pattern.components_.size() > 1;
  return pattern;
}

bool PathPattern::matches_from(std::string_view path, bool whole) const {
  const auto parts = split(path);
  const std::size_t starts = anchored_ ? std::min<std::size_t>(parts.size(), 1) : parts.size();
  const Extent extent = whole ? Extent::all : Extent::beginning;
  for (std::size_t start = 0; start < starts; ++start) {
    if (components_match(components_, parts, start, ignore_case_, extent)) return true;
  }
  return false;
}

bool PathPattern::matches(std::string_view path) const { return matches_from(path, false); }

bool PathPattern::matches_itself(std::string_view path, bool is_folder) const {
  if (only_folders_ && !is_folder) return false;
  // Most patterns fail here, without the path being taken apart.
  const std::string& last = components_.back();
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (last != "**" && !glob_matches(last, name, ignore_case_)) return false;
  return matches_from(path, true);
}

bool PathPattern::may_match_below(std::string_view folder) const {
  if (!anchored_) return true;
  const auto parts = split(folder);
  for (std::size_t i = 0; i < parts.size() && i < components_.size(); ++i) {
    if (components_[i] == "**") return true;
    if (!glob_matches(components_[i], parts[i], ignore_case_)) return false;
  }
  return true;
}

}  // namespace lagan
