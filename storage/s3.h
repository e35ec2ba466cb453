// SPDX-License-Identifier: Apache-2.0
#pragma once

// A bucket of S3 or of what speaks like it (Ceph RGW, MinIO, R2, B2, Wasabi, OSS, COS, QingStor,
// and Google's, also by a token). Every body goes with its hash, which the server checks; large
// objects go up in parts, of which nothing shows before the last. Any thread.

#include <memory>

#include "storage/aws_credentials.h"
#include "storage/http.h"
#include "storage/s3_location.h"
#include "storage/storage.h"

namespace lagan {

struct StorageOptions;

struct S3Limits {
  std::uint64_t single_put_bytes = std::uint64_t{256} << 20;  // larger: in parts
  std::uint64_t part_bytes = std::uint64_t{64} << 20;         // S3: at least 5 MiB
};

Result<std::unique_ptr<Storage>> open_s3_storage(std::string_view location,
                                                 const StorageOptions& options);

std::unique_ptr<Storage> make_s3_storage(S3Location location, HttpOptions http, AwsWorld world,
                                         S3Limits limits = {});

}  // namespace lagan
