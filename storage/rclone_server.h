// SPDX-License-Identifier: Apache-2.0
#pragma once

// A running `rclone rcd`: started, found, checked that it lets in only us. It listens on a socket
// in a folder that nobody else may enter; up to version 1.60, which cannot, on a port of the
// loopback, with a password that is made for it. One thread starts it, any may then send.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/child_process.h"
#include "storage/http.h"

namespace lagan {

class RcloneServer {
 public:
  // `command` is the program with its arguments, without `rcd`.
  static Result<std::unique_ptr<RcloneServer>> start(const std::vector<std::string>& command,
                                                     const HttpOptions& options);
  ~RcloneServer();

  // `path` is escaped and begins with '/'.
  Result<HttpAnswer> send(HttpRequest request, std::string_view path);

 private:
  RcloneServer(const HttpOptions& options, std::string folder);
  // On a socket in `folder`; `unsupported` if rclone knows none. On a port if `folder` is empty.
  static Result<std::unique_ptr<RcloneServer>> start_in(std::string folder,
                                                        const std::vector<std::string>& command,
                                                        const HttpOptions& options);
  Result<void> find_port(std::string_view announced);
  Result<void> check_door();

  const std::string folder_;  // of the socket; empty: it is a port
  std::unique_ptr<ChildProcess> child_;
  HttpClient client_;
  std::string base_, user_, password_;
};

// A call of the remote control with a JSON object.
HttpRequest remote_call(ByteSpan json);

}  // namespace lagan
