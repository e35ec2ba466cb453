// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder on an FTP server (RFC 959, 3659, 4217): the last resort, for hosts that offer nothing
// else. Objects are uploaded under a temporary name, their size is compared, and they are renamed.
// Any thread: each busy one has a connection.
//
//   ftp://[user[:password]@]host[:port]/path    in the clear
//   ftps+explicit://…                           TLS, begun with AUTH TLS
//   ftps://…                                    TLS from the first byte, on port 990
//
// Paths lie below the folder that the login leads to; `//` before one means the server's root. User
// and password may also come from LAGAN_FTP_USER and LAGAN_FTP_PASSWORD; without them the login is
// anonymous.

#include <memory>
#include <string>
#include <string_view>

#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

enum class FtpSecurity { none, explicit_tls, implicit_tls };

struct FtpLocation {
  FtpSecurity security = FtpSecurity::none;
  std::string authority;       // host and port
  std::string path;            // decoded, without a slash at its end; absolute or below the login's
  std::string user, password;  // never shown
  std::string shown() const;
};

bool is_ftp_location(std::string_view text);
Result<FtpLocation> parse_ftp_location(std::string_view text);

struct StorageOptions;
Result<std::unique_ptr<Storage>> open_ftp_storage(std::string_view location,
                                                  const StorageOptions& options);

}  // namespace lagan
