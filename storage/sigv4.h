// SPDX-License-Identifier: Apache-2.0
#pragma once

// Signature Version 4 of requests to S3
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html), for headers; own
// code, because libcurl 7.88 signs what Ceph refuses. Pure functions.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/http.h"
#include "util/clock.h"

namespace lagan {

struct AwsCredentials {
  std::string access_key, secret_key;
  std::string session_token;  // empty: a long-lived key
  Nanoseconds expires = 0;    // 0: never
};

using QueryParameters = std::vector<std::pair<std::string, std::string>>;  // not escaped

struct RequestToSign {
  std::string method;
  std::string host;  // with port, as it stands in the Host header
  std::string path;  // escaped, begins with '/'
  QueryParameters query;
  HttpHeaders headers;         // further ones; all are signed
  std::string payload_sha256;  // hex, or UNSIGNED-PAYLOAD
};

// `headers` with those that the signature adds, Authorization among them.
HttpHeaders sign_v4(const RequestToSign& request, const AwsCredentials& credentials,
                    std::string_view region, std::string_view service, Nanoseconds now);

// "a=b&c=d", escaped, in the order in which it is signed; empty without parameters.
std::string canonical_query(QueryParameters query);

}  // namespace lagan
