// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "storage/sftp.h"
#include "storage/url.h"

namespace lagan {
namespace {

tl::unexpected<Error> unusable(std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("SFTP location: {}", why));
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Result<SftpLocation> parse_as_restic(std::string_view text) {
  SftpLocation location;
  const std::size_t colon = text.starts_with('[') ? text.find("]:") : text.find(':');
  if (colon == std::string_view::npos) return unusable("write sftp:user@host:path");
  const bool is_bracketed = text[colon] == ']';
  std::string_view host = text.substr(0, colon);
  location.path = text.substr(colon + (is_bracketed ? 2 : 1));
  if (is_bracketed) host.remove_prefix(1);
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) {
    location.user = host.substr(0, at);
    host.remove_prefix(at + 1);
  }
  location.host = host;
  return location;
}

}  // namespace

std::string SftpLocation::shown() const {
  std::string text = "sftp://" + (user.empty() ? "" : user + "@") + host;
  if (port != 0) text += fmt::format(":{}", port);
  return text + (path.starts_with('/') ? path : "/~/" + path);
}

bool is_sftp_location(std::string_view text) { return text.starts_with("sftp:"); }

Result<SftpLocation> parse_sftp_location(std::string_view text) {
  SftpLocation location;
  if (text.starts_with("sftp://")) {
    const Url url = TRY_IN("SFTP location", parse_url(text));
    if (!url.password.empty())
      return unusable("a password cannot be given: use a key, perhaps with an agent");
    location = {url.user, url.host, url.port, url.path, url.query};
    // restic doubles the slash of an absolute path.
    if (location.path.starts_with("//")) location.path.erase(0, 1);
    if (location.path.starts_with("/~/")) location.path.erase(0, 3);
  } else {
    location = TRY(parse_as_restic(text.substr(5)));
  }
  if (location.host.empty() || location.host.starts_with('-')) return unusable("no host is named");
  location.path = without_trailing_slashes(std::move(location.path));
  if (location.path.empty() || location.path == "/") return unusable("no folder is named");
  return location;
}

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool is_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word.push_back(text[++i]);
      is_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word.push_back(c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      is_word = true;
    } else if (c == ' ' || c == '\t') {
      if (is_word) words.push_back(std::exchange(word, {}));
      is_word = false;
    } else {
      word.push_back(c);
      is_word = true;
    }
  }
  if (quote != '\0')
    return fail(ErrorCode::invalid_argument, fmt::format("the quote {} is not closed", quote));
  if (is_word) words.push_back(std::move(word));
  return words;
}

}  // namespace lagan
