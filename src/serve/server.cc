// SPDX-License-Identifier: Apache-2.0
#include "src/serve/server.h"

#include <fmt/format.h>
#include <microhttpd.h>

#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

#include "src/serve/guess_limit.h"
#include "util/mutex.h"

namespace lagan {
namespace {

// The largest line of a request and all its fields together.
constexpr std::size_t kHeadBytes = 32 * 1024;
// What a file is read in. Larger pieces are no faster.
constexpr std::size_t kPieceBytes = 256 * 1024;
// What lies in deep folders is looked for by functions that call themselves.
constexpr std::size_t kStackBytes = std::size_t{8} << 20;

// Of no use as a time, but it never jumps.
Nanoseconds steady_now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct StopDaemon {
  void operator()(MHD_Daemon* daemon) const { ::MHD_stop_daemon(daemon); }
};

// A request while it comes in.
struct Incoming {
  WebRequest request;
  std::uint64_t body_bytes = 0;
  // HTTP/1.0 ends what has no length by ending the connection, whole or not.
  bool shows_breaks = true;
};

MHD_Result note_field(void* into, MHD_ValueKind, const char* name, const char* value) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  static_cast<Incoming*>(into)->request.fields[lower] = value != nullptr ? value : "";
  return MHD_YES;
}

MHD_Result note_word(void* into, MHD_ValueKind, const char* name, const char*) {
  static_cast<Incoming*>(into)->request.words.emplace_back(name);
  return MHD_YES;
}

ssize_t read_body(void* of, std::uint64_t, char* into, std::size_t size) {
  try {
    const auto read =
        static_cast<WebBody*>(of)->read({static_cast<std::byte*>(static_cast<void*>(into)), size});
    if (!read) return MHD_CONTENT_READER_END_WITH_ERROR;
    return *read > 0 ? static_cast<ssize_t>(*read) : MHD_CONTENT_READER_END_OF_STREAM;
  } catch (const std::exception&) {
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
}

// The same with a length; of much, an answer that says that this needs HTTP/1.1.
WebAnswer collected(WebAnswer answer) {
  constexpr std::size_t kCollectedBytes = std::size_t{16} << 20;
  std::string all;
  Bytes piece(kPieceBytes);
  while (all.size() < kCollectedBytes) {
    const auto size = answer.body->read(piece.span());
    if (!size) return sentence(500, size.error().message);
    if (*size == 0) {
      answer.body = std::make_unique<TextBody>(std::move(all));
      return answer;
    }
    all += as_text(piece.span().first(*size));
  }
  return sentence(505, "this is too much for HTTP/1.0, which cannot tell a part from all");
}

void free_body(void* body) { delete static_cast<WebBody*>(body); }

MHD_Result send(MHD_Connection* connection, WebAnswer answer) {
  MHD_Response* response = nullptr;
  if (answer.body == nullptr) {
    response = ::MHD_create_response_from_buffer(0, nullptr, MHD_RESPMEM_PERSISTENT);
  } else {
    const std::uint64_t size = answer.body->size().value_or(MHD_SIZE_UNKNOWN);
    response = ::MHD_create_response_from_callback(size, kPieceBytes, read_body, answer.body.get(),
                                                   free_body);
    if (response != nullptr) answer.body.release();
  }
  if (response == nullptr) return MHD_NO;
  answer.fields.emplace_back("X-Content-Type-Options", "nosniff");
  answer.fields.emplace_back("Referrer-Policy", "no-referrer");
  answer.fields.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& [name, value] : answer.fields)
    ::MHD_add_response_header(response, name.c_str(), value.c_str());
  const MHD_Result queued = ::MHD_queue_response(connection, answer.status, response);
  ::MHD_destroy_response(response);
  return queued;
}

// What was given, wiped in the end.
class GivenText {
 public:
  explicit GivenText(char* text) : text_(text) {}
  ~GivenText() {
    if (text_ == nullptr) return;
    wipe({static_cast<std::byte*>(static_cast<void*>(text_)), std::strlen(text_)});
    ::MHD_free(text_);
  }
  GivenText(const GivenText&) = delete;
  GivenText& operator=(const GivenText&) = delete;
  bool is_given() const { return text_ != nullptr; }
  std::string_view text() const { return text_ != nullptr ? text_ : ""; }

