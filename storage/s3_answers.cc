// SPDX-License-Identifier: Apache-2.0
#include "storage/s3_answers.h"

#include <charconv>
#include <cstring>
#include <ctime>
#include <pugixml.hpp>

#include "storage/url.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

pugi::xml_parse_result parse(pugi::xml_document& document, ByteSpan xml) {
  return document.load_buffer(xml.data(), xml.size());
}

std::optional<Nanoseconds> parse_date(const char* text) {
  std::tm utc{};
  if (::strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return std::nullopt;
  return static_cast<Nanoseconds>(::timegm(&utc)) * kSecond;
}

}  // namespace

S3Failure parse_s3_failure(const HttpAnswer& answer) {
  S3Failure failure;
  failure.region = answer.header("x-amz-bucket-region");
  pugi::xml_document document;
  if (!parse(document, answer.body)) return failure;
  const auto error = document.child("Error");
  failure.code = error.child_value("Code");
  failure.message = error.child_value("Message");
  if (failure.region.empty()) failure.region = error.child_value("Region");
  return failure;
}

Result<S3Page> parse_s3_page(ByteSpan xml) {
  pugi::xml_document document;
  if (!parse(document, xml)) return fail(ErrorCode::corrupt, "the listing is no XML");
  const auto list = document.child("ListBucketResult");
  if (!list) return fail(ErrorCode::corrupt, "the answer is no listing");
  const bool is_escaped = std::strcmp(list.child_value("EncodingType"), "url") == 0;
  S3Page page;
  for (const auto& object : list.children("Contents")) {
    S3Listed listed;
    listed.key = object.child_value("Key");
    if (is_escaped) listed.key = TRY_IN("listing", unescape_url(listed.key));
    const std::string_view size = object.child_value("Size");
    const auto [end, error] =
        std::from_chars(size.data(), size.data() + size.size(), listed.size_bytes);
    if (listed.key.empty() || error != std::errc() || end != size.data() + size.size())
      return fail(ErrorCode::corrupt, "the listing has an object without key or size");
    listed.modified = parse_date(object.child_value("LastModified"));
    page.objects.push_back(std::move(listed));
  }
  const std::string_view truncated = list.child_value("IsTruncated");
  if (truncated != "true" && truncated != "false")
    return fail(ErrorCode::corrupt, "the listing does not say whether it is whole");
  page.next = list.child_value("NextContinuationToken");
  if (truncated == "false") page.next.clear();
  if (truncated == "true" && page.next.empty())
    return fail(ErrorCode::corrupt, "the listing breaks off without saying where it goes on");
  return page;
}

Result<std::string> parse_upload_id(ByteSpan xml) {
  pugi::xml_document document;
  std::string id;
  if (parse(document, xml))
    id = document.child("InitiateMultipartUploadResult").child_value("UploadId");
  if (id.empty()) return fail(ErrorCode::corrupt, "the server names no upload");
  return id;
}

bool is_completed(ByteSpan xml) {
  pugi::xml_document document;
  return parse(document, xml) && document.child("CompleteMultipartUploadResult");
}

}  // namespace lagan
