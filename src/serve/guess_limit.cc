// SPDX-License-Identifier: Apache-2.0
#include "src/serve/guess_limit.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "util/bytes.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kForOne = GuessLimit::kBetween.count() * kSecond;

template <typename Address>
std::string_view bytes_of(const Address& address) {
  return as_text(std::as_bytes(std::span(&address, 1)));
}

}  // namespace

GuessLimit::GuessLimit(Clock clock) : clock_(std::move(clock)), forgiven_(kAddresses) {}

std::optional<std::chrono::seconds> GuessLimit::judge(const std::string& address, bool is_right) {
  const MutexLock lock(mutex_);
  const Nanoseconds now = clock_();
  const Nanoseconds* known = forgiven_.find(address);
  const Nanoseconds forgiven = known != nullptr ? std::max(*known, now) : now;
  const Nanoseconds wait = forgiven - now - (kAtOnce - 1) * kForOne;
  if (wait > 0) return std::chrono::seconds((wait + kSecond - 1) / kSecond);
  if (!is_right) forgiven_.put(address, forgiven + kForOne, 1);
  return std::nullopt;
}

std::string guesser_of(const sockaddr& address) {
  constexpr std::size_t kNetworkBytes = 8, kMappedAt = 12;
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return std::string(bytes_of(four.sin_addr));
  }
  if (address.sa_family != AF_INET6) return {};
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  const std::string_view bytes = bytes_of(six.sin6_addr);
  return std::string(IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) ? bytes.substr(kMappedAt)
                                                          : bytes.substr(0, kNetworkBytes));
}

}  // namespace lagan
