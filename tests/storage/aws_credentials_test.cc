// SPDX-License-Identifier: Apache-2.0
#include "storage/aws_credentials.h"

#include <doctest/doctest.h>

#include <map>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

// What the chain finds there, and how often it asked.
struct World {
  std::map<std::string, std::string> variables, files, commands, urls;
  Nanoseconds now = 1'000'000 * kSecond;
  int asked = 0;
  std::string authorization;  // of the last request

  AwsWorld as_aws_world() {
    AwsWorld world;
    world.variable = [this](const std::string& name) { return variables[name]; };
    world.read_file = [this](const std::string& path) { return look(files, path); };
    world.run = [this](const std::string& command) { return look(commands, command); };
    world.send = [this](const HttpRequest& request) -> Result<HttpAnswer> {
      for (const auto& [name, value] : request.headers) {
        if (name == "Authorization") authorization = value;
      }
      const std::string text = TRY(look(urls, request.method + " " + request.url));
      HttpAnswer answer;
      answer.status = 200;
      answer.body = Bytes::copy_of(as_bytes(text));
      return answer;
    };
    world.now = [this] { return now; };
    return world;
  }
  Result<std::string> look(const std::map<std::string, std::string>& in, const std::string& key) {
    ++asked;
    const auto at = in.find(key);
    if (at == in.end()) return fail(ErrorCode::not_found, key);
    return at->second;
  }
};

TEST_CASE("keys of the environment come first, with their token") {
  World world;
  world.variables = {{"AWS_ACCESS_KEY_ID", "key"},
                     {"AWS_SECRET_ACCESS_KEY", "secret"},
                     {"AWS_SESSION_TOKEN", "token"},
                     {"HOME", "/home/me"}};
  world.files = {{"/home/me/.aws/credentials", "[default]\naws_access_key_id = other\n"}};
  AwsCredentialChain chain(world.as_aws_world());
  const AwsCredentials found = chain.get().value();
  CHECK(found.access_key == "key");
  CHECK(found.secret_key == "secret");
  CHECK(found.session_token == "token");
}

TEST_CASE("a profile is found in both files, by its name") {
  World world;
  world.variables = {{"HOME", "/home/me"}, {"AWS_PROFILE", "work"}};
  world.files = {{"/home/me/.aws/credentials",
                  "# keys\n[default]\naws_access_key_id=wrong\n\n[work]\r\n"
                  "aws_access_key_id = key\r\naws_secret_access_key = se=cret\r\n"},
                 {"/home/me/.aws/config", "[profile work]\nregion = eu-west-1\n"}};
  AwsCredentialChain chain(world.as_aws_world());
  CHECK(chain.get().value().access_key == "key");
  CHECK(chain.get().value().secret_key == "se=cret");
  CHECK(chain.region() == "eu-west-1");
}

TEST_CASE("a command's keys are asked for again before they expire, and kept until then") {
  World world;
  world.variables = {{"HOME", "/home/me"}};
  world.files = {{"/home/me/.aws/config", "[default]\ncredential_process = helper --json\n"}};
  world.commands = {{"helper --json",
                     R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","SessionToken":"c",)"
                     R"("Expiration":"1970-01-12T14:46:40Z"})"}};  // in an hour
  AwsCredentialChain chain(world.as_aws_world());
  CHECK(chain.get().value().session_token == "c");
  const int before = world.asked;
  CHECK(chain.get());
  CHECK(world.asked == before);
  world.now += 3100 * kSecond;
  CHECK(chain.get());
  CHECK(world.asked == before + 1);
  // Nobody answers: those that live a little longer must do.
  world.commands.clear();
  CHECK(chain.get().value().access_key == "a");
  world.now += 600 * kSecond;
  CHECK_FALSE(chain.get());
}

TEST_CASE("the machine's own role comes last") {
  World world;
  const std::string service = "http://169.254.169.254/latest/";
  world.urls = {
      {"PUT " + service + "api/token", "proof"},
      {"GET " + service + "meta-data/iam/security-credentials/", "role\n"},
      {"GET " + service + "meta-data/iam/security-credentials/role",
       R"({"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"1970-01-13T00:00:00Z"})"}};
  AwsCredentialChain chain(world.as_aws_world());
  CHECK(chain.get().value().session_token == "c");
}

