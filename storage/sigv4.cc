// SPDX-License-Identifier: Apache-2.0
#include "storage/sigv4.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "crypto/digest.h"
#include "storage/url.h"
#include "util/hex.h"

namespace lagan {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// "20130524T000000Z"
std::string stamp(Nanoseconds now) {
  const std::time_t seconds = now / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y%m%dT%H%M%SZ}", utc);
}

Sha256 sign(ByteSpan key, std::string_view text) { return hmac_sha256(key, as_bytes(text)); }

}  // namespace

std::string canonical_query(QueryParameters query) {
  for (auto& [name, value] : query) {
    name = escape_url(name, Slashes::escaped);
    value = escape_url(value, Slashes::escaped);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

HttpHeaders sign_v4(const RequestToSign& request, const AwsCredentials& credentials,
                    std::string_view region, std::string_view service, Nanoseconds now) {
  const std::string time = stamp(now);
  HttpHeaders headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty())
    headers.emplace_back("x-amz-security-token", credentials.session_token);

  HttpHeaders sorted = headers;
  for (auto& [name, value] : sorted) name = lower(name);
  std::ranges::sort(sorted);
  std::string lines, names;
  for (const auto& [name, value] : sorted) {
    lines += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                  canonical_query(request.query), lines, names, request.payload_sha256);
  const std::string scope =
      fmt::format("{}/{}/{}/aws4_request", time.substr(0, 8), region, service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, to_hex(sha256(as_bytes(canonical))));
  Sha256 key = sign(as_bytes("AWS4" + credentials.secret_key), time.substr(0, 8));
  for (const std::string_view part : {region, service, std::string_view("aws4_request")})
    key = sign(key, part);
  headers.emplace_back(
      "Authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                  credentials.access_key, scope, names, to_hex(sign(key, to_sign))));
  return headers;
}

}  // namespace lagan
