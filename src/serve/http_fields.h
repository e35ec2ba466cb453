// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the fields of requests and answers say about versions, parts and kinds of content (RFC
// 9110). Pure functions; requests are hostile.

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "src/serve/web_message.h"

namespace lagan {

// "Wed, 21 Oct 2015 07:28:00 GMT"; nothing for times that cannot be written so.
std::optional<std::string> web_date(std::time_t time);
std::optional<std::time_t> read_web_date(const std::string& text);

// By which a client knows a version of a file again.
struct Version {
  std::string etag;  // with its quotes
  std::time_t modified = 0;
};
// Nodes of snapshots are named by all that was saved of them, so their number says it all; size and
// time are for the one file that grows.
Version version_of(std::uint64_t node, const struct stat& status);

enum class Precondition { met, unchanged, failed };  // 304 and 412 for the latter two
Precondition check_preconditions(const WebRequest& request, const Version& version);

// Which part of `size` bytes is asked for. Several parts at once, units other than bytes and what
// cannot be understood mean all of it, as the standard allows.
struct Part {
  enum class Kind { all, some, beyond_end } kind = Kind::all;
  std::uint64_t begin = 0, end = 0;
};
Part choose_part(const WebRequest& request, const Version& version, std::uint64_t size);

// By the end of the name. What is not known is "application/octet-stream".
std::string_view media_type(std::string_view name);

// Has a browser save what comes, under this name whatever bytes it has.
std::string attachment(std::string_view name);

}  // namespace lagan
