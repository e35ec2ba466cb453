// SPDX-License-Identifier: Apache-2.0
#pragma once

// What Google's services take instead of a signature: a token that a service account gets for an
// hour by signing a request with its key (https://datatracker.ietf.org/doc/html/rfc7523). The key
// is in the JSON file that the account's owner has downloaded. Nothing of it is ever printed. Any
// thread.

#include <functional>
#include <string>

#include "storage/http.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace lagan {

class GoogleTokens {
 public:
  using Send = std::function<Result<HttpAnswer>(const HttpRequest&)>;

  // Of the content of the file; what is no key of a service account is `invalid_argument`.
  static Result<GoogleTokens> parse(std::string_view json, Send send, Clock now);

  // Kept until five minutes before it expires.
  Result<std::string> get();
  // The service says that it has expired: get() asks again.
  void forget();
  // Who pays for new buckets; may be empty.
  const std::string& project() const { return project_; }

 private:
  GoogleTokens() = default;
  Result<std::string> assertion() const;

  std::string email_, key_id_, private_key_, address_, project_;
  Send send_;
  Clock now_;
  struct Current {
    Mutex mutex;
    std::string token GUARDED_BY(mutex);
    Nanoseconds expires GUARDED_BY(mutex) = 0;
  };
  std::unique_ptr<Current> current_ = std::make_unique<Current>();
};

}  // namespace lagan
