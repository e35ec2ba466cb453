// SPDX-License-Identifier: Apache-2.0
#include "src/serve/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "src/serve/markup.h"
#include "storage/url.h"

namespace lagan {
namespace {

constexpr const char* kDateFormat = "%a, %d %b %Y %H:%M:%S GMT";

std::string_view trimmed(std::string_view text) {
  constexpr const char* kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Is it in a list of tags, which may be "*"? "W/" before a tag counts for nothing if `weakly`. Tags
// of ours have no commas.
bool names_tag(std::string_view list, std::string_view etag, bool weakly) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view tag = trimmed(list.substr(0, comma));
    if (tag == "*") return true;
    if (weakly && tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
    list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

// Digits and nothing else. A number beyond all sizes is the largest.
std::optional<std::uint64_t> number_in(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number : UINT64_MAX;
}

}  // namespace

std::optional<std::string> web_date(std::time_t time) {
  std::tm utc{};
  if (::gmtime_r(&time, &utc) == nullptr || utc.tm_year < -1900 || utc.tm_year > 8099)
    return std::nullopt;
  // The year has four digits.
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, kDateFormat, &utc);
  std::string date(text, size);
  if (const int year = utc.tm_year + 1900; year < 1000)
    date = date.substr(0, 12) + fmt::format("{:04}", year) + date.substr(date.size() - 13);
  return date;
}

std::optional<std::time_t> read_web_date(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), kDateFormat, &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&utc);
}

Version version_of(std::uint64_t node, const struct stat& status) {
  return {fmt::format("\"{:016x}-{:x}-{:x}.{:x}\"", node, status.st_size, status.st_mtim.tv_sec,
                      status.st_mtim.tv_nsec),
          status.st_mtim.tv_sec};
}

Precondition check_preconditions(const WebRequest& request, const Version& version) {
  if (const std::string* tags = request.field("if-match")) {
    if (!names_tag(*tags, version.etag, false)) return Precondition::failed;
  } else if (const std::string* date = request.field("if-unmodified-since")) {
    const auto time = read_web_date(*date);
    if (time && version.modified > *time) return Precondition::failed;
  }
  if (const std::string* tags = request.field("if-none-match"))
    return names_tag(*tags, version.etag, true) ? Precondition::unchanged : Precondition::met;
  if (const std::string* date = request.field("if-modified-since")) {
    const auto time = read_web_date(*date);
    if (time && version.modified <= *time) return Precondition::unchanged;
  }
  return Precondition::met;
}

Part choose_part(const WebRequest& request, const Version& version, std::uint64_t size) {
  const Part all{Part::Kind::all, 0, size};
  const std::string* range = request.field("range");
  if (range == nullptr) return all;
  // Only if it is still the same. A date is not exact enough to say so: two versions may have it.
  if (const std::string* known = request.field("if-range"); known && *known != version.etag)
    return all;
  std::string_view text = trimmed(*range);
  if (!text.starts_with("bytes=")) return all;
  text = trimmed(text.substr(6));
  const std::size_t dash = text.find('-');
  if (dash == text.npos || text.find(',') != text.npos) return all;
  const std::string_view left = trimmed(text.substr(0, dash));
  const std::string_view right = trimmed(text.substr(dash + 1));
  const auto first = number_in(left), last = number_in(right);
  if (left.empty() && last) {  // so many at the end
    if (*last == 0 || size == 0) return {Part::Kind::beyond_end, 0, 0};
    return {Part::Kind::some, size - std::min(size, *last), size};
  }
  if (!first || (!right.empty() && !last) || (last && *last < *first)) return all;
  if (*first >= size) return {Part::Kind::beyond_end, 0, 0};
  return {Part::Kind::some, *first, last && *last < size ? *last + 1 : size};
}

std::string_view media_type(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"avif", "image/avif"},       {"bmp", "image/bmp"},        {"c", "text/plain"},
      {"cc", "text/plain"},         {"conf", "text/plain"},      {"cpp", "text/plain"},
      {"css", "text/css"},          {"csv", "text/csv"},         {"flac", "audio/flac"},
      {"gif", "image/gif"},         {"h", "text/plain"},         {"htm", "text/html"},
      {"html", "text/html"},        {"jpeg", "image/jpeg"},      {"jpg", "image/jpeg"},
      {"json", "application/json"}, {"log", "text/plain"},       {"m4a", "audio/mp4"},
      {"md", "text/plain"},         {"mkv", "video/x-matroska"}, {"mov", "video/quicktime"},
      {"mp3", "audio/mpeg"},        {"mp4", "video/mp4"},        {"ogg", "audio/ogg"},
      {"opus", "audio/ogg"},        {"pdf", "application/pdf"},  {"png", "image/png"},
      {"py", "text/plain"},         {"sh", "text/plain"},        {"svg", "image/svg+xml"},
      {"tex", "text/plain"},        {"txt", "text/plain"},       {"wav", "audio/wav"},
      {"webm", "video/webm"},       {"webp", "image/webp"},      {"xml", "application/xml"},
      {"zip", "application/zip"},
  };
  const std::size_t dot = name.rfind('.');
  std::string ending(dot == name.npos ? std::string_view() : name.substr(dot + 1));
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto* found =
      std::ranges::find(kTypes, ending, [](const auto& known) { return known.first; });
  return found != std::end(kTypes) ? found->second : "application/octet-stream";
}

std::string attachment(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '%';
    plain.push_back(is_plain ? c : '_');
  }
  std::string field = fmt::format("attachment; filename=\"{}\"", plain);
  // The exact name, which only UTF-8 can have.
  if (plain != name && is_utf8(name))
    field += fmt::format("; filename*=UTF-8''{}", escape_url(name, Slashes::escaped));
  return field;
}

}  // namespace lagan
