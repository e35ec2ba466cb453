// SPDX-License-Identifier: Apache-2.0
#include "util/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace lagan {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::permission;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::no_space;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ESTALE:
    case ETIMEDOUT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOTCONN:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

Error system_error(std::string_view doing, int number) {
  const std::string text = std::generic_category().message(number);
  return Error{code_of(number), fmt::format("{}: {}", doing, text), Retry::never, {}};
}

void assertion_failed(const char* what, const char* file, int line) {
  fmt::print(stderr, "lagan: internal error, please report it: {} ({}:{})\n", what, file, line);
  std::abort();
}

}  // namespace lagan
