// SPDX-License-Identifier: Apache-2.0
#include "storage/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lagan {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_unreserved(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

tl::unexpected<Error> wrong(std::string_view part, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", part, why));
}

Result<void> read_userinfo(std::string_view text, Url& url) {
  const std::size_t colon = text.find(':');
  url.user = TRY(unescape_url(text.substr(0, colon)));
  if (colon != std::string_view::npos) url.password = TRY(unescape_url(text.substr(colon + 1)));
  return {};
}

Result<void> read_host_and_port(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("host", "the bracket '[' is not closed");
    url.host = lower(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!text.empty() && text[0] != ':') return wrong("host", "only :port may follow ']'");
    port = text.empty() ? text : text.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    url.host = lower(TRY(unescape_url(text.substr(0, colon))));
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    if (port.find(':') != std::string_view::npos)
      return wrong("host", "an IPv6 address stands in brackets: [::1]");
  }
  if (url.host.find_first_of(" /\\?#@") != std::string::npos)
    return wrong("host", fmt::format("'{}' is no host name", url.host));
  if (port.empty()) return {};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return wrong("port", fmt::format("'{}' is no number from 1 to 65535", port));
  return {};
}

Result<void> read_query(std::string_view text, Url& url) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.empty()) continue;
    if (equals == std::string_view::npos)
      return wrong("query", fmt::format("'{}' is no option=value", pair));
    url.query[TRY(unescape_url(pair.substr(0, equals)))] =
        TRY(unescape_url(pair.substr(equals + 1)));
  }
  return {};
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 0) text += fmt::format(":{}", port);
  return text;
}

std::string Url::shown() const { return fmt::format("{}://{}{}", scheme, authority(), path); }

namespace {

Result<Url> parse_parts(std::string_view text) {
  Url url;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0)
    return wrong("scheme", "write scheme://host/path");
  url.scheme = lower(text.substr(0, scheme_end));
  const bool is_scheme = std::ranges::all_of(url.scheme, [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  if (!is_scheme) return wrong("scheme", "has characters that no scheme has");
  text.remove_prefix(scheme_end + 3);
  const std::size_t fragment = text.find('#');
  if (fragment != std::string_view::npos) return wrong("path", "write %23 for the character '#'");
  const std::size_t question = text.find('?');
  if (question != std::string_view::npos) TRY(read_query(text.substr(question + 1), url));
  text = text.substr(0, question);
  const std::size_t slash = text.find('/');
  std::string_view authority = text.substr(0, slash);
  if (slash != std::string_view::npos) url.path = TRY(unescape_url(text.substr(slash)));
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    TRY(read_userinfo(authority.substr(0, at), url));
    authority.remove_prefix(at + 1);
  }
  TRY(read_host_and_port(authority, url));
  return url;
}

// A password with a '/' in it ends up in the parts behind the host, which messages show.
bool may_have_torn_password(std::string_view text) {
  const std::size_t begin = text.find("://");
  if (begin == std::string_view::npos) return text.find('@') != std::string_view::npos;
  const std::size_t end = text.find_first_of("/?#", begin + 3);
  return end != std::string_view::npos && text.find('@', end) != std::string_view::npos;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  auto url = parse_parts(text);
  if (!url && may_have_torn_password(text))
    return wrong("user or password", "write %2F, %3F and %23 for '/', '?' and '#' in them");
  return url;
}

bool is_loopback(std::string_view authority) {
  const std::size_t end =
      authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  const std::string_view host = authority.substr(0, end);
  const bool is_address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (is_address && host.starts_with("127."));
}

std::string escape_url(std::string_view text, Slashes slashes) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (c == '/' && slashes == Slashes::stay)) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::string> unescape_url(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return wrong("escape", "'%' is followed by two hex digits (write %25 for '%' itself)");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace lagan
