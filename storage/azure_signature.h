// SPDX-License-Identifier: Apache-2.0
#pragma once

// The "Shared Key" signature of requests to Azure Blob Storage
// (https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key). Pure functions.

#include <string>
#include <string_view>

#include "storage/http.h"
#include "storage/sigv4.h"
#include "util/clock.h"

namespace lagan {

using AzureKey = std::string;  // decoded

struct AzureRequestToSign {
  std::string method;
  std::string path;  // escaped, as it stands in the URL
  QueryParameters query;
  HttpHeaders headers;  // all that are sent
  std::uint64_t content_length = 0;
};

// The value of the header Authorization.
std::string sign_azure(const AzureRequestToSign& request, std::string_view account,
                       const AzureKey& key);

// "Fri, 26 Jun 2015 23:39:12 GMT"
std::string http_date(Nanoseconds time);

}  // namespace lagan
