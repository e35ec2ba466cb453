// SPDX-License-Identifier: Apache-2.0
#include "src/cli/location_check.h"

#include "storage/azure.h"
#include "storage/ftp.h"
#include "storage/hot_cold.h"
#include "storage/open.h"
#include "storage/rclone.h"
#include "storage/s3.h"
#include "storage/sftp.h"
#include "storage/webdav.h"

namespace lagan::cli {

Result<void> check_location(const std::string& text) {
  if (is_s3_location(text)) {
    TRY(parse_s3_location(text));
  } else if (is_azure_location(text)) {
    // The environment says these when it is opened.
    AzureLocation defaults;
    defaults.account = defaults.access_signature = "later";
    TRY(parse_azure_location(text, {}, std::move(defaults)));
  } else if (is_ftp_location(text)) {
    TRY(parse_ftp_location(text));
  } else if (is_rclone_location(text)) {
    TRY(parse_rclone_location(text));
  } else if (is_sftp_location(text)) {
    TRY(parse_sftp_location(text));
  } else if (is_webdav_location(text)) {
    TRY(parse_webdav_location(text));
  } else if (is_hot_cold_location(text)) {
    const HotColdLocation both = TRY(parse_hot_cold_location(text));
    TRY_IN("hot", check_location(both.hot));
    TRY_IN("cold", check_location(both.cold));
  } else {
    TRY(open_storage(text));
  }
  return {};
}

}  // namespace lagan::cli