TEST_CASE("a web identity is exchanged for keys") {
  World world;
  world.variables = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
                     {"AWS_ROLE_ARN", "arn:x"},
                     {"AWS_ENDPOINT_URL_STS", "http://sts"}};
  world.files = {{"/token", "jwt\n"}};
  world.urls = {
      {"GET http://sts/?Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Ax&"
       "RoleSessionName=lagan&Version=2011-06-15&WebIdentityToken=jwt",
       "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
       "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey>"
       "<SessionToken>c</SessionToken><Expiration>1970-01-13T00:00:00Z</Expiration>"
       "</Credentials></AssumeRoleWithWebIdentityResult>"
       "</AssumeRoleWithWebIdentityResponse>"}};
  AwsCredentialChain chain(world.as_aws_world());
  const auto found = chain.get();
  CHECK_MESSAGE(found, (found ? "" : found.error().message));
  CHECK(chain.get().value().access_key == "a");
}

TEST_CASE("the keys of a profile are exchanged for those of its role") {
  World world;
  world.variables = {
      {"HOME", "/home/me"}, {"AWS_PROFILE", "role"}, {"AWS_ENDPOINT_URL_STS", "http://sts"}};
  world.files = {{"/home/me/.aws/credentials",
                  "[base]\naws_access_key_id = key\naws_secret_access_key = secret\n"},
                 {"/home/me/.aws/config",
                  "[profile role]\nrole_arn = arn:x\nsource_profile = base\nexternal_id = e\n"}};
  const std::string request =
      "GET http://sts/?Action=AssumeRole&ExternalId=e&RoleArn=arn%3Ax&RoleSessionName=lagan&"
      "Version=2011-06-15";
  world.urls = {{request,
                 "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId>"
                 "<SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken>"
                 "<Expiration>1970-01-13T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
                 "</AssumeRoleResponse>"}};
  AwsCredentialChain chain(world.as_aws_world());
  const auto found = chain.get();
  REQUIRE_MESSAGE(found, found.error().message);
  CHECK(found->access_key == "a");
  CHECK(found->session_token == "c");
  CHECK(world.authorization.starts_with("AWS4-HMAC-SHA256 Credential=key/"));
  CHECK(world.authorization.find("/us-east-1/sts/aws4_request") != std::string::npos);

  world.files["/home/me/.aws/config"] = "[profile role]\nrole_arn = arn:x\n";
  AwsCredentialChain other(world.as_aws_world());
  CHECK(other.get().error().message.find("source_profile") != std::string::npos);
}

TEST_CASE("a container has keys of its own, which no stranger is asked for") {
  const std::string keys = R"({"AccessKeyId":"a","SecretAccessKey":"b","Token":"c"})";
  World world;
  world.variables = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/1"}};
  world.urls = {{"GET http://169.254.170.2/v2/1", keys}, {"GET http://127.0.0.1:1/x", keys}};
  CHECK(AwsCredentialChain(world.as_aws_world()).get().value().session_token == "c");

  world.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"},
                     {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"}};
  world.files = {{"/token", "proof\n"}};
  CHECK(AwsCredentialChain(world.as_aws_world()).get().value().access_key == "a");
  CHECK(world.authorization == "proof");

  world.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.org/x";
  world.urls = {{"GET http://example.org/x", keys}};
  CHECK_FALSE(AwsCredentialChain(world.as_aws_world()).get());
}

TEST_CASE("without keys anywhere the message says what to set") {
  World world;
  world.variables = {{"AWS_EC2_METADATA_DISABLED", "true"}};
  AwsCredentialChain chain(world.as_aws_world());
  const auto found = chain.get();
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::permission);
  CHECK(found.error().message.find("AWS_ACCESS_KEY_ID") != std::string::npos);
}

}  // namespace
}  // namespace lagan
