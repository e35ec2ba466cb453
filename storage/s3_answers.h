// SPDX-License-Identifier: Apache-2.0
#pragma once

// What S3 says: error documents, pages of listings, multipart uploads. Answers come from outside:
// everything is checked, nothing is believed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/http.h"
#include "util/clock.h"

namespace lagan {

struct S3Failure {
  std::string code, message, region;  // empty where the answer does not tell (HEAD has no body)
};
S3Failure parse_s3_failure(const HttpAnswer& answer);

struct S3Listed {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::optional<Nanoseconds> modified;
};
struct S3Page {
  std::vector<S3Listed> objects;
  std::string next;  // token of the next page; empty: this was the last
};
// `corrupt` for a page that is cut, or says that there are more and not where.
Result<S3Page> parse_s3_page(ByteSpan xml);

Result<std::string> parse_upload_id(ByteSpan xml);
// Completing an upload may fail with status 200.
bool is_completed(ByteSpan xml);

}  // namespace lagan
