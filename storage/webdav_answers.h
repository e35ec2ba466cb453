// SPDX-License-Identifier: Apache-2.0
#pragma once

// The XML that WebDAV servers answer to PROPFIND (RFC 4918, 207 Multi-Status). Whatever prefix they
// give the namespace, and whether paths come escaped, with or without the host: one form comes out.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace lagan {

struct WebdavListed {
  std::string path;  // decoded, absolute, without a slash at its end
  bool is_folder = false;
  std::optional<std::uint64_t> size_bytes;
  std::optional<Nanoseconds> modified;
};

Result<std::vector<WebdavListed>> parse_multistatus(ByteSpan xml);

}  // namespace lagan
