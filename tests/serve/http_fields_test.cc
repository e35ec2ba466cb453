// SPDX-License-Identifier: Apache-2.0
#include "src/serve/http_fields.h"

#include <doctest/doctest.h>

#include <limits>

namespace lagan {
namespace {

const Version kVersion{"\"00ab-5-1.2\"", 1'000'000'000};  // Sun, 09 Sep 2001 01:46:40 GMT
const std::string kDate = "Sun, 09 Sep 2001 01:46:40 GMT";

WebRequest with(std::map<std::string, std::string> fields) {
  WebRequest request;
  request.method = "GET";
  request.fields = std::move(fields);
  return request;
}

std::string part(const std::string& range, std::uint64_t size = 100) {
  const Part chosen = choose_part(with({{"range", range}}), kVersion, size);
  if (chosen.kind == Part::Kind::all) return "all";
  if (chosen.kind == Part::Kind::beyond_end) return "beyond";
  CHECK(chosen.begin < chosen.end);
  CHECK(chosen.end <= size);
  return std::to_string(chosen.begin) + " " + std::to_string(chosen.end);
}

TEST_CASE("dates are written and read as HTTP has them, and absurd ones not at all") {
  CHECK(web_date(1'000'000'000) == kDate);
  CHECK(read_web_date(kDate) == 1'000'000'000);
  CHECK(web_date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(web_date(-50'000'000'000) == "Thu, 25 Jul 0385 07:06:40 GMT");
  CHECK(!web_date(std::numeric_limits<std::time_t>::max()));
  CHECK(!web_date(std::numeric_limits<std::time_t>::min()));
  CHECK(!web_date(253'402'300'800));  // the year 10,000
  for (const char* text :
       {"", "yesterday", "Sun, 09 Sep 2001 01:46:40", "Sun, 09 Sep 2001 01:46:40 GMTx"})
    CHECK(!read_web_date(text));
}

TEST_CASE("a part of a file is what was asked for, within the file") {
  CHECK(part("bytes=0-0") == "0 1");
  CHECK(part("bytes=10-19") == "10 20");
  CHECK(part("bytes=10-") == "10 100");
  CHECK(part("bytes=-10") == "90 100");
  CHECK(part("bytes=-1000") == "0 100");
  CHECK(part("bytes=99-1000") == "99 100");
  CHECK(part(" bytes= 1 - 2 ") == "1 3");
  CHECK(part("bytes=0-18446744073709551615") == "0 100");
  CHECK(part("bytes=0-99999999999999999999999999") == "0 100");
  CHECK(part("bytes=-99999999999999999999999999") == "0 100");
}

TEST_CASE("a part beyond the end is none") {
  CHECK(part("bytes=100-") == "beyond");
  CHECK(part("bytes=18446744073709551615-") == "beyond");
  CHECK(part("bytes=99999999999999999999999999-") == "beyond");
  CHECK(part("bytes=-0") == "beyond");
  CHECK(part("bytes=0-", 0) == "beyond");
  CHECK(part("bytes=-1", 0) == "beyond");
}

TEST_CASE("ranges that make no sense, or are several, mean all of it") {
  for (const char* range :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1", "lines=1-2",
        "bytes=0-1,5-6", "bytes=+1-2", "bytes=1-2-3", "bytes=0x1-"}) {
    INFO(range);
    CHECK(part(range) == "all");
  }
}

TEST_CASE("a part of another version is no use, so all of this one comes") {
  const auto kind = [](const std::string& known) {
    return choose_part(with({{"range", "bytes=0-1"}, {"if-range", known}}), kVersion, 100).kind;
  };
  CHECK(kind(kVersion.etag) == Part::Kind::some);
  CHECK(kind("\"other\"") == Part::Kind::all);
  CHECK(kind("W/" + kVersion.etag) == Part::Kind::all);
  CHECK(kind(kDate) == Part::Kind::all);
}

TEST_CASE("who has this version already is told so") {
  const auto check = [](std::map<std::string, std::string> fields) {
    return check_preconditions(with(std::move(fields)), kVersion);
  };
  CHECK(check({}) == Precondition::met);
  CHECK(check({{"if-none-match", kVersion.etag}}) == Precondition::unchanged);
  CHECK(check({{"if-none-match", "\"x\" , W/" + kVersion.etag}}) == Precondition::unchanged);
  CHECK(check({{"if-none-match", "*"}}) == Precondition::unchanged);
  CHECK(check({{"if-none-match", "\"x\""}}) == Precondition::met);
  CHECK(check({{"if-none-match", ",,,"}}) == Precondition::met);
  // Tags go before dates.
  CHECK(check({{"if-none-match", "\"x\""}, {"if-modified-since", kDate}}) == Precondition::met);
  CHECK(check({{"if-modified-since", kDate}}) == Precondition::unchanged);
  CHECK(check({{"if-modified-since", "Sun, 09 Sep 2001 01:46:39 GMT"}}) == Precondition::met);
  CHECK(check({{"if-modified-since", "some day"}}) == Precondition::met);
  CHECK(check({{"if-match", "\"x\""}}) == Precondition::failed);
  CHECK(check({{"if-match", kVersion.etag}}) == Precondition::met);
  CHECK(check({{"if-match", "W/" + kVersion.etag}}) == Precondition::failed);
  CHECK(check({{"if-unmodified-since", "Sun, 09 Sep 2001 01:46:39 GMT"}}) == Precondition::failed);
  CHECK(check({{"if-unmodified-since", kDate}}) == Precondition::met);
}

TEST_CASE("versions differ by node, size and time to the nanosecond") {
  struct stat status {};
  status.st_size = 5;
  const std::string tag = version_of(7, status).etag;
  CHECK(tag.starts_with('"'));
  CHECK(tag.ends_with('"'));
  CHECK(version_of(8, status).etag != tag);
  status.st_mtim.tv_nsec = 1;
  CHECK(version_of(7, status).etag != tag);
  status.st_mtim.tv_nsec = 0;
  status.st_size = 6;
  CHECK(version_of(7, status).etag != tag);
}

TEST_CASE("a name saves as itself, and says nothing to the field it stands in") {
  CHECK(attachment("a.txt") == "attachment; filename=\"a.txt\"");
  CHECK(attachment("\"; x=\r\ny%41") ==
        "attachment; filename=\"_; x=__y_41\"; filename*=UTF-8''%22%3B%20x%3D%0D%0Ay%2541");
  CHECK(attachment("\u00e9") == "attachment; filename=\"__\"; filename*=UTF-8''%C3%A9");
  CHECK(attachment("\xff") == "attachment; filename=\"_\"");
}

TEST_CASE("the end of a name tells what it is") {
  CHECK(media_type("a/b.JPG") == "image/jpeg");
  CHECK(media_type("page.html") == "text/html");
  CHECK(media_type("jpg") == "application/octet-stream");
  CHECK(media_type("a.") == "application/octet-stream");
  CHECK(media_type("") == "application/octet-stream");
}

}  // namespace
}  // namespace lagan
