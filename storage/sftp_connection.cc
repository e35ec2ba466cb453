// SPDX-License-Identifier: Apache-2.0
#include "storage/sftp_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace lagan {
namespace {

// Enough of both to fill 2 MiB, which is what ssh lets travel at a time.
constexpr std::size_t kRequestsOnTheWay = 64;
constexpr std::size_t kBufferedMax = std::size_t{256} << 10;
constexpr std::uint32_t kPacketMax = std::uint32_t{1} << 20;
constexpr int kPollMs = 200;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

// ssh ends before it has said a word of SFTP: its last line tells why.
Error connect_error(const std::string& last_words) {
  const auto says = [&](std::string_view text) {
    return last_words.find(text) != std::string::npos;
  };
  Error error{ErrorCode::unavailable, "ssh: no connection", Retry::backoff, {}};
  if (!last_words.empty()) error.message = "ssh: " + last_words;
  if (says("Permission denied")) {
    error.code = ErrorCode::permission;
    error.retry = Retry::never;
    error.message += ": try `ssh` to this host by hand; backups need a key without questions";
  } else if (says("Host key verification failed")) {
    error.code = ErrorCode::permission;
    error.retry = Retry::never;
    error.message += ": the host is not known; connect once by hand with `ssh` to accept its key";
  } else if (says("subsystem request failed") || says("cannot be started")) {
    error.code = ErrorCode::unsupported;
    error.retry = Retry::never;
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<SftpConnection>> SftpConnection::open(
    const std::vector<std::string>& command, const HttpOptions& options) {
  std::unique_ptr<SftpConnection> connection(new SftpConnection);
  connection->child_ = TRY(ChildProcess::start(command));
  connection->options_ = options;
  TRY(connection->say_hello());
  return connection;
}

Result<void> SftpConnection::say_hello() {
  std::string hello = SftpRequest(SftpType::init, 3).finish();  // the version stands for an id
  while (true) {
    auto moved = transfer(hello, 0);
    if (!moved && moved.error().code != ErrorCode::unavailable) return moved;
    if (!moved) return fail(connect_error(child_->last_words()));
    const auto packet = TRY(next_packet());
    if (!packet) continue;
    for (std::string& name : TRY(parse_sftp_version(*packet))) extensions_.insert(std::move(name));
    return {};
  }
}

tl::unexpected<Error> SftpConnection::broken(std::string_view what) {
  is_usable_ = false;
  return fail(Error{ErrorCode::unavailable, fmt::format("SFTP: {}", what), Retry::now, {}});
}

// Waits until something could be sent or received, and does that. Both in one loop: a server that
// cannot get rid of its answers takes no more requests.
Result<void> SftpConnection::transfer(std::string& out, std::uint64_t whole) {
  pollfd socket{child_->socket(), POLLIN, 0};
  if (!out.empty()) socket.events |= POLLOUT;
  for (int waited = 0;; waited += kPollMs) {
    if (whole > Throttle::kSmallBytes && options_.stop.stop_requested()) {
      is_usable_ = false;
      return fail(ErrorCode::cancelled, "interrupted");
    }
    const int ready = ::poll(&socket, 1, kPollMs);
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return broken("poll failed");
    if (waited >= options_.stall_seconds * 1000) return broken("no answer in time");
  }
  if (socket.revents & POLLOUT) {
    const std::size_t most = options_.upload ? Throttle::kSliceBytes : out.size();
    const ssize_t sent =
        ::send(socket.fd, out.data(), std::min(most, out.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return broken("the connection broke");
    if (sent > 0) {
      out.erase(0, static_cast<std::size_t>(sent));
      if (options_.upload)
        options_.upload->passed(static_cast<std::uint64_t>(sent), whole, options_.stop);
    }
  }
  if (socket.revents & (POLLIN | POLLHUP | POLLERR)) {
    const std::size_t before = in_.size();
    const std::size_t most = options_.download ? Throttle::kSliceBytes : kReadBytes;
    in_.resize(before + most);
    const ssize_t got = ::recv(socket.fd, in_.data() + before, most, MSG_DONTWAIT);
    in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return broken("the connection was closed");
    if (got < 0 && errno != EAGAIN && errno != EINTR) return broken("the connection broke");
    if (got > 0 && options_.download)
      options_.download->passed(static_cast<std::uint64_t>(got), whole, options_.stop);
  }
  return {};
}

Result<std::optional<std::string_view>> SftpConnection::next_packet() {
  const std::string_view rest = std::string_view(in_).substr(in_begin_);
  std::uint32_t length = 0;
  if (rest.size() >= 4) {
    for (int i = 0; i < 4; ++i)
      length = (length << 8) | static_cast<unsigned char>(rest[static_cast<std::size_t>(i)]);
    if (length == 0 || length > kPacketMax) {
      is_usable_ = false;
      // A login script that prints something does this.
      return fail(ErrorCode::corrupt,
                  "what comes back is no SFTP: does a login script on the server print something?");
    }
  }
  if (rest.size() < 4 || rest.size() - 4 < length) {
    in_.erase(0, std::exchange(in_begin_, 0));
    return std::optional<std::string_view>();
  }
  in_begin_ += 4 + length;
  return std::optional(rest.substr(4, length));
}

Result<void> SftpConnection::run(std::size_t count, const MakeRequest& make,
                                 const TakeReply& take) {
  const std::uint32_t first_id = next_id_;
  next_id_ += static_cast<std::uint32_t>(count);
  std::string out = std::exchange(told_, {});
  std::size_t made = 0, answered = 0;
  std::vector<bool> is_answered(count);
  Result<void> first_failure;
  // Many requests are the content of a file, as a rule.
  constexpr std::size_t kFew = 4;
  const std::uint64_t whole = count > kFew ? count * kPieceBytes : 0;
  while (answered < count) {
    while (made < count && made - answered < kRequestsOnTheWay && out.size() < kBufferedMax) {
      out += make(made, first_id + static_cast<std::uint32_t>(made));
      ++made;
    }
    TRY(transfer(out, whole));
    // Not beyond the last: what it borrows stays until the next call.
    while (answered < count) {
      const auto packet = TRY(next_packet());
      if (!packet) break;
      const auto reply_or = parse_sftp_reply(*packet);
      if (!reply_or) return broken(reply_or.error().message);
      const SftpReply& reply = *reply_or;
      if (told_ids_.erase(reply.id) != 0) continue;
      const std::size_t number = reply.id - first_id;
      if (number >= made || is_answered[number]) return broken("an answer to nothing");
      is_answered[number] = true;
      ++answered;
      auto taken = take(number, reply);
      if (!taken && first_failure) first_failure = std::move(taken);
    }
  }
  return first_failure;
}

void SftpConnection::tell(const std::function<std::string(std::uint32_t)>& make) {
  told_ids_.insert(next_id_);
  told_ += make(next_id_++);
}

Result<SftpReply> SftpConnection::ask(const std::function<std::string(std::uint32_t)>& make) {
  SftpReply found;
  TRY(run(
      1, [&](std::size_t, std::uint32_t id) { return make(id); },
      [&](std::size_t, const SftpReply& reply) -> Result<void> {
        found = reply;
        return {};
      }));
  return found;
}

Error sftp_error(const SftpReply& reply, std::string_view what) {
  const auto status = reply.status();
  if (!status) return Error(status.error()).in(what);
  Error error{ErrorCode::io, fmt::format("{}: {}", what, reply.status_text()), Retry::never, {}};
  switch (*status) {
    case SftpStatus::no_such_file:
      error.code = ErrorCode::not_found;
      break;
    case SftpStatus::permission_denied:
      error.code = ErrorCode::permission;
      break;
    case SftpStatus::connection_lost:
      error.code = ErrorCode::unavailable;
      error.retry = Retry::now;
      break;
    case SftpStatus::unsupported:
      error.code = ErrorCode::unsupported;
      break;
    default:
      break;
  }
  return error;
}

Result<void> expect_ok(const SftpReply& reply, std::string_view what) {
  const auto status = reply.status();
  if (status && *status == SftpStatus::ok) return {};
  return fail(sftp_error(reply, what));
}

}  // namespace lagan
