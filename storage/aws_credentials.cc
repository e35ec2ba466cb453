// SPDX-License-Identifier: Apache-2.0
#include "storage/aws_credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "crypto/digest.h"
#include "storage/url.h"
#include "util/hex.h"
#include "util/mutex.h"

namespace lagan {
namespace {

using Json = nlohmann::json;
using Profile = std::map<std::string, std::string>;

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kRenewBefore = 600 * kSecond;
constexpr std::string_view kMachine = "http://169.254.169.254";
constexpr std::string_view kContainer = "http://169.254.170.2";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// One section of an INI file as AWS writes it: [name] or [profile name], key = value.
Profile section_of(std::string_view text, std::string_view wanted) {
  Profile profile;
  bool is_wanted = false;
  while (!text.empty()) {
    const std::string_view line = trimmed(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), text.find('\n')));
    if (!text.empty()) text.remove_prefix(1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      std::string_view name = trimmed(line.substr(1, line.find(']') - 1));
      if (name.starts_with("profile ")) name = trimmed(name.substr(8));
      is_wanted = name == wanted;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!is_wanted || equals == std::string_view::npos) continue;
    profile[std::string(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
  }
  return profile;
}

std::string value_of(const Profile& profile, const std::string& key) {
  const auto at = profile.find(key);
  return at == profile.end() ? std::string() : at->second;
}

// "2030-01-02T03:04:05Z", perhaps with fractions; 0 if it is something else.
Nanoseconds parse_expiry(const std::string& text) {
  std::tm utc{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return 0;
  return static_cast<Nanoseconds>(::timegm(&utc)) * kSecond;
}

std::string text_in(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

Result<AwsCredentials> credentials_in(std::string_view answer, std::string_view who,
                                      const char* key, const char* token) {
  const Json json = Json::parse(answer, nullptr, false);
  AwsCredentials found;
  if (json.is_object()) {
    found = {text_in(json, key), text_in(json, "SecretAccessKey"), text_in(json, token),
             parse_expiry(text_in(json, "Expiration"))};
  }
  if (found.access_key.empty() || found.secret_key.empty())
    return fail(ErrorCode::permission, fmt::format("{} gave no keys", who));
  return found;
}

}  // namespace

struct AwsCredentialChain::State {
  explicit State(AwsWorld from) : world(std::move(from)) {}

  // Not before it is needed: to open a location looks at nothing.
  void read_profile() {
    const MutexLock lock(profile_mutex);
    if (std::exchange(was_read, true)) return;
    name = world.variable("AWS_PROFILE");
    if (name.empty()) name = "default";
    profile = load_profile(name);
  }

  Profile load_profile(const std::string& wanted) const {
    Profile found;
    const std::string home = world.variable("HOME");
    const auto merge = [&](const char* variable, const char* file) {
      std::string path = world.variable(variable);
      if (path.empty() && !home.empty()) path = home + file;
      if (path.empty()) return;
      if (const auto text = world.read_file(path)) found.merge(section_of(*text, wanted));
    };
    merge("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
    merge("AWS_CONFIG_FILE", "/.aws/config");
    return found;
  }

  Result<AwsCredentials> find() const {
    const std::string key = world.variable("AWS_ACCESS_KEY_ID");
    const std::string secret = world.variable("AWS_SECRET_ACCESS_KEY");
    if (!key.empty() && !secret.empty())
      return AwsCredentials{key, secret, world.variable("AWS_SESSION_TOKEN"), 0};
    if (!world.variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return from_web_identity();
    if (!value_of(profile, "role_arn").empty()) return from_role();
    if (auto found = TRY(from_profile(profile))) return *std::move(found);
    if (!world.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() ||
        !world.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty())
      return from_container();
    if (world.variable("AWS_EC2_METADATA_DISABLED") != "true") {
      if (auto machine = from_machine()) return machine;
    }
    return fail(ErrorCode::permission,
                fmt::format("no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                            "put them into ~/.aws/credentials (profile '{}')",
                            name));
  }

  Result<std::optional<AwsCredentials>> from_profile(const Profile& of) const {
    if (!value_of(of, "aws_access_key_id").empty()) {
      return AwsCredentials{value_of(of, "aws_access_key_id"),
                            value_of(of, "aws_secret_access_key"),
                            value_of(of, "aws_session_token"), 0};
    }
    const std::string command = value_of(of, "credential_process");
    if (command.empty()) return std::nullopt;
    const std::string answer = TRY_IN("credential_process", world.run(command));
    return TRY(credentials_in(answer, "credential_process", "AccessKeyId", "SessionToken"));
  }

  // The keys of one profile are exchanged for those of a role.
  Result<AwsCredentials> from_role() const {
    const std::string source = value_of(profile, "source_profile");
    const auto keys =
        source.empty() ? std::optional<AwsCredentials>() : TRY(from_profile(load_profile(source)));
    if (!keys) {
      return fail(ErrorCode::permission,
                  fmt::format("profile '{}' has a role_arn: its source_profile must name a profile "
                              "with keys or a credential_process",
                              name));
    }
    QueryParameters query{
        {"RoleArn", value_of(profile, "role_arn")},
        {"RoleSessionName", session_name(value_of(profile, "role_session_name"))}};
    if (const std::string id = value_of(profile, "external_id"); !id.empty())
      query.emplace_back("ExternalId", id);
    return from_token_service("AssumeRole", std::move(query), &*keys);
  }

  // What a container is given by ECS or EKS.
  Result<AwsCredentials> from_container() const {
    HttpRequest request;
    request.url = world.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (const std::string path = world.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        !path.empty())
      request.url = std::string(kContainer) + path;
    const Url url = TRY_IN("AWS_CONTAINER_CREDENTIALS_FULL_URI", parse_url(request.url));
    if (url.scheme != "https" && !is_loopback(url.authority()) &&
        !url.host.starts_with("169.254.170.") && url.host != "fd00:ec2::23") {
      return fail(ErrorCode::permission,
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI: is neither https nor this machine's own");
    }
    std::string token = world.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = world.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        !file.empty())
      token = trimmed(TRY(world.read_file(file)));
    if (!token.empty()) request.headers = {{"Authorization", token}};
    const HttpAnswer answer = TRY_IN("container credentials", world.send(request));
    if (!answer.is_success()) return fail(http_status_error(answer, "container credentials"));
    return credentials_in(as_text(answer.body), "container credentials", "AccessKeyId", "Token");
  }

  static std::string session_name(std::string given) {
    return given.empty() ? "lagan" : std::move(given);
  }

  Result<AwsCredentials> from_web_identity() const {
    const std::string token = TRY(world.read_file(world.variable("AWS_WEB_IDENTITY_TOKEN_FILE")));
    return from_token_service(
        "AssumeRoleWithWebIdentity",
        {{"RoleArn", world.variable("AWS_ROLE_ARN")},
         {"RoleSessionName", session_name(world.variable("AWS_ROLE_SESSION_NAME"))},
         {"WebIdentityToken", std::string(trimmed(token))}},
        nullptr);
  }

  // `keys` sign the request, if it needs a signature.
  Result<AwsCredentials> from_token_service(const std::string& action, QueryParameters query,
                                            const AwsCredentials* keys) const {
    std::string endpoint = world.variable("AWS_ENDPOINT_URL_STS");
    if (endpoint.empty()) endpoint = "https://sts.amazonaws.com";
    query.insert(query.begin(), {{"Action", action}, {"Version", "2011-06-15"}});
    HttpRequest request;
    request.url = endpoint + "/?" + canonical_query(query);
    if (keys != nullptr) {
      const RequestToSign to_sign{.method = "GET",
                                  .host = TRY(parse_url(endpoint)).authority(),
                                  .path = "/",
                                  .query = query,
                                  .headers = {},
                                  .payload_sha256 = to_hex(sha256({}))};
      request.headers = sign_v4(to_sign, *keys, "us-east-1", "sts", world.now());
    }
    const HttpAnswer answer = TRY_IN(action, world.send(request));
    if (answer.status >= 500 || answer.status == 429)
      return fail(http_status_error(answer, action));
    pugi::xml_document xml;
    const auto parsed = xml.load_buffer(answer.body.data(), answer.body.size());
    const auto found = xml.child((action + "Response").c_str())
                           .child((action + "Result").c_str())
                           .child("Credentials");
    if (!answer.is_success() || !parsed || !found)
      return fail(ErrorCode::permission, fmt::format("{}: HTTP status {}", action, answer.status));
    return AwsCredentials{found.child_value("AccessKeyId"), found.child_value("SecretAccessKey"),
                          found.child_value("SessionToken"),
                          parse_expiry(found.child_value("Expiration"))};
  }

  // IMDSv2: a token first, then the role's name, then its keys.
  Result<AwsCredentials> from_machine() const {
    const auto ask = [&](std::string method, std::string path,
                         HttpHeaders headers) -> Result<std::string> {
      HttpRequest request;
      request.method = std::move(method);
      request.url = std::string(kMachine) + path;
      request.headers = std::move(headers);
      if (request.method == "PUT") request.body = ByteSpan();
      const HttpAnswer answer = TRY(world.send(request));
      if (!answer.is_success()) return fail(http_status_error(answer, "instance metadata"));
      return std::string(as_text(answer.body));
    };
    const std::string token =
        TRY(ask("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}));
    const HttpHeaders proof{{"X-aws-ec2-metadata-token", token}};
    const std::string base = "/latest/meta-data/iam/security-credentials/";
    const std::string role = TRY(ask("GET", base, proof));
    const std::string answer = TRY(
        ask("GET", base + escape_url(role.substr(0, role.find('\n')), Slashes::escaped), proof));
    return credentials_in(answer, "instance metadata", "AccessKeyId", "Token");
  }

  const AwsWorld world;
  std::string name;  // this and the next stay as they are once they were read
  Profile profile;
  Mutex profile_mutex;
  bool was_read GUARDED_BY(profile_mutex) = false;
  Mutex mutex;
  std::optional<AwsCredentials> known GUARDED_BY(mutex);
};

AwsCredentialChain::AwsCredentialChain(AwsWorld world)
    : state_(std::make_unique<State>(std::move(world))) {}
AwsCredentialChain::~AwsCredentialChain() = default;

Result<AwsCredentials> AwsCredentialChain::get() {
  state_->read_profile();
  const MutexLock lock(state_->mutex);
  auto& known = state_->known;
  const Nanoseconds now = state_->world.now();
  if (known && (known->expires == 0 || known->expires - kRenewBefore > now)) return *known;
  auto found = state_->find();
  // Keys that live a little longer are better than none.
  if (!found && known && known->expires > now) return *known;
  if (!found) return found;
  known = *found;
  return found;
}

void AwsCredentialChain::forget() {
  const MutexLock lock(state_->mutex);
  state_->known.reset();
}

std::string AwsCredentialChain::region() const {
  state_->read_profile();
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = state_->world.variable(name); !region.empty()) return region;
  }
  return value_of(state_->profile, "region");
}

}  // namespace lagan