 private:
  char* const text_;
};

class MicroServer : public Server {
 public:
  MicroServer(const Site& site, ServerOptions options)
      : site_(site), options_(std::move(options)) {}

  Result<void> listen(File listener);

 private:
  static MHD_Result handle(void* self, MHD_Connection* connection, const char* url,
                           const char* method, const char* version, const char* data,
                           std::size_t* size, void** incoming);
  static void complete(void*, MHD_Connection*, void** incoming, MHD_RequestTerminationCode) {
    delete static_cast<Incoming*>(*incoming);
    *incoming = nullptr;
  }
  [[gnu::format(printf, 2, 0)]] static void note_log(void* self, const char* format, va_list words);

  MHD_Result begin(MHD_Connection* connection, Incoming& incoming) const;
  MHD_Result go_on(MHD_Connection* connection, Incoming& incoming, ByteSpan more) const;
  std::optional<WebAnswer> refusal(MHD_Connection* connection) const;

  const Site& site_;
  ServerOptions options_;
  mutable GuessLimit guesses_{steady_now};
  Mutex mutex_;
  std::string log_ GUARDED_BY(mutex_);  // of what kept it from starting
  std::atomic<bool> is_started_ = false;
  std::unique_ptr<MHD_Daemon, StopDaemon> daemon_;  // the last member: its threads use the others
};

Result<void> MicroServer::listen(File listener) {
  // Escapes are for who knows what a name may hold.
  const auto leave_escapes = [](void*, MHD_Connection*, char* text) { return std::strlen(text); };
  using Unescape = std::size_t (*)(void*, MHD_Connection*, char*);
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                   MHD_USE_ERROR_LOG;
  std::vector<MHD_OptionItem> tls;
  // The library takes no constant text, and changes none.
  char tls_priorities[] = "SECURE128:+SECURE192:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
  if (options_.tls) {
    flags |= MHD_USE_TLS;
    tls = {{MHD_OPTION_HTTPS_MEM_CERT, 0, options_.tls->certificate.span().data()},
           {MHD_OPTION_HTTPS_MEM_KEY, 0, options_.tls->key.span().data()},
           {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities}};
  }
  tls.push_back({MHD_OPTION_END, 0, nullptr});
  daemon_.reset(::MHD_start_daemon(
      flags, 0, nullptr, nullptr, handle, this, MHD_OPTION_EXTERNAL_LOGGER, note_log, this,
      MHD_OPTION_LISTEN_SOCKET, listener.descriptor(), MHD_OPTION_NOTIFY_COMPLETED, complete, this,
      MHD_OPTION_UNESCAPE_CALLBACK, static_cast<Unescape>(leave_escapes), nullptr,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kHeadBytes, MHD_OPTION_CONNECTION_LIMIT,
      options_.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, options_.connections_of_one,
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(options_.silence.count()),
      MHD_OPTION_THREAD_STACK_SIZE, kStackBytes, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
      tls.data(), MHD_OPTION_END));
  if (daemon_ == nullptr) {
    const MutexLock lock(mutex_);
    const std::string why = log_.substr(0, log_.find_last_not_of(".", log_.find('\n') - 1) + 1);
    return fail(ErrorCode::invalid_argument,
                fmt::format("the server cannot be started{}{}", why.empty() ? "" : ": ", why));
  }
  listener.release();  // it is the daemon's
  is_started_ = true;
  return {};
}

// Once it runs there is nothing to say: clients that break off are everyday.
void MicroServer::note_log(void* self, const char* format, va_list words) {
  auto& server = *static_cast<MicroServer*>(self);
  if (server.is_started_) return;
  char text[512];
  if (std::vsnprintf(text, sizeof text, format, words) <= 0) return;
  const MutexLock lock(server.mutex_);
  server.log_ += text;
}

MHD_Result MicroServer::handle(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* data,
                               std::size_t* size, void** incoming) {
  const auto& server = *static_cast<const MicroServer*>(self);
  try {
    if (*incoming == nullptr) {
      auto made = std::make_unique<Incoming>();
      made->shows_breaks = std::string_view(version) != "HTTP/1.0";
      made->request.method = method;
      made->request.path = url;
      Incoming& begun = *made;
      *incoming = made.release();
      return server.begin(connection, begun);
    }
    const ByteSpan more = as_bytes(std::string_view(data != nullptr ? data : "", *size));
    *size = 0;
    return server.go_on(connection, *static_cast<Incoming*>(*incoming), more);
  } catch (const std::exception&) {
    return MHD_NO;
  }
}

// What whoever may not come in gets.
std::optional<WebAnswer> MicroServer::refusal(MHD_Connection* connection) const {
  if (!options_.login) return std::nullopt;
  char* password = nullptr;
  const GivenText user(::MHD_basic_auth_get_username_password(connection, &password));
  const GivenText given(password);
  const bool is_right = options_.login->admits(user.text(), given.text());
  // Browsers ask without a password first, which is no guess.
  if (user.is_given()) {
    const auto* from = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const bool is_known = from != nullptr && from->client_addr != nullptr;
    const auto wait =
        guesses_.judge(is_known ? guesser_of(*from->client_addr) : std::string(), is_right);
    if (wait) {
      WebAnswer later = sentence(429, "too many wrong passwords came from this address; wait");
      later.fields.emplace_back("Retry-After", std::to_string(wait->count()));
      return later;
    }
    if (is_right) return std::nullopt;
  }
  WebAnswer refused = sentence(401, "this needs a user and a password");
  refused.fields.emplace_back("WWW-Authenticate", "Basic realm=\"lagan\", charset=\"UTF-8\"");
  return refused;
}

// The fields are there, the body is not.
MHD_Result MicroServer::begin(MHD_Connection* connection, Incoming& incoming) const {
  WebRequest& request = incoming.request;
  ::MHD_get_connection_values(connection, MHD_HEADER_KIND, note_field, &incoming);
  ::MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, note_word, &incoming);
  if (auto refused = refusal(connection)) return send(connection, *std::move(refused));
  const bool is_answered_now =
      !site_.needs_body(request.method) && request.method != "GET" && request.method != "HEAD";
  return is_answered_now ? send(connection, site_.answer(request)) : MHD_YES;
}

