// SPDX-License-Identifier: Apache-2.0
#include "src/serve/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace lagan {
namespace {

tl::unexpected<Error> wrong(const std::string& text) {
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("'{}' is no address and port, such as 127.0.0.1:8080 or [::]:8443", text));
}

template <typename Address>
const Address& seen_as(const sockaddr_storage& storage) {
  return *static_cast<const Address*>(static_cast<const void*>(&storage));
}

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& v4 = seen_as<sockaddr_in>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  const auto& v6 = seen_as<sockaddr_in6>(address);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return wrong(text);
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end) return wrong(text);
  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  ListenAddress made;
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address.sin6_addr) != 1)
      return wrong(text);
    std::memcpy(&made.address_, &address, sizeof address);
    made.size_ = sizeof address;
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return wrong(text);
    std::memcpy(&made.address_, &address, sizeof address);
    made.size_ = sizeof address;
  }
  return made;
}

bool ListenAddress::is_loopback() const {
  if (address_.ss_family == AF_INET)
    return ntohl(seen_as<sockaddr_in>(address_).sin_addr.s_addr) >> 24 == 127;
  return IN6_IS_ADDR_LOOPBACK(&seen_as<sockaddr_in6>(address_).sin6_addr);
}

Result<File> ListenAddress::open() const {
  const auto failed = [&](int number) {
    return fail(system_error("listen at " + text_of(address_), number));
  };
  File made(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.is_open()) return failed(errno);
  const int on = 1;
  // A server that was stopped a moment ago is no reason to wait.
  ::setsockopt(made.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto* address = static_cast<const sockaddr*>(static_cast<const void*>(&address_));
  if (::bind(made.descriptor(), address, size_) != 0 || ::listen(made.descriptor(), SOMAXCONN) != 0)
    return failed(errno);
  return made;
}

Result<std::string> address_of(const File& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.descriptor(), static_cast<sockaddr*>(static_cast<void*>(&address)),
                    &size) != 0)
    return fail(system_error("ask for the address", errno));
  return text_of(address);
}

}  // namespace lagan
