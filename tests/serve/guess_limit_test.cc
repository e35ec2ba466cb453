// SPDX-License-Identifier: Apache-2.0
#include "src/serve/guess_limit.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

std::string guesser(const char* text) {
  sockaddr_storage storage{};
  auto& any = reinterpret_cast<sockaddr&>(storage);      // NOLINT
  auto& four = reinterpret_cast<sockaddr_in&>(storage);  // NOLINT
  auto& six = reinterpret_cast<sockaddr_in6&>(storage);  // NOLINT
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    any.sa_family = AF_INET;
  } else {
    REQUIRE(::inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
    any.sa_family = AF_INET6;
  }
  return guesser_of(any);
}

TEST_CASE("after some wrong passwords one is judged from time to time, and a right one no sooner") {
  Nanoseconds now = 1000 * kSecond;
  GuessLimit limit([&] { return now; });
  for (int i = 0; i < GuessLimit::kAtOnce; ++i) CHECK(!limit.judge("a", false));
  CHECK(limit.judge("a", false) == GuessLimit::kBetween);
  CHECK(limit.judge("a", true) == GuessLimit::kBetween);
  now += 4 * kSecond;
  CHECK(limit.judge("a", true) == GuessLimit::kBetween - std::chrono::seconds(4));
  now += 6 * kSecond;
  CHECK(!limit.judge("a", false));
  CHECK(limit.judge("a", true) == GuessLimit::kBetween);
  now += 10 * kSecond;
  CHECK(!limit.judge("a", true));
  CHECK(!limit.judge("a", true));
  now += 1000 * kSecond;
  for (int i = 0; i < GuessLimit::kAtOnce; ++i) CHECK(!limit.judge("a", false));
  CHECK(limit.judge("a", false));
}

TEST_CASE("who guesses holds up nobody else") {
  GuessLimit limit([] { return kSecond; });
  for (int i = 0; i < 100; ++i) limit.judge("a", false);
  CHECK(limit.judge("a", true));
  CHECK(!limit.judge("b", true));
  CHECK(!limit.judge("b", false));
}

TEST_CASE("right passwords are never too many") {
  GuessLimit limit([] { return kSecond; });
  for (int i = 0; i < 1000; ++i) CHECK(!limit.judge("a", true));
}

TEST_CASE("networks of IPv6 are one guesser, addresses of IPv4 each their own") {
  CHECK(guesser("192.0.2.1") != guesser("192.0.2.2"));
  CHECK(guesser("192.0.2.1") == guesser("::ffff:192.0.2.1"));
  CHECK(guesser("::ffff:192.0.2.1") != guesser("::ffff:192.0.2.2"));
  CHECK(guesser("2001:db8::1") == guesser("2001:db8::ffff:1"));
  CHECK(guesser("2001:db8::1") != guesser("2001:db8:0:1::1"));
}

}  // namespace
}  // namespace lagan
