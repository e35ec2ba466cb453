// SPDX-License-Identifier: Apache-2.0

// The chain's world as it is: environment, files, commands, the machine's metadata service.

#include <cstdio>
#include <cstdlib>

#include "storage/aws_credentials.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;

Result<std::string> output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return fail(system_error("start the command", errno));
  std::string output;
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, got);
    if (output.size() > kFileMax) break;
  }
  const int status = ::pclose(pipe);
  if (status != 0) return fail(ErrorCode::permission, "the command failed");
  return output;
}

}  // namespace

AwsWorld real_aws_world() {
  AwsWorld world;
  world.variable = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value != nullptr ? value : "");
  };
  world.read_file = [](const std::string& path) -> Result<std::string> {
    const Bytes content = TRY(lagan::read_file(path, kFileMax));
    return std::string(as_text(content));
  };
  world.run = output_of;
  HttpOptions options;
  // Where there is no such service nothing answers at its address.
  options.connect_seconds = options.first_connect_seconds = 1;
  options.stall_seconds = 5;
  auto client = std::make_shared<HttpClient>(options);
  world.send = [client](const HttpRequest& request) { return client->send(request); };
  return world;
}

}  // namespace lagan
