// SPDX-License-Identifier: Apache-2.0
#pragma once

// One SFTP session over a program that carries it, ssh as a rule. Requests are sent without waiting
// for the answers of those before: over a long way that makes the difference between one and fifty
// requests a round trip. One thread at a time. After an error of the connection (`unavailable`) it
// is of no more use.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/child_process.h"
#include "storage/http.h"
#include "storage/sftp_packet.h"

namespace lagan {

class SftpConnection {
 public:
  // Starts the program and agrees on the version.
  static Result<std::unique_ptr<SftpConnection>> open(const std::vector<std::string>& command,
                                                      const HttpOptions& options);

  bool offers(const std::string& extension) const { return extensions_.contains(extension); }
  bool is_usable() const { return is_usable_; }

  // `count` requests, numbered from 0: `make` writes each with the id it is given, `take` gets the
  // answers, in any order. An error of `take` comes back when all answers are there. When stopped,
  // long sequences end with `cancelled`; a few requests are carried out still.
  using MakeRequest = std::function<std::string(std::size_t number, std::uint32_t id)>;
  using TakeReply = std::function<Result<void>(std::size_t number, const SftpReply&)>;
  Result<void> run(std::size_t count, const MakeRequest& make, const TakeReply& take);

  // Goes out with the next requests; whatever the answer, nobody hears of it.
  void tell(const std::function<std::string(std::uint32_t id)>& make);

  // One request; the reply's payload lives until the next call.
  Result<SftpReply> ask(const std::function<std::string(std::uint32_t id)>& make);

 private:
  SftpConnection() = default;
  Result<void> say_hello();
  Result<void> transfer(std::string& out, std::uint64_t whole);
  // A packet without its length, or nothing yet.
  Result<std::optional<std::string_view>> next_packet();
  tl::unexpected<Error> broken(std::string_view what);

  std::unique_ptr<ChildProcess> child_;
  HttpOptions options_;
  bool is_usable_ = true;
  std::set<std::string> extensions_;
  std::string in_;
  std::size_t in_begin_ = 0;
  std::uint32_t next_id_ = 1;
  std::string told_;                  // not sent yet
  std::set<std::uint32_t> told_ids_;  // not answered yet
};

// What a status says of the operation; `what` begins the message.
Error sftp_error(const SftpReply& reply, std::string_view what);
// For replies that are nothing but a status.
Result<void> expect_ok(const SftpReply& reply, std::string_view what);

}  // namespace lagan
