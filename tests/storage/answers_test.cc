// SPDX-License-Identifier: Apache-2.0

// What services answer, taken apart: as they write it, and as no service should.

#include <doctest/doctest.h>

#include "storage/ftp_listing.h"
#include "storage/http.h"
#include "storage/s3_answers.h"
#include "storage/webdav_answers.h"
#include "tests/storage/helpers.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

// Cut anywhere, an answer is an error or says less, and never crashes.
template <typename Parse>
void cut_everywhere(std::string_view text, const Parse& parse) {
  for (std::size_t size = 0; size < text.size(); ++size) (void)parse(text.substr(0, size));
}

constexpr std::string_view kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
<NextContinuationToken>a+/=</NextContinuationToken>
<Contents><Key>x%2Fdata%2Fab</Key><LastModified>2026-01-31T23:59:59.123Z</LastModified><Size>7</Size></Contents>
<Contents><Key>x/config</Key><LastModified>2026-01-31T23:59:59.000Z</LastModified><Size>0</Size></Contents>
</ListBucketResult>)";

TEST_CASE("a page of S3 has its objects and says where it goes on") {
  const S3Page page = parse_s3_page(as_bytes(kPage)).value();
  REQUIRE(page.objects.size() == 2);
  CHECK(page.objects[0].key == "x/data/ab");
  CHECK(page.objects[0].size_bytes == 7);
  CHECK(page.objects[0].modified == 1'769'903'999 * kSecond);
  CHECK(page.next == "a+/=");
  cut_everywhere(kPage, [](std::string_view text) { return parse_s3_page(as_bytes(text)); });
}

TEST_CASE("a date of HTTP is a time, or none if it is too far away to be one") {
  CHECK(parse_http_date("Thu, 01 Jan 1970 00:01:00 GMT") == 60 * kSecond);
  CHECK(parse_http_date("Sun, 06 Nov 2250 08:49:37 GMT"));
  CHECK_FALSE(parse_http_date("Sun, 06 Nov 2994 08:49:37 GMT"));
  CHECK_FALSE(parse_http_date("Sun, 06 Nov 9999 08:49:37 GMT"));
  CHECK_FALSE(parse_http_date("yesterday"));
}

TEST_CASE("a page of S3 that may be short is no page") {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kPage);
    text.replace(text.find(from), from.size(), to);
    return parse_s3_page(as_bytes(text));
  };
  CHECK(with("<IsTruncated>true", "<IsTruncated>false").value().next == "");
  for (const auto& change :
       {std::pair("<IsTruncated>true</IsTruncated>", ""), std::pair("a+/=", ""),
        std::pair("<Size>7</Size>", ""), std::pair("<Size>7", "<Size>-7"),
        std::pair("<Key>x%2Fdata%2Fab</Key>", ""), std::pair("%2Fab", "%zz")}) {
    INFO(change.first);
    REQUIRE_FALSE(with(change.first, change.second));
  }
  CHECK_FALSE(parse_s3_page(as_bytes("")));
  CHECK_FALSE(parse_s3_page(as_bytes("<html/>")));
}

TEST_CASE("completing an upload may fail with status 200") {
  CHECK(
      is_completed(as_bytes("<CompleteMultipartUploadResult><ETag>x</ETag>"
                            "</CompleteMultipartUploadResult>")));
  CHECK_FALSE(is_completed(as_bytes("<Error><Code>InternalError</Code></Error>")));
  CHECK_FALSE(is_completed(as_bytes("")));
  CHECK_FALSE(parse_upload_id(as_bytes("<Error/>")));
}

constexpr std::string_view kMultistatus = R"(<?xml version="1.0"?>
<D:multistatus xmlns:D="DAV:" xmlns:lp1="DAV:">
<D:response><D:href>/dav/x%20y/</D:href><D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype>
</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:response><D:href>https://host/dav/x%20y/a</D:href><D:propstat><D:prop><lp1:resourcetype/>
<lp1:getcontentlength>12</lp1:getcontentlength>
<lp1:getlastmodified>Sat, 31 Jan 2026 23:59:59 GMT</lp1:getlastmodified></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><lp1:getcontentlength>99</lp1:getcontentlength></D:prop>
<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
</D:multistatus>)";

