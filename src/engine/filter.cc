// SPDX-License-Identifier: Apache-2.0
#include "src/engine/filter.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "src/engine/source_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr const char* kOwnIgnoreFile = ".laganignore";
constexpr const char* kGitIgnoreFile = ".gitignore";
constexpr const char* kGitFolder = ".git";
constexpr const char* kGitInfoFile = ".git/info/exclude";

}  // namespace

Filter::Filter(const FilterOptions& options)
    : places_(options.own_folders),
      exclude_nodump_(options.exclude_nodump),
      git_ignore_(options.git_ignore),
      one_file_system_(options.one_file_system),
      larger_than_(options.larger_than) {}

Result<Filter> Filter::create(const FilterOptions& options) {
  Filter filter(options);
  filter.rules_ = TRY(read_pattern_flags(options.patterns, "exclude"));
  filter.markers_.push_back(FolderMarker::own_cache_tag());
  if (options.exclude_caches) filter.markers_.push_back(FolderMarker::cache_tag());
  for (const std::string& text : options.exclude_if_present)
    filter.markers_.push_back(TRY(FolderMarker::parse(text)));
  return filter;
}

// The rules for `path` from the one with the last word on, until `visit` has enough or `until`
// comes.
template <typename Visit>
void Filter::visit_rules(const FolderRules& rules, const PatternRule* until, std::string_view path,
                         Visit visit) const {
  const auto visit_all = [&](const std::vector<PatternRule>& list, std::string_view relative) {
    return std::any_of(list.rbegin(), list.rend(), [&](const PatternRule& rule) {
      return &rule == until || visit(rule, relative);
    });
  };
  if (visit_all(rules_, path)) return;
  for (const IgnoreFile* file = rules.own.get(); file != nullptr; file = file->outer.get()) {
    if (visit_all(file->rules, file->relative(path))) return;
  }
  // Git itself does not look into a folder that it ignores.
  if (until != nullptr && until->of_git) return;
  for (const IgnoreFile* file = rules.git.get(); file != nullptr; file = file->outer.get()) {
    if (visit_all(file->rules, file->relative(path))) return;
  }
}

Decision Filter::judge(const FolderRules& rules, std::string_view path,
                       const SourceStatus& status) const {
  using Fate = Decision::Fate;
  const bool is_folder = status.kind == EntryKind::directory;
  const PatternRule* decisive = rules.covering;
  visit_rules(rules, rules.covering, path, [&](const PatternRule& rule, std::string_view relative) {
    const bool matches = rule.pattern.matches_itself(relative, is_folder);
    if (matches) decisive = &rule;
    return matches;
  });
  if (decisive != nullptr && !decisive->pattern.is_negated()) {
    bool may_take_back = false;
    if (is_folder) {
      visit_rules(rules, decisive, path, [&](const PatternRule& rule, std::string_view relative) {
        may_take_back = rule.pattern.is_negated() && rule.pattern.may_match_below(relative);
        return may_take_back;
      });
    }
    return {may_take_back ? Fate::search : Fate::leave_out, decisive};
  }
  if (exclude_nodump_ && status.is_nodump)
    return {Fate::leave_out, nullptr, "--exclude-nodump: it has the nodump flag"};
  if (larger_than_ != 0 && status.kind == EntryKind::file && status.size > larger_than_)
    return {Fate::leave_out, nullptr, "--exclude-larger-than"};
  return {Fate::keep, decisive};
}

bool Filter::may_leave_out_below(std::string_view folder) const {
  return larger_than_ != 0 || std::ranges::any_of(rules_, [&](const PatternRule& rule) {
           return !rule.pattern.is_negated() && rule.pattern.may_match_below(folder);
         });
}

std::string_view Filter::why_closed(int folder, std::string_view path, const SourceStatus& status,
                                    std::uint64_t device) const {
  const std::string_view own = places_.own_folder(path, status);
  if (!own.empty() || status.device == device) return own;
  return UntouchablePlaces::mounted(folder, status);
}

const FolderMarker* Filter::marker_in(int folder, const std::vector<std::string>& names) const {
  for (const FolderMarker& marker : markers_) {
    if (marker.marks(folder, names)) return &marker;
  }
  return nullptr;
}

FolderRules Filter::with_ignore_files(FolderRules rules, int folder, const std::string& path,
                                      const std::function<bool(const char*)>& has_name,
                                      const Note& note) const {
  if (has_name(kOwnIgnoreFile))
    rules.own = read_ignore_file(folder, path, kOwnIgnoreFile, false, rules.own, note);
  if (!git_ignore_ || (rules.covering != nullptr && rules.covering->of_git)) return rules;
  if (has_name(kGitFolder)) {
    // A repository knows nothing of one around it.
    rules.git = read_ignore_file(folder, path, kGitInfoFile, true, nullptr, note);
  }
  if (has_name(kGitIgnoreFile))
    rules.git = read_ignore_file(folder, path, kGitIgnoreFile, true, rules.git, note);
  return rules;
}

FolderRules Filter::inside(const FolderRules& outer, const Decision& fate, int folder,
                           const std::string& path, const std::vector<std::string>& names,
                           const Note& note) const {
  const PatternRule* covering = fate.fate == Decision::Fate::search ? fate.rule : nullptr;
  const auto has_name = [&](const char* name) {
    return std::ranges::binary_search(names, std::string_view(name));
  };
  return with_ignore_files({outer.own, outer.git, covering}, folder, path, has_name, note);
}

FolderRules Filter::above(const std::string& path) const {
  FolderRules rules;
  for (std::size_t end = 0; end < path.size() && path != "/"; end = path.find('/', end + 1)) {
    const std::string folder = end == 0 ? "/" : path.substr(0, end);
    const File open = open_folder_behind(AT_FDCWD, folder.c_str());
    rules = on_the_way(rules, open.descriptor(), folder, [](const std::string&) {});
  }
  return rules;
}

FolderRules Filter::on_the_way(const FolderRules& outer, int folder, const std::string& path,
                               const Note& note) const {
  const auto has_name = [&](const char* name) { return source_status(folder, name).has_value(); };
  return with_ignore_files({outer.own, outer.git, nullptr}, folder, path, has_name, note);
}

}  // namespace lagan
