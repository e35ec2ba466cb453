// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder on a WebDAV server (RFC 4918): Apache, nginx, Nextcloud, many NAS. Objects are uploaded
// under a temporary name and moved, because some servers show what of a broken upload has arrived.
// Any thread.
//
//   webdav+https://[user[:password]@]host[:port]/path    also davs:// and webdav+http://, dav://
//
// User and password may also come from LAGAN_WEBDAV_USER and LAGAN_WEBDAV_PASSWORD.

#include <memory>
#include <string>
#include <string_view>

#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct WebdavLocation {
  bool is_https = true;
  std::string authority;       // host and port
  std::string path;            // decoded, absolute, without a slash at its end
  std::string user, password;  // never shown
  std::string shown() const;
};

bool is_webdav_location(std::string_view text);
Result<WebdavLocation> parse_webdav_location(std::string_view text);

struct StorageOptions;
Result<std::unique_ptr<Storage>> open_webdav_storage(std::string_view location,
                                                     const StorageOptions& options);

std::unique_ptr<Storage> make_webdav_storage(WebdavLocation location, HttpOptions http);

}  // namespace lagan
