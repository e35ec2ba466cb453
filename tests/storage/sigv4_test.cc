// SPDX-License-Identifier: Apache-2.0
#include "storage/sigv4.h"

#include <doctest/doctest.h>

#include "crypto/digest.h"
#include "util/hex.h"

namespace lagan {
namespace {

// The examples of AWS:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const AwsCredentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                              "", 0};
constexpr Nanoseconds kTime = Nanoseconds{1'369'353'600} * 1'000'000'000;  // 2013-05-24
const std::string kEmpty = to_hex(sha256({}));

std::string signature_of(const RequestToSign& request) {
  const HttpHeaders headers = sign_v4(request, kExample, "us-east-1", "s3", kTime);
  const std::string text = headers.back().second;
  return text.substr(text.find("Signature=") + 10);
}

TEST_CASE("the published examples are signed as published") {
  RequestToSign get{.method = "GET",
                    .host = "examplebucket.s3.amazonaws.com",
                    .path = "/test.txt",
                    .query = {},
                    .headers = {{"Range", "bytes=0-9"}},
                    .payload_sha256 = kEmpty};
  CHECK(signature_of(get) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

  RequestToSign put = get;
  put.method = "PUT";
  put.path = "/test%24file.text";
  put.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.payload_sha256 = to_hex(sha256(as_bytes("Welcome to Amazon S3.")));
  CHECK(signature_of(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

  RequestToSign lifecycle = get;
  lifecycle.path = "/";
  lifecycle.headers = {};
  lifecycle.query = {{"lifecycle", ""}};
  CHECK(signature_of(lifecycle) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

  RequestToSign list = lifecycle;
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  CHECK(signature_of(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("queries are escaped and sorted as they are signed") {
  CHECK(canonical_query({}) == "");
  CHECK(canonical_query({{"prefix", "a b/+"}, {"list-type", "2"}}) ==
        "list-type=2&prefix=a%20b%2F%2B");
}

TEST_CASE("a temporary key's token is signed too") {
  AwsCredentials temporary = kExample;
  temporary.session_token = "token";
  const HttpHeaders headers =
      sign_v4({"GET", "h", "/", {}, {}, kEmpty}, temporary, "r", "s3", kTime);
  CHECK(headers.back().second.find("x-amz-security-token,") != std::string::npos);
}

TEST_CASE("SHA-256 and HMAC are the standard ones") {
  // FIPS 180-4's example, and test case 2 of RFC 4231.
  CHECK(to_hex(sha256(as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace lagan
