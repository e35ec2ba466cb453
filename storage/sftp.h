// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder on a host that is reached by SSH: the user's own `ssh` carries SFTP, with all that
// ssh_config says of keys, proxies and ports. Objects are written under a temporary name, made
// durable where the server can, and renamed. Any thread: each busy one has a connection, kept for
// the next.
//
//   sftp://[user@]host[:port]/path   sftp://host/~/path (below the home)
//   sftp:[user@]host:path            as restic writes it; relative paths lie below the home
//   …?command=…  …?args=…            behind the former: another ssh, more words for it

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct SftpLocation {
  std::string user, host;
  std::uint16_t port = 0;                           // 0: as ssh_config says
  std::string path;                                 // absolute, or below the home
  std::map<std::string, std::string> options = {};  // that stand behind it
  std::string shown() const;
};

bool is_sftp_location(std::string_view text);
Result<SftpLocation> parse_sftp_location(std::string_view text);

struct StorageOptions;
// Takes the options `command` and `args`, of the location or with `sftp.` before them.
Result<std::unique_ptr<Storage>> open_sftp_storage(std::string_view location,
                                                   const StorageOptions& options);

struct SftpOptions {
  std::string command;     // instead of ssh, whole, split at blanks as a shell does
  std::string arguments;   // further ones for ssh
  HttpOptions connection;  // of this, what does not concern HTTP
};

Result<std::unique_ptr<Storage>> make_sftp_storage(SftpLocation location,
                                                   const SftpOptions& options);

// Words of a command line: blanks part, '…' and "…" hold together, \ takes the next as it is.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace lagan
