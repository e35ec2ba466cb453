// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a location as the user writes it to a Storage.
//   /srv/backup  ./relative  file:///srv/backup  local:/srv/backup     a folder
//   mem://name                                                         in this process (tests)
//   s3://bucket/prefix  s3+https://host/bucket/prefix  s3:host/bucket  S3 (storage/s3_location.h)
//   sftp://user@host/path  sftp:user@host:path                         over ssh (storage/sftp.h)
//   azure://account/container/prefix  azure:container:/prefix          Azure (storage/azure.h)
//   ftp://host/path  ftps+explicit://host/path  ftps://host/path       FTP (storage/ftp.h)
//   rclone:remote:path                                                 rclone (storage/rclone.h)
//   hotcold:?hot=LOCATION&cold=LOCATION                               both (storage/hot_cold.h)
//   webdav+https://user@host/path  davs://host/path                    WebDAV (storage/webdav.h)

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/extended_options.h"
#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct StorageOptions {
  HttpOptions connection;
  ExtendedOptions extended;
};

// Does not touch the location. An unknown scheme is `invalid_argument` and says which ones there
// are; so is an option that its kind of location does not have.
Result<std::unique_ptr<Storage>> open_storage(std::string_view location,
                                              const StorageOptions& options = {});

// Could others on the way to this location listen? What they hear is sealed, but they see which
// objects are read and written, and passwords of the service.
bool is_open_to_listeners(std::string_view location);

// The folders of this machine in which a location keeps its objects: one, or both of hot and cold.
std::vector<std::string> local_folders(std::string_view location);

// Are two locations one place, or one within the other, as far as folders of this machine go?
// Whatever links lead there.
bool overlap(std::string_view one, std::string_view other);

}  // namespace lagan