TEST_CASE("a multi-status has its paths in one form, and only what is known") {
  const auto all = parse_multistatus(as_bytes(kMultistatus)).value();
  REQUIRE(all.size() == 2);
  CHECK(all[0].path == "/dav/x y");
  CHECK(all[0].is_folder);
  CHECK(all[1].path == "/dav/x y/a");
  CHECK_FALSE(all[1].is_folder);
  CHECK(all[1].size_bytes == 12);
  CHECK(all[1].modified == 1'769'903'999 * kSecond);
  CHECK_FALSE(parse_multistatus(as_bytes("<html/>")));
  CHECK_FALSE(parse_multistatus(as_bytes("")));
  cut_everywhere(kMultistatus,
                 [](std::string_view text) { return parse_multistatus(as_bytes(text)); });
}

TEST_CASE("MLSD is read by its facts, in any order and case") {
  const auto all = parse_mlsd(
                       "type=cdir;modify=20260131235959; .\r\n"
                       "Type=Dir;modify=20260131235959; ab\r\n"
                       "Size=12;Modify=20260131235959.5;TYPE=file; a name\r\n"
                       "type=OS.unix=symlink;size=3; link\r\n")
                       .value();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "ab");
  CHECK(all[0].is_folder);
  CHECK(all[1].name == "a name");
  CHECK(all[1].size_bytes == 12);
  CHECK(all[1].modified == 1'769'903'999 * kSecond);
  CHECK_FALSE(parse_mlsd("type=file; unsized\r\n"));
  CHECK_FALSE(parse_mlsd("type=file;size=x; name\r\n"));
  CHECK_FALSE(parse_mlsd("nameless\r\n"));
}

TEST_CASE("LIST is read as ls writes it, and nothing else") {
  const auto all = parse_ls(
                       "total 8\r\n"
                       "drwx------    2 ftp      ftp          4096 Jan 31 23:59 ab\r\n"
                       "-rw-------    1 105      112            12 Jan 31  2025 name\r\n"
                       "lrwxrwxrwx    1 ftp      ftp             3 Jan 31 23:59 l -> x\r\n")
                       .value();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "ab");
  CHECK(all[0].is_folder);
  CHECK(all[1].name == "name");
  CHECK(all[1].size_bytes == 12);
  CHECK_FALSE(parse_ls("01-31-26  11:59PM                   12 name\r\n"));
  CHECK_FALSE(parse_ls("-rw-------    1 ftp ftp many Jan 31 23:59 name\r\n"));
  CHECK_FALSE(parse_ls("-rw-------    1 ftp ftp 12 Jan 31 23:59\r\n"));
}

TEST_CASE("a server's wish to wait is a number of seconds, or a date by its own clock") {
  const auto wait = [](HttpHeaders headers) {
    HttpAnswer answer;
    answer.headers = std::move(headers);
    return answer.retry_after().count();
  };
  CHECK(wait({{"retry-after", "7"}}) == 7000);
  CHECK(wait({{"retry-after", "Sat, 31 Jan 2026 23:59:59 GMT"},
              {"date", "Sat, 31 Jan 2026 23:59:29 GMT"}}) == 30'000);
  CHECK(wait({{"retry-after", "Sat, 31 Jan 2026 23:59:59 GMT"},
              {"date", "Sun, 01 Feb 2026 23:59:29 GMT"}}) == 0);
  CHECK(wait({}) == 0);
  CHECK(wait({{"retry-after", "99999999999"}}) == 86'400'000);
  CHECK(wait({{"retry-after", "soon"}}) == 0);
}

TEST_CASE("an answer to a range is checked against what was asked for") {
  const auto check = [](int status, const char* range, std::size_t size) {
    HttpAnswer answer;
    answer.status = status;
    answer.headers = {{"content-range", range}};
    answer.body = Bytes(size);
    return check_ranged_answer(answer, 10, 5);
  };
  CHECK(check(206, "bytes 10-14/100", 5));
  CHECK(check(206, "bytes 10-14/*", 5));
  CHECK(check(200, "", 100).error().code == ErrorCode::corrupt);
  CHECK(check(206, "bytes 10-12/13", 3).error().code == ErrorCode::corrupt);
  CHECK(check(206, "bytes 0-4/100", 5).error().code == ErrorCode::corrupt);
  CHECK(check(206, "", 5).error().code == ErrorCode::corrupt);
  CHECK(check(206, "bytes 10-14/100", 4).error().code == ErrorCode::unavailable);
}

}  // namespace
}  // namespace lagan
