// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keys for S3, found where AWS's own tools find them
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html) and renewed
// before they expire. Nothing of them is ever printed. Any thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/http.h"
#include "storage/sigv4.h"
#include "util/clock.h"

namespace lagan {

// The world as the chain sees it, so that a test can make one.
struct AwsWorld {
  std::function<std::string(const std::string&)> variable;  // of the environment; "" if unset
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<Result<std::string>(const std::string& command)> run;  // its standard output
  std::function<Result<HttpAnswer>(const HttpRequest&)> send;
  Clock now = system_now;
};
AwsWorld real_aws_world();

class AwsCredentialChain {
 public:
  explicit AwsCredentialChain(AwsWorld world);
  ~AwsCredentialChain();

  // The first that has keys of: environment; web identity (AWS_WEB_IDENTITY_TOKEN_FILE); profile in
  // ~/.aws/credentials and ~/.aws/config, keys or credential_process, or a role that those of its
  // source_profile may take; the container's (ECS, EKS); the machine's own (IMDSv2). Kept until ten
  // minutes before they expire. `permission` says what was tried.
  Result<AwsCredentials> get();
  // The server says that the keys have expired: get() asks again.
  void forget();

  // Of environment or profile; empty if neither says.
  std::string region() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lagan
