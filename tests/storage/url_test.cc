// SPDX-License-Identifier: Apache-2.0
#include "storage/url.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace lagan {

TEST_CASE("a URL comes apart") {
  const Url url =
      parse_url("S3+HTTP://me:p%40ss@Host.example:7480/bucket/a%20b/?style=path&x=%26").value();
  CHECK(url.scheme == "s3+http");
  CHECK(url.user == "me");
  CHECK(url.password == "p@ss");
  CHECK(url.host == "host.example");
  CHECK(url.port == 7480);
  CHECK(url.path == "/bucket/a b/");
  CHECK(url.query.at("style") == "path");
  CHECK(url.query.at("x") == "&");
  CHECK(url.shown() == "s3+http://host.example:7480/bucket/a b/");
}

TEST_CASE("IPv6 addresses stand in brackets") {
  const Url url = parse_url("ftp://[::1]:21/x").value();
  CHECK(url.host == "::1");
  CHECK(url.authority() == "[::1]:21");
}

TEST_CASE("a typo in a URL is told by its part") {
  const auto part_of = [](std::string_view text) {
    const auto url = parse_url(text);
    REQUIRE_FALSE(url);
    return url.error().message.substr(0, url.error().message.find(':'));
  };
  CHECK(part_of("s3:/x") == "scheme");
  CHECK(part_of("s 3://x/") == "scheme");
  CHECK(part_of("s3://host:99999/x") == "port");
  CHECK(part_of("s3://[::1/x") == "host");
  CHECK(part_of("s3://::1/x") == "host");
  CHECK(part_of("s3://host/%zz") == "escape");
  CHECK(part_of("s3://host/x?y") == "query");
  CHECK(part_of("s3://host/x#y") == "path");
}

TEST_CASE("escapes survive the way there and back") {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(unescape_url(escape_url(all, Slashes::escaped)).value() == all);
  CHECK(escape_url("a/b~c", Slashes::stay) == "a/b~c");
  CHECK(escape_url("a/b", Slashes::escaped) == "a%2Fb");
  for (const char* text : {"%", "%2", "%g0", "a%"}) CHECK_FALSE(unescape_url(text));
}

}  // namespace lagan
