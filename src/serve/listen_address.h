// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where a server listens, as the user wrote it: "127.0.0.1:8080", "[::1]:8080", "localhost:8080".

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "util/file.h"

namespace lagan {

class ListenAddress {
 public:
  // Addresses and "localhost" only: what a name means today is no good reason to open a door.
  static Result<ListenAddress> parse(const std::string& text);

  // Can only this machine reach it?
  bool is_loopback() const;
  // A socket that listens there; port 0 is any free one. It does not block.
  Result<File> open() const;

 private:
  sockaddr_storage address_{};
  socklen_t size_ = 0;
};

// "127.0.0.1:8080", of a socket that listens.
Result<std::string> address_of(const File& socket);

}  // namespace lagan
