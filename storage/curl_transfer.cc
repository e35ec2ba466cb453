// SPDX-License-Identifier: Apache-2.0
#include "storage/curl_transfer.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "storage/url.h"

namespace lagan {
namespace {

constexpr curl_off_t kLargeBody = curl_off_t{1} << 20;

// This machine, or what gives it its role's keys.
bool is_near(std::string_view peer) { return is_loopback(peer) || peer.starts_with("169.254."); }

}  // namespace

void CurlLines::add(const std::string& line) {
  curl_slist* longer = curl_slist_append(lines_.get(), line.c_str());
  if (longer == nullptr) return;
  (void)lines_.release();
  lines_.reset(longer);
}

CurlPool::CurlPool(HttpOptions options, int login_seconds)
    : options_(std::move(options)), login_seconds_(login_seconds) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

CurlHandle CurlPool::take() {
  const MutexLock lock(mutex_);
  if (idle_.empty()) return CurlHandle(curl_easy_init());
  CurlHandle handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void CurlPool::give_back(CurlHandle handle) {
  const MutexLock lock(mutex_);
  idle_.push_back(std::move(handle));
}

CurlTransfer::CurlTransfer(CurlPool& pool, std::optional<ByteSpan> body,
                           std::uint64_t answer_limit_bytes)
    : pool_(pool), handle_(pool.take()), body_(body), answer_limit_bytes_(answer_limit_bytes) {}

std::size_t CurlTransfer::take_header(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::string_view line(data, size);
  if (transfer.is_greeting_of_another(line)) return 0;
  if (transfer.take_line_) transfer.take_line_(line);
  return size;
}

// Memory is taken for what the server announces, at most for what the caller expects.
std::size_t CurlTransfer::take_body_part(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::uint64_t limit = transfer.answer_limit_bytes_;
  if (size > limit - std::min<std::uint64_t>(limit, transfer.received_)) {
    transfer.is_too_long_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  Bytes& body = transfer.answer_;
  if (transfer.received_ + size > body.size()) {
    const std::uint64_t wanted = std::max<std::uint64_t>(
        transfer.received_ + size, transfer.announced_.value_or(2 * body.size()));
    Bytes larger(static_cast<std::size_t>(std::min(wanted, limit)));
    if (transfer.received_ != 0) std::memcpy(larger.data(), body.data(), transfer.received_);
    body = std::move(larger);
  }
  std::memcpy(body.data() + transfer.received_, data, size);
  transfer.received_ += size;
  const HttpOptions& options = transfer.pool_.options();
  if (options.download) options.download->passed(size, body.size(), options.stop);
  return size;
}

std::size_t CurlTransfer::send_body_part(char* into, std::size_t item, std::size_t count,
                                         void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const HttpOptions& options = transfer.pool_.options();
  const ByteSpan rest = transfer.body_->subspan(transfer.sent_);
  std::size_t size = std::min(rest.size(), item * count);
  if (options.upload) size = std::min(size, Throttle::kSliceBytes);
  if (size != 0) std::memcpy(into, rest.data(), size);
  transfer.sent_ += size;
  if (options.upload) options.upload->passed(size, transfer.body_->size(), options.stop);
  return size;
}

// A connection that died while it was idle is replaced by curl, which then sends the body again.
int CurlTransfer::seek_body(void* self, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (origin != SEEK_SET || offset < 0 ||
      static_cast<std::uint64_t>(offset) > transfer.body_->size())
    return CURL_SEEKFUNC_CANTSEEK;
  transfer.sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int CurlTransfer::look_for_stop(void* self, curl_off_t to_come, curl_off_t, curl_off_t to_send,
                                curl_off_t) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const bool is_large = std::max(to_come, to_send) > kLargeBody;
  transfer.was_stopped_ = is_large && transfer.pool_.options().stop.stop_requested();
  transfer.is_unreachable_ = transfer.was_unreachable();
  return transfer.was_stopped_ || transfer.is_unreachable_ ? 1 : 0;
}

// Has there been no connection for longer than the first may take? Only asked where curl itself,
// which has the login to wait for, waits longer.
bool CurlTransfer::was_unreachable() const {
  if (pool_.login_seconds() == 0 || pool_.was_answered()) return false;
  curl_off_t connected_us = 0, total_us = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME_T, &connected_us);
  curl_easy_getinfo(handle_.get(), CURLINFO_TOTAL_TIME_T, &total_us);
  // curl looks once a second.
  constexpr curl_off_t kSecond = 1'000'000;
  return connected_us == 0 && total_us > (pool_.options().first_connect_seconds - 1) * kSecond;
}

// Does this say, as the first thing that is heard of a server, that it is the wrong one?
bool CurlTransfer::is_no_use() const {
  curl_off_t connected_us = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME_T, &connected_us);
  return connected_us == 0 || code_ == CURLE_SSL_CONNECT_ERROR || is_distrusted() ||
         code_ == CURLE_OPERATION_TIMEDOUT || was_answered_otherwise();
}

bool CurlTransfer::is_distrusted() const {
  return code_ == CURLE_PEER_FAILED_VERIFICATION || code_ == CURLE_SSL_ISSUER_ERROR;
}

// By something that is no such server at all.
bool CurlTransfer::was_answered_otherwise() const {
  return is_another_ || code_ == CURLE_WEIRD_SERVER_REPLY || code_ == CURLE_UNSUPPORTED_PROTOCOL;
}

// Where there is a login the server speaks first, and curl would wait for a line with a number.
bool CurlTransfer::is_greeting_of_another(std::string_view line) {
  if (pool_.login_seconds() == 0 || std::exchange(has_line_, true)) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  is_another_ = line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit);
  return is_another_;
}

