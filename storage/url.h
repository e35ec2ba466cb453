// SPDX-License-Identifier: Apache-2.0
#pragma once

// Locations written as URLs (RFC 3986), and the escapes in them. A Url keeps what the user wrote
// apart from what may be shown: userinfo is in no text that this module makes for people.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "util/result.h"

namespace lagan {

struct Url {
  std::string scheme;                        // lower case
  std::string user, password;                // decoded; empty if absent
  std::string host;                          // lower case, without the brackets of an IPv6 address
  std::uint16_t port = 0;                    // 0: the scheme's own
  std::string path;                          // decoded; begins with '/' unless empty
  std::map<std::string, std::string> query;  // decoded

  // scheme://host[:port]/path, for people: no userinfo, no query.
  std::string shown() const;
  // host[:port], the host in brackets where it has colons.
  std::string authority() const;
};

// `invalid_argument` says which part is wrong.
Result<Url> parse_url(std::string_view text);

// Does host[:port] mean this machine?
bool is_loopback(std::string_view authority);

// Everything but unreserved characters as %XX; '/' stays if asked for.
enum class Slashes { stay, escaped };
std::string escape_url(std::string_view text, Slashes slashes);
// Nothing if an escape is cut or no hex.
Result<std::string> unescape_url(std::string_view text);

}  // namespace lagan
