// SPDX-License-Identifier: Apache-2.0
#include "src/engine/pattern_rules.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "src/engine/source_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kPatternFileMax = std::size_t{16} << 20;
constexpr std::size_t kIgnoreFileMax = std::size_t{1} << 20;

// What is no regular file is neither followed nor waited for.
Result<std::string> content_of(int folder, const char* name) {
  const File file(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return fail(system_error("open", errno));
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return fail(system_error("stat", errno));
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::unsupported, "is no regular file");
  if (static_cast<std::size_t>(status.st_size) > kIgnoreFileMax)
    return fail(ErrorCode::unsupported, "is larger than 1 MiB");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  text.resize(TRY(read_some_full(file.descriptor(), std::as_writable_bytes(std::span(text)))));
  return text;
}

std::string flag_of(const PatternFlag& pattern, std::string_view name) {
  return fmt::format("--{}{}{}", pattern.ignore_case ? "i" : "", name,
                     pattern.is_file ? "-file" : "");
}

Result<void> add_flag(const PatternFlag& flag, const std::string& called,
                      std::vector<PatternRule>& rules) {
  if (!flag.is_file) {
    auto pattern = TRY_IN(called, PathPattern::parse(flag.text, flag.ignore_case));
    rules.push_back({std::move(pattern), fmt::format("{} '{}'", called, flag.text)});
    return {};
  }
  const auto content = read_file(flag.text, kPatternFileMax);
  if (!content) {
    return fail(content.error().code,
                fmt::format("{}: {}; name a file of patterns that can be read", called,
                            content.error().message));
  }
  Result<void> parsed;
  for_each_pattern_line(as_text(*content), [&](std::string_view line, std::size_t number) {
    if (!parsed) return;
    auto pattern = PathPattern::parse(line, flag.ignore_case);
    const std::string where = fmt::format("{}:{}", flag.text, number);
    if (!pattern) {
      parsed = fail(std::move(pattern).error().in(where).in(called));
    } else {
      rules.push_back({*std::move(pattern), fmt::format("{} '{}'", where, line)});
    }
  });
  return parsed;
}

}  // namespace

void for_each_pattern_line(std::string_view text,
                           const std::function<void(std::string_view line, std::size_t)>& each) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto is_blank = [](char c) { return c == '\r' || c == ' ' || c == '\t'; };
    while (!line.empty() && is_blank(line.back())) {
      // "\ " at the end is a space that is meant.
      if (line.size() > 1 && line[line.size() - 2] == '\\') break;
      line.remove_suffix(1);
    }
    if (!line.empty() && line.front() != '#') each(line, number);
  }
}

Result<std::vector<PatternRule>> read_pattern_flags(const std::vector<PatternFlag>& flags,
                                                    std::string_view name) {
  std::vector<PatternRule> rules;
  for (const PatternFlag& flag : flags) TRY(add_flag(flag, flag_of(flag, name), rules));
  return rules;
}

IgnoreFiles read_ignore_file(int folder, const std::string& path, const char* name, bool of_git,
                             IgnoreFiles outer, const std::function<void(std::string)>& note) {
  const std::string file = join_path(path, name);
  const auto text = content_of(folder, name);
  if (!text) {
    if (text.error().code != ErrorCode::not_found)
      note(fmt::format("{}: {}: it leaves nothing out", file, text.error().message));
    return outer;
  }
  auto list = std::make_shared<IgnoreFile>(IgnoreFile{path, {}, std::move(outer)});
  for_each_pattern_line(*text, [&](std::string_view line, std::size_t number) {
    auto pattern = PathPattern::parse_ignore_line(line);
    if (pattern) {
      list->rules.push_back(
          {*std::move(pattern), fmt::format("{}:{} '{}'", file, number, line), of_git});
    } else if (!of_git) {
      note(fmt::format("{}:{}: {}: it leaves nothing out", file, number, pattern.error().message));
    }
  });
  return list;
}

}  // namespace lagan
