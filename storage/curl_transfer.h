// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every protocol that libcurl carries for us has in common: handles that keep their
// connection, one transfer with its bodies in memory, its limits, and its errors in words. For
// http.cc and ftp.cc only.

#include <curl/curl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/http.h"
#include "util/mutex.h"

namespace lagan {

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

// Lines for curl: headers, commands.
class CurlLines {
 public:
  void add(const std::string& line);
  curl_slist* get() const { return lines_.get(); }

 private:
  std::unique_ptr<curl_slist, CurlDeleter> lines_;
};

// Each busy thread has a handle, and with it a connection; the last one used is the next.
class CurlPool {
 public:
  // `login_seconds` may pass after a connection stands, which for curl is a part of it.
  explicit CurlPool(HttpOptions options, int login_seconds = 0);

  CurlHandle take();
  void give_back(CurlHandle handle);
  const HttpOptions& options() const { return options_; }
  int login_seconds() const { return login_seconds_; }

  // Has the service ever answered? Until then a connection that fails is not worth another try.
  bool was_answered() const { return was_answered_; }
  void note_answer() { was_answered_ = true; }

 private:
  const HttpOptions options_;
  const int login_seconds_;
  std::atomic<bool> was_answered_ = false;
  Mutex mutex_;
  std::vector<CurlHandle> idle_ GUARDED_BY(mutex_);
};

// One transfer. It must not move while curl uses it.
class CurlTransfer {
 public:
  CurlTransfer(CurlPool& pool, std::optional<ByteSpan> body, std::uint64_t answer_limit_bytes);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_.get(), option, value);
  }
  // Each line of what the server says beside the body.
  void on_line(std::function<void(std::string_view)> take) { take_line_ = std::move(take); }
  // Of the body to come, if known.
  void announce(std::uint64_t size_bytes) { announced_ = size_bytes; }

  // `peer` names the server in errors.
  Result<void> perform(std::string_view peer);
  Bytes take_body();
  std::size_t received_bytes() const { return received_; }
  CURL* handle() const { return handle_.get(); }
  long status() const;
  CURLcode code() const { return code_; }  // of perform()

 private:
  static std::size_t take_header(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t take_body_part(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t send_body_part(char* into, std::size_t item, std::size_t count, void* self);
  static int seek_body(void* self, curl_off_t offset, int origin);
  static int look_for_stop(void* self, curl_off_t to_come, curl_off_t, curl_off_t to_send,
                           curl_off_t);
  static int prepare_socket(void* self, curl_socket_t socket, curlsocktype);
  bool was_unreachable() const;
  bool is_no_use() const;
  bool is_distrusted() const;
  std::string_view advice_on_certificate() const;
  bool was_answered_otherwise() const;
  bool is_greeting_of_another(std::string_view line);
  void set_common();
  Error error(std::string_view peer) const;

  CurlPool& pool_;
  CurlHandle handle_;
  const std::optional<ByteSpan> body_;
  const std::uint64_t answer_limit_bytes_;
  std::function<void(std::string_view)> take_line_;
  std::optional<std::uint64_t> announced_;
  Bytes answer_;
  std::size_t received_ = 0, sent_ = 0;
  bool is_too_long_ = false, was_stopped_ = false, is_unreachable_ = false;
  bool has_line_ = false, is_another_ = false;
  CURLcode code_ = CURLE_OK;
  char details_[CURL_ERROR_SIZE] = "";
};

}  // namespace lagan
