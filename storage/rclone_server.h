// SPDX-License-Identifier: Apache-2.0
#pragma once

// A running `rclone rcd`: started, found, checked that it lets in only us. One thread starts it,
// any may then send.

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

  // `path` is escaped and begins with '/'.
  Result<HttpAnswer> send(HttpRequest request, std::string_view path);

 private:
  explicit RcloneServer(const HttpOptions& options) : client_(options) {}
  Result<void> check_door();

  std::unique_ptr<ChildProcess> child_;
  HttpClient client_;
  std::string base_, user_, password_;
};

// A call of the remote control with a JSON object.
HttpRequest remote_call(ByteSpan json);

}  // namespace lagan
