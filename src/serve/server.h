// SPDX-License-Identifier: Apache-2.0
#pragma once

// A site on the network. All that the rest of the program sees of libmicrohttpd is this.

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "src/serve/listen_address.h"
#include "src/serve/login.h"
#include "src/serve/site.h"
#include "util/file.h"

namespace lagan {

// By what a server proves who it is, in PEM, each with a NUL at its end.
struct TlsIdentity {
  SecretBytes certificate, key;
  static Result<TlsIdentity> read(const std::string& certificate_file, const std::string& key_file);
};

struct ServerOptions {
  std::optional<Login> login;        // nobody is asked without
  std::optional<TlsIdentity> tls;    // everybody on the way can read along without
  unsigned connections = 64;         // each has a thread
  unsigned connections_of_one = 32;  // from one address
  std::chrono::seconds silence{60};  // after which a connection ends
};

// `invalid_argument` if other machines could come in without a password, or read passwords and
// files on their way.
Result<void> check_exposure(const ListenAddress& address, const ServerOptions& options);

class Server {
 public:
  // Answers at once, on threads of its own. Borrows the site.
  static Result<std::unique_ptr<Server>> start(const Site& site, File listener,
                                               ServerOptions options);
  // What is under way is cut off.
  virtual ~Server() = default;

  // Until the stop.
  void wait(std::stop_token stop) const;
};

}  // namespace lagan
