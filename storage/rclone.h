// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whatever rclone reaches: seventy services that lagan does not know itself. The user's `rclone` is
// started as a server for this process alone (`rclone rcd`), on a port of the loopback that is
// free, with a user and password that are made for it; it ends with this process. Any thread.
//
//   rclone:remote:path   rclone://remote/path      a remote of the user's rclone.conf
//   rclone://remote/path?program=…&config=…        another rclone, another rclone.conf

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct RcloneLocation {
  std::string remote;  // "name:path", as rclone has it, without a slash at its end
  std::map<std::string, std::string> options = {};  // that stand behind it
  std::string shown() const;
};

bool is_rclone_location(std::string_view text);
Result<RcloneLocation> parse_rclone_location(std::string_view text);

struct StorageOptions;
// Takes the options `program`, `args` and `config`, of the location or with `rclone.` before them.
Result<std::unique_ptr<Storage>> open_rclone_storage(std::string_view location,
                                                     const StorageOptions& options);

}  // namespace lagan
