// SPDX-License-Identifier: Apache-2.0
#include "storage/google_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "crypto/digest.h"
#include "storage/url.h"
#include "util/base64.h"

namespace lagan {
namespace {

using Json = nlohmann::json;

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kSpare = 300 * kSecond;
constexpr std::int64_t kWantedSeconds = 3600;  // no longer is given
constexpr const char* kAddress = "https://oauth2.googleapis.com/token";
constexpr const char* kScope = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr const char* kGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

std::string text_in(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// For URLs, without the signs at the end (https://datatracker.ietf.org/doc/html/rfc7515).
std::string base64_url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

}  // namespace

Result<GoogleTokens> GoogleTokens::parse(std::string_view json, Send send, Clock now) {
  const Json parsed = Json::parse(json, nullptr, false);
  GoogleTokens tokens;
  if (parsed.is_object()) {
    tokens.email_ = text_in(parsed, "client_email");
    tokens.key_id_ = text_in(parsed, "private_key_id");
    tokens.private_key_ = text_in(parsed, "private_key");
    tokens.address_ = text_in(parsed, "token_uri");
    tokens.project_ = text_in(parsed, "project_id");
  }
  if (tokens.email_.empty() || tokens.private_key_.empty()) {
    return fail(ErrorCode::invalid_argument,
                "is no key of a service account: make one in Google's console, as JSON");
  }
  if (tokens.address_.empty()) tokens.address_ = kAddress;
  tokens.send_ = std::move(send);
  tokens.now_ = std::move(now);
  return tokens;
}

Result<std::string> GoogleTokens::assertion() const {
  const std::int64_t now = now_() / kSecond;
  Json header{{"alg", "RS256"}, {"typ", "JWT"}};
  if (!key_id_.empty()) header["kid"] = key_id_;
  const Json claims{{"iss", email_},
                    {"scope", kScope},
                    {"aud", address_},
                    {"iat", now},
                    {"exp", now + kWantedSeconds}};
  const std::string signed_part = base64_url(header.dump()) + "." + base64_url(claims.dump());
  const Bytes signature = TRY_IN("private_key", rs256(private_key_, as_bytes(signed_part)));
  return signed_part + "." + base64_url(as_text(signature));
}

Result<std::string> GoogleTokens::get() {
  const MutexLock lock(current_->mutex);
  if (!current_->token.empty() && now_() < current_->expires - kSpare) return current_->token;
  const std::string body = fmt::format("grant_type={}&assertion={}",
                                       escape_url(kGrant, Slashes::escaped), TRY(assertion()));
  HttpRequest request;
  request.method = "POST";
  request.url = address_;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = as_bytes(body);
  const HttpAnswer answer = TRY(send_(request));
  const Json said = Json::parse(as_text(answer.body), nullptr, false);
  if (answer.status == 400 || answer.status == 401) {
    // Its own words tell a clock that is wrong from a key that was withdrawn.
    const std::string why = said.is_object() ? text_in(said, "error_description") : std::string();
    return fail(ErrorCode::permission,
                fmt::format("Google gives {} no token: the key may be withdrawn, or the clock of "
                            "this machine wrong{}",
                            email_, why.empty() ? "" : " (" + why + ")"));
  }
  if (!answer.is_success()) return fail(http_status_error(answer, "Google's tokens"));
  std::string token = said.is_object() ? text_in(said, "access_token") : std::string();
  if (token.empty()) return fail(ErrorCode::io, "Google's tokens: the answer has none");
  const auto lasts = said.find("expires_in");
  const std::int64_t seconds =
      lasts != said.end() && lasts->is_number() ? lasts->get<std::int64_t>() : kWantedSeconds;
  current_->token = std::move(token);
  current_->expires = now_() + std::clamp<std::int64_t>(seconds, 0, kWantedSeconds) * kSecond;
  return current_->token;
}

void GoogleTokens::forget() {
  const MutexLock lock(current_->mutex);
  current_->token.clear();
}

}  // namespace lagan
