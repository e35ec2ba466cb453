// SPDX-License-Identifier: Apache-2.0
#include "src/engine/filter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "util/file.h"

namespace lagan {
namespace {

constexpr std::string_view kCacheTagName = "CACHEDIR.TAG";
constexpr std::string_view kCacheTagHeader = "Signature: 8a477f597d28d172789f06886806bc55";
constexpr std::size_t kPatternFileMax = std::size_t{16} << 20;

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

// Do the components from `pattern` match `parts`?
bool prefix_matches(const std::vector<std::string>& pattern, std::size_t p,
                    const std::vector<std::string_view>& parts, std::size_t s, bool ignore_case,
                    Extent extent) {
  if (p == pattern.size()) return extent == Extent::beginning || s == parts.size();
  if (pattern[p] == "**") {
    // At the end it means what lies below a folder, not the folder itself.
    const std::size_t fewest = p + 1 == pattern.size() ? 1 : 0;
    for (std::size_t skip = s + fewest; skip <= parts.size(); ++skip) {
      if (prefix_matches(pattern, p + 1, parts, skip, ignore_case, extent)) return true;
    }
    return false;
  }
  return s < parts.size() && glob_matches(pattern[p], parts[s], ignore_case) &&
         prefix_matches(pattern, p + 1, parts, s + 1, ignore_case, extent);
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
  if (text.starts_with('!')) {
    pattern.negated_ = true;
    text.remove_prefix(1);
  }
  pattern.anchored_ = text.starts_with('/');
  for (const std::string_view part : split(text)) {
    if (!is_closed(part)) {
      return fail(ErrorCode::invalid_argument,
                  "pattern '" + std::string(text) + "' has a '[' without its ']'");
    }
    pattern.components_.emplace_back(part);
  }
  if (pattern.components_.empty()) {
    return fail(ErrorCode::invalid_argument, "pattern '" + std::string(text) + "' names nothing");
  }
  return pattern;
}

// From the root, or from anywhere if the pattern does not begin with '/'.
template <typename Matches>
bool any_start(bool anchored, std::size_t parts, Matches matches) {
  const std::size_t starts = anchored ? std::min<std::size_t>(parts, 1) : parts;
  for (std::size_t start = 0; start < starts; ++start) {
    if (matches(start)) return true;
  }
  return false;
}

bool PathPattern::matches(std::string_view path) const {
  const auto parts = split(path);
  return any_start(anchored_, parts.size(), [&](std::size_t start) {
    return prefix_matches(components_, 0, parts, start, ignore_case_, Extent::beginning);
  });
}

bool PathPattern::matches_itself(std::string_view path) const {
  const auto parts = split(path);
  return any_start(anchored_, parts.size(), [&](std::size_t start) {
    return prefix_matches(components_, 0, parts, start, ignore_case_, Extent::all);
  });
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

Result<Filter> Filter::create(const FilterOptions& options) {
  Filter filter;
  filter.larger_than_ = options.larger_than;
  const auto add = [&](std::string_view text, bool ignore_case) -> Result<void> {
    filter.patterns_.push_back(TRY(PathPattern::parse(text, ignore_case)));
    filter.shown_.emplace_back(text);
    return {};
  };
  const auto add_file = [&](const std::string& path, bool ignore_case) -> Result<void> {
    const Bytes content = TRY(read_file(path, kPatternFileMax));
    std::string_view rest = as_text(content);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
        line.remove_suffix(1);
      if (!line.empty() && line.front() != '#') TRY_IN(path, add(line, ignore_case));
    }
    return {};
  };
  for (const std::string& text : options.excludes) TRY(add(text, false));
  for (const std::string& text : options.excludes_ignoring_case) TRY(add(text, true));
  for (const std::string& path : options.exclude_files) TRY(add_file(path, false));
  for (const std::string& path : options.exclude_files_ignoring_case) TRY(add_file(path, true));
  if (options.exclude_caches)
    filter.markers_.push_back({std::string(kCacheTagName), std::string(kCacheTagHeader)});
  for (const std::string& text : options.exclude_if_present) {
    const std::size_t colon = text.find(':');
    if (text.empty() || colon == 0)
      return fail(ErrorCode::invalid_argument, "--exclude-if-present needs a name");
    filter.markers_.push_back(
        {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)});
  }
  return filter;
}

bool Filter::excludes(std::string_view path, const SourceStatus& status) const {
  if (larger_than_ != 0 && status.kind == EntryKind::file && status.size > larger_than_)
    return true;
  bool excluded = false;
  for (const PathPattern& pattern : patterns_) {
    if (excluded != pattern.is_negated()) continue;
    // What takes back a folder takes back all in it.
    if (pattern.is_negated() ? pattern.matches(path) : pattern.matches_itself(path))
      excluded = !excluded;
  }
  return excluded;
}

bool Filter::may_exclude_below(std::string_view folder) const {
  return larger_than_ != 0 || std::ranges::any_of(patterns_, [&](const PathPattern& pattern) {
           return !pattern.is_negated() && pattern.may_match_below(folder);
         });
}

bool Filter::excludes_content_of(int folder) const {
  for (const Marker& marker : markers_) {
    const File file(
        ::openat(folder, marker.name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.is_open()) continue;
    if (marker.header.empty()) return true;
    std::string head(marker.header.size(), '\0');
    const auto got = read_some_full(file.descriptor(), std::as_writable_bytes(std::span(head)));
    if (got && *got == head.size() && head == marker.header) return true;
  }
  return false;
}

}  // namespace lagan
