// SPDX-License-Identifier: Apache-2.0
#include "storage/rclone_server.h"

#include <fmt/format.h>

#include <array>
#include <random>

#include "util/hex.h"

namespace lagan {
namespace {

constexpr int kStartSeconds = 20;
// The shell ends rclone when its input ends, which is when we do; and says so if rclone ends first.
constexpr const char* kWatch =
    "{ \"$@\"; echo lagan: rclone has ended >&2; } & cat >/dev/null; kill 0";
constexpr std::string_view kEnded = "lagan: rclone has ended";
constexpr std::string_view kServing = "erving remote control on ";

std::string random_word() {
  std::random_device device;
  std::array<std::byte, 16> bytes;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(device());
  return to_hex(bytes);
}

}  // namespace

Result<std::unique_ptr<RcloneServer>> RcloneServer::start(const std::vector<std::string>& command,
                                                          const HttpOptions& options) {
  HttpOptions local = options;
  local.ca_file.clear();
  local.client_certificate.clear();
  std::unique_ptr<RcloneServer> server(new RcloneServer(local));
  server->user_ = random_word();
  server->password_ = random_word();
  std::vector<std::string> words{"sh", "-c", kWatch, "lagan"};
  words.insert(words.end(), command.begin(), command.end());
  for (const char* word : {"rcd", "--rc-serve", "--rc-addr", "127.0.0.1:0"})
    words.emplace_back(word);
  // Arguments could be seen by others, the environment cannot. Who repeats requests are we.
  server->child_ = TRY(ChildProcess::start(
      words, {"RCLONE_RC_USER=" + server->user_, "RCLONE_RC_PASS=" + server->password_,
              "RCLONE_LOW_LEVEL_RETRIES=1", "RCLONE_RC_NO_AUTH=false"}));
  const std::string line = TRY(server->child_->wait_for_line({kServing, kEnded}, kStartSeconds));
  const std::size_t url = line.find("http://");
  if (url == std::string::npos) {
    std::string why = server->child_->last_words();
    return fail(ErrorCode::unavailable,
                fmt::format("rclone does not start: {}", why.empty() ? line : why));
  }
  server->base_ = line.substr(url, line.find_first_of(" \t\r", url) - url);
  while (server->base_.ends_with('/')) server->base_.pop_back();
  TRY(server->check_door());
  return server;
}

// A version that does not know the variables would let in everybody.
Result<void> RcloneServer::check_door() {
  HttpRequest stranger = remote_call(as_bytes("{}"));
  stranger.url = base_ + "/rc/noopauth";
  const HttpAnswer refused = TRY_IN("rclone", client_.send(stranger));
  if (refused.status != 401 && refused.status != 403) {
    return fail(ErrorCode::unsupported,
                "this rclone lets everybody on this machine in: a newer one is needed");
  }
  const HttpAnswer answer = TRY_IN("rclone", send(remote_call(as_bytes("{}")), "/rc/noopauth"));
  if (answer.is_success()) return {};
  return fail(http_status_error(answer, "rclone"));
}

Result<HttpAnswer> RcloneServer::send(HttpRequest request, std::string_view path) {
  child_->drain();  // its messages must not block it
  request.url = base_ + std::string(path);
  request.user = user_;
  request.password = password_;
  return client_.send(request);
}

HttpRequest remote_call(ByteSpan json) {
  HttpRequest request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json;
  request.answer_limit_bytes = std::uint64_t{512} << 20;  // a listing of everything
  return request;
}

}  // namespace lagan
