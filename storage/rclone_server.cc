// SPDX-License-Identifier: Apache-2.0
#include "storage/rclone_server.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "util/hex.h"

namespace lagan {
namespace {

constexpr int kStartSeconds = 20;
// The shell ends rclone when its input ends, which is when we do, also if we are killed; and says
// so if rclone ends first.
constexpr const char* kWatch =
    "folder=$1; shift; { \"$@\"; echo lagan: rclone has ended >&2; } & "
    "cat >/dev/null; rm -rf \"$folder\"; kill 0";
constexpr std::string_view kEnded = "lagan: rclone has ended";
constexpr std::string_view kServing = "erving remote control on ";
constexpr std::string_view kSocket = "/rc";

std::string random_word() {
  std::random_device device;
  std::array<std::byte, 16> bytes;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(device());
  return to_hex(bytes);
}

// Of ours alone (mode 0700). Empty if there can be none, or its name is too long for a socket.
std::string make_private_folder() {
  const char* place = std::getenv("XDG_RUNTIME_DIR");
  if (place == nullptr || *place != '/') place = std::getenv("TMPDIR");
  if (place == nullptr || *place != '/') place = "/tmp";
  std::string folder = std::string(place) + "/lagan-rclone-XXXXXX";
  if (folder.size() + kSocket.size() >= sizeof sockaddr_un::sun_path) return {};
  return ::mkdtemp(folder.data()) != nullptr ? folder : std::string();
}

HttpOptions options_of(HttpOptions options, const std::string& folder) {
  options.ca_file.clear();
  options.client_certificate.clear();
  if (!folder.empty()) options.unix_socket = folder + std::string(kSocket);
  return options;
}

}  // namespace

RcloneServer::RcloneServer(const HttpOptions& options, std::string folder)
    : folder_(std::move(folder)),
      client_(options_of(options, folder_)),
      base_("http://rclone"),
      user_(random_word()),
      password_(random_word()) {}

RcloneServer::~RcloneServer() {
  child_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<std::unique_ptr<RcloneServer>> RcloneServer::start(const std::vector<std::string>& command,
                                                          const HttpOptions& options) {
  if (std::string folder = make_private_folder(); !folder.empty()) {
    auto server = start_in(std::move(folder), command, options);
    // An older one has taken the socket's name for a port's.
    if (server || server.error().code != ErrorCode::unsupported) return server;
  }
  return start_in({}, command, options);
}

Result<std::unique_ptr<RcloneServer>> RcloneServer::start_in(
    std::string folder, const std::vector<std::string>& command, const HttpOptions& options) {
  std::unique_ptr<RcloneServer> server(new RcloneServer(options, std::move(folder)));
  const bool is_port = server->folder_.empty();
  const std::string address =
      is_port ? "127.0.0.1:0" : "unix://" + server->folder_ + std::string(kSocket);
  std::vector<std::string> words{"sh", "-c", kWatch, "lagan", server->folder_};
  words.insert(words.end(), command.begin(), command.end());
  for (const std::string& word :
       {std::string("rcd"), std::string("--rc-serve"), std::string("--rc-addr"), address})
    words.push_back(word);
  // Arguments could be seen by others, the environment cannot. Who repeats requests are we.
  server->child_ = TRY(ChildProcess::start(
      words, {"RCLONE_RC_USER=" + server->user_, "RCLONE_RC_PASS=" + server->password_,
              "RCLONE_LOW_LEVEL_RETRIES=1", "RCLONE_RC_NO_AUTH=false"}));
  const std::string line = TRY(server->child_->wait_for_line({kServing, kEnded}, kStartSeconds));
  if (line.find(kServing) == std::string::npos) {
    std::string why = server->child_->last_words();
    return fail(is_port ? ErrorCode::unavailable : ErrorCode::unsupported,
                fmt::format("rclone does not start: {}", why.empty() ? line : why));
  }
  if (is_port) TRY(server->find_port(line));
  TRY(server->check_door());
  return server;
}

Result<void> RcloneServer::find_port(std::string_view announced) {
  const std::size_t url = announced.find("http://");
  if (url == std::string::npos)
    return fail(ErrorCode::unavailable, fmt::format("rclone does not start: {}", announced));
  base_ = announced.substr(url, announced.find_first_of(" \t\r", url) - url);
  while (base_.ends_with('/')) base_.pop_back();
  return {};
}

// A version that does not know the variables would let in everybody. At a socket rclone asks
// nobody: the folder it lies in does.
Result<void> RcloneServer::check_door() {
  if (folder_.empty()) {
    HttpRequest stranger = remote_call(as_bytes("{}"));
    stranger.url = base_ + "/rc/noopauth";
    const HttpAnswer refused = TRY_IN("rclone", client_.send(stranger));
    if (refused.status != 401 && refused.status != 403) {
      return fail(ErrorCode::unsupported,
                  "this rclone lets everybody on this machine in: a newer one is needed");
    }
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
