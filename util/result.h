// SPDX-License-Identifier: Apache-2.0
#pragma once

// Errors are values. What can fail on a good day returns Result<T>; TRY passes a failure on; fail()
// makes one. An Error has a code for callers that decide and a message for people, read outside-in
// and built up by TRY_IN on the way out: "restore cat.jpg: pack 3f2a91c0: short read".

#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace lagan {

enum class ErrorCode {
  io,
  not_found,
  already_exists,
  corrupt,        // outside data is wrong: never retried
  wrong_key,      // no key slot opens with this password
  no_repository,  // nothing at this location
  no_space,
  permission,
  unsupported,  // a newer format, an unknown feature
  invalid_argument,
  cancelled,
  unavailable,  // the storage is away or busy for now
  internal,
};

// What a caller may do about a storage error. Independent of the code: "unavailable" after the
// retries are used up is `never`.
enum class Retry { never, now, backoff };

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  Retry retry = Retry::never;
  std::chrono::milliseconds retry_after{0};  // the server's wish; 0 for none

  // The same failure seen from one level further out: "read pack 3f2a: short read".
  Error in(std::string_view where) && {
    message = std::string(where) + ": " + message;
    return std::move(*this);
  }
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), Retry::never, {}});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The failure that `errno` value `number` stands for, with its system text: "open /x: No such file
// …".
Error system_error(std::string_view doing, int number);

// Stops the program: an invariant of ours is broken, and going on could write nonsense.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

namespace detail {
template <typename T>
T take_value(Result<T>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace detail

}  // namespace lagan

#define LAGAN_ASSERT(condition)                        \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::lagan::assertion_failed(#condition, __FILE__, __LINE__))

// The value of `expr`, or an early return of its error (a GNU statement expression; one to a
// statement).
#define TRY(expr)                                                                \
  __extension__({                                                                \
    auto tried = (expr);                                                         \
    if (!tried) return tl::unexpected<::lagan::Error>(std::move(tried).error()); \
    ::lagan::detail::take_value(tried);                                          \
  })

// TRY that also says where. `where` is only evaluated on failure.
#define TRY_IN(where, expr)                                                                \
  __extension__({                                                                          \
    auto tried = (expr);                                                                   \
    if (!tried) return tl::unexpected<::lagan::Error>(std::move(tried).error().in(where)); \
    ::lagan::detail::take_value(tried);                                                    \
  })
