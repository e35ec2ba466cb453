// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where an S3 repository lies: from what the user writes to host, bucket and prefix. What providers
// do differently is a table (s3_location.cc), not code.
//
//   s3://bucket/prefix?region=…                                AWS
//   s3+https://host[:port]/bucket/prefix?style=…&provider=…     anybody
//   gs://bucket/prefix  gs:bucket:/prefix                       Google Cloud Storage
//   s3:host/bucket/prefix   s3:https://host:port/bucket/prefix  as restic writes them

#include <string>
#include <string_view>

#include "storage/extended_options.h"
#include "util/result.h"

namespace lagan {

struct S3Location {
  bool is_https = true;
  std::string host;  // of the service, with port
  std::string bucket;
  std::string prefix;  // empty, or ends with '/'
  std::string region;
  bool is_region_given = false;
  bool is_google = false;               // which takes tokens, too: storage/google_token.h
  bool is_path_style = false;           // host/bucket/key instead of bucket.host/key
  std::string user, password;           // keys written into the location; never shown
  std::string data_class, other_class;  // x-amz-storage-class of data packs, of the rest
  std::string encryption;               // AES256 or aws:kms: x-amz-server-side-encryption
  std::string kms_key;                  // its key id
  std::string customer_key_file;        // SSE-C: a file with 32 bytes

  std::string shown() const;  // for people
};

bool is_s3_location(std::string_view text);
Result<S3Location> parse_s3_location(std::string_view text, const ExtendedOptions& options = {});

}  // namespace lagan