// A peer that no longer acknowledges is given up like one that no longer sends.
int CurlTransfer::prepare_socket(void* self, curl_socket_t socket, curlsocktype) {
  const HttpOptions& options = static_cast<CurlTransfer*>(self)->pool_.options();
  const auto milliseconds = static_cast<unsigned int>(options.stall_seconds) * 1000;
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
  return CURL_SOCKOPT_OK;
}

void CurlTransfer::set_common() {
  const HttpOptions& options = pool_.options();
  set(CURLOPT_ERRORBUFFER, details_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT,
      static_cast<long>(pool_.login_seconds() + (pool_.was_answered()
                                                     ? options.connect_seconds
                                                     : options.first_connect_seconds)));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME,
      static_cast<long>(pool_.was_answered()
                            ? options.stall_seconds
                            : std::min(options.stall_seconds, options.first_answer_seconds)));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, 30L);
  set(CURLOPT_SOCKOPTFUNCTION, prepare_socket);
  set(CURLOPT_SOCKOPTDATA, this);
  set(CURLOPT_BUFFERSIZE,
      options.download ? static_cast<long>(Throttle::kSliceBytes) : 512L * 1024);
  set(CURLOPT_UPLOAD_BUFFERSIZE,
      options.upload ? static_cast<long>(Throttle::kSliceBytes) : 1024L * 1024);
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, take_body_part);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, look_for_stop);
  set(CURLOPT_XFERINFODATA, this);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.client_certificate.empty()) {
    set(CURLOPT_SSLCERT, options.client_certificate.c_str());
    set(CURLOPT_SSLKEY, options.client_certificate.c_str());
  }
  if (options.insecure_tls) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (body_) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_->size()));
    set(CURLOPT_READFUNCTION, send_body_part);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, seek_body);
    set(CURLOPT_SEEKDATA, this);
  }
}

Result<void> CurlTransfer::perform(std::string_view peer) {
  if (!handle_) return fail(ErrorCode::internal, "libcurl cannot be initialised");
  set_common();
  // What is said to this machine, as to rclone with its password, is no proxy's business.
  if (is_near(peer)) set(CURLOPT_NOPROXY, "*");
  code_ = curl_easy_perform(handle_.get());
  if (code_ == CURLE_OK) {
    pool_.note_answer();
    return {};
  }
  Error failure = error(peer);
  if (!pool_.was_answered() && is_no_use()) failure.retry = Retry::never;
  return fail(std::move(failure));
}

long CurlTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

Bytes CurlTransfer::take_body() {
  answer_.truncate(received_);
  return std::move(answer_);
}

// The options of this transfer go, its connection stays; but not after an error, for who knows what
// is still to come on it.
CurlTransfer::~CurlTransfer() {
  const bool is_refusal = code_ == CURLE_QUOTE_ERROR || code_ == CURLE_REMOTE_FILE_NOT_FOUND;
  if (!handle_ || (code_ != CURLE_OK && !is_refusal)) return;
  curl_easy_reset(handle_.get());
  pool_.give_back(std::move(handle_));
}

// Only curl's words tell them apart, whatever library it has for TLS.
std::string_view CurlTransfer::advice_on_certificate() const {
  const std::string_view details = details_;
  const auto says = [&](std::string_view word) { return details.find(word) != details.npos; };
  if (says("expired") || says("not yet valid"))
    return "its certificate is out of date, or this machine's clock is wrong";
  if (says("host name") || says("hostname"))
    return "its certificate is not for this name: is the host right?";
  return "its certificate is not to be trusted: name the authority with --cacert FILE";
}

Error CurlTransfer::error(std::string_view peer) const {
  const std::string_view details = details_;
  const auto made = [&](ErrorCode kind, Retry retry, std::string_view what) {
    std::string message = fmt::format("{}: {}", peer, what);
    if (!details.empty()) message += fmt::format(" ({})", details);
    return Error{kind, std::move(message), retry, {}};
  };
  if (is_unreachable_)
    return made(ErrorCode::unavailable, Retry::backoff,
                "no connection: is the host right, and does it let us through?");
  if (was_stopped_) return Error{ErrorCode::cancelled, "interrupted", Retry::never, {}};
  if (is_too_long_)
    return made(ErrorCode::corrupt, Retry::never, "the answer is longer than it may be");
  if (was_answered_otherwise())
    return made(ErrorCode::unavailable, Retry::backoff,
                "the answer is none of this protocol: is the port right?");
  switch (code_) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      // What curl says beside it is the same in other words.
      return Error{ErrorCode::unavailable,
                   fmt::format("{}: the host name does not resolve: is it spelled right, and is "
                               "there a network?",
                               peer),
                   Retry::backoff,
                   {}};
    case CURLE_COULDNT_CONNECT:
      return made(ErrorCode::unavailable, Retry::backoff,
                  "no connection: is the server running, and is the port right?");
    case CURLE_OPERATION_TIMEDOUT:
      // Who is silent does not say that it is busy: as likely the connection is dead.
      return made(ErrorCode::unavailable, Retry::now, "no answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      // Once it was trusted, somebody stands between for a while: the page of a hotel's network.
      return made(ErrorCode::permission, Retry::backoff, advice_on_certificate());
    case CURLE_SSL_CACERT_BADFILE:
      return made(ErrorCode::invalid_argument, Retry::never,
                  "the file of --cacert cannot be read, or has no certificates in PEM");
    case CURLE_SSL_CONNECT_ERROR:
      return made(ErrorCode::unavailable, Retry::backoff,
                  "no TLS connection: does the server speak TLS on this port?");
    case CURLE_SSL_CERTPROBLEM:
      return made(ErrorCode::invalid_argument, Retry::never,
                  "the client certificate cannot be used (--tls-client-cert)");
    case CURLE_LOGIN_DENIED:
      return made(ErrorCode::permission, Retry::never, "user or password is wrong");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return made(ErrorCode::unavailable, Retry::now, "the connection broke");
    default:
      return made(ErrorCode::unavailable, Retry::backoff, curl_easy_strerror(code_));
  }
}

}  // namespace lagan
