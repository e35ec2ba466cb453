// SPDX-License-Identifier: Apache-2.0
#include "src/serve/listen_address.h"

#include <doctest/doctest.h>

#include "src/serve/server.h"

namespace lagan {
namespace {

TEST_CASE("only addresses of this machine are loopback") {
  for (const char* text : {"127.0.0.1:80", "127.9.9.9:0", "localhost:8080", "[::1]:8080"}) {
    INFO(text);
    const auto address = ListenAddress::parse(text);
    REQUIRE(address);
    CHECK(address->is_loopback());
  }
  for (const char* text : {"0.0.0.0:80", "192.168.0.1:80", "[::]:80", "[fe80::1]:80", "128.0.0.1:1",
                           "[::ffff:10.0.0.1]:80"}) {
    INFO(text);
    const auto address = ListenAddress::parse(text);
    REQUIRE(address);
    CHECK(!address->is_loopback());
  }
}

TEST_CASE("what is no address and port is refused") {
  for (const char* text : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                           "127.0.0.1:65536", "127.0.0.1:-1", "::1:8080", "[::1]", "[::1",
                           "host.example:80", "127.1:80", "[127.0.0.1]:80", "localhost:80 "}) {
    INFO(text);
    CHECK(!ListenAddress::parse(text));
  }
}

TEST_CASE("a socket tells where it listens, and a port is taken once") {
  const auto socket = ListenAddress::parse("127.0.0.1:0")->open();
  REQUIRE(socket);
  const auto where = address_of(*socket);
  REQUIRE(where);
  CHECK(where->starts_with("127.0.0.1:"));
  CHECK(*where != "127.0.0.1:0");
  CHECK(!ListenAddress::parse(*where)->open());
}

TEST_CASE("other machines come in with a password over TLS, or not at all") {
  const auto here = *ListenAddress::parse("[::1]:80"),
             everywhere = *ListenAddress::parse("[::]:80");
  const auto options = [](bool has_login, bool has_tls) {
    ServerOptions made;
    if (has_login) made.login = Login{"anna", SecretBytes::copy_of(std::string_view("secret"))};
    if (has_tls) made.tls.emplace();
    return made;
  };
  CHECK(check_exposure(here, options(false, false)));
  CHECK(check_exposure(everywhere, options(true, true)));
  CHECK(!check_exposure(everywhere, options(false, false)));
  CHECK(!check_exposure(everywhere, options(true, false)));
  CHECK(!check_exposure(everywhere, options(false, true)));
}

TEST_CASE("a login is a name and a password, both") {
  const Login login{"anna", SecretBytes::copy_of(std::string_view("secret"))};
  CHECK(login.admits("anna", "secret"));
  CHECK(!login.admits("anna", "secre"));
  CHECK(!login.admits("anna", "Secret"));
  CHECK(!login.admits("anna", "secreT"));
  CHECK(!login.admits("anne", "secret"));
  CHECK(!login.admits("anna", "secretx"));
  CHECK(!login.admits("anna", ""));
  CHECK(!login.admits("ann", "secret"));
  CHECK(!login.admits("", ""));
}

}  // namespace
}  // namespace lagan
