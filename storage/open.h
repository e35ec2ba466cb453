// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a location as the user writes it to a Storage.
//   /srv/backup  ./relative  file:///srv/backup  local:/srv/backup    a folder
//   mem://name                                                        in this process (tests)
//   s3://bucket/prefix  s3+https://host/bucket/prefix  s3:host/bucket  S3 (storage/s3_location.h)
//   sftp://user@host/path  sftp:user@host:path                        over ssh (storage/sftp.h)
//   webdav+https://user@host/path  davs://host/path                   WebDAV (storage/webdav.h)

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct StorageOptions {
  HttpOptions http;
  // As `-o name=value` has them: sftp.command, sftp.args. Others are `invalid_argument`.
  std::map<std::string, std::string> extended;
};

// Does not touch the location. An unknown scheme is `invalid_argument` and says which ones there
// are.
Result<std::unique_ptr<Storage>> open_storage(std::string_view location,
                                              const StorageOptions& options = {});

// What the user should know before anything goes there, or empty: a connection that others can
// listen to, say.
std::string location_warning(std::string_view location);

}  // namespace lagan