MHD_Result MicroServer::go_on(MHD_Connection* connection, Incoming& incoming, ByteSpan more) const {
  // Whoever sends on and on is left alone.
  constexpr std::uint64_t kPatienceBytes = std::uint64_t{1} << 20;
  WebRequest& request = incoming.request;
  if (!more.empty()) {
    incoming.body_bytes += more.size();
    if (incoming.body_bytes <= Site::kBodyBytes) request.body += as_text(more);
    return incoming.body_bytes <= kPatienceBytes ? MHD_YES : MHD_NO;
  }
  if (incoming.body_bytes > Site::kBodyBytes)
    return send(connection, sentence(413, "the body is too long"));
  WebAnswer answer = site_.answer(request);
  const bool has_end = !answer.body || answer.body->size();
  return send(connection,
              has_end || incoming.shows_breaks ? std::move(answer) : collected(std::move(answer)));
}

}  // namespace

Result<TlsIdentity> TlsIdentity::read(const std::string& certificate_file,
                                      const std::string& key_file) {
  const auto read_text = [](const std::string& path) -> Result<SecretBytes> {
    constexpr std::size_t kLongest = std::size_t{1} << 20;
    Bytes text = TRY(read_file(path, kLongest));
    SecretBytes kept(text.size() + 1);
    std::memcpy(kept.span().data(), text.data(), text.size());
    wipe(text.span());
    return kept;
  };
  return TlsIdentity{TRY_IN("--tls-cert", read_text(certificate_file)),
                     TRY_IN("--tls-key", read_text(key_file))};
}

Result<void> check_exposure(const ListenAddress& address, const ServerOptions& options) {
  if (address.is_loopback() || (options.login && options.tls)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("other machines could reach this address: that needs {} "
                          "(--insecure-listen does without)",
                          options.login ? "--tls-cert and --tls-key"
                          : options.tls ? "--user and a password"
                                        : "--user with a password, --tls-cert and --tls-key"));
}

void Server::wait(std::stop_token stop) const {
  Mutex mutex;
  Condition stopped;
  const std::stop_callback wake(stop, [&] {
    const MutexLock lock(mutex);
    stopped.notify_all();
  });
  const MutexLock lock(mutex);
  while (!stop.stop_requested()) stopped.wait(mutex);
}

Result<std::unique_ptr<Server>> Server::start(const Site& site, File listener,
                                              ServerOptions options) {
  auto server = std::make_unique<MicroServer>(site, std::move(options));
  TRY(server->listen(std::move(listener)));
  return server;
}

}  // namespace lagan
