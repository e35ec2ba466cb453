// SPDX-License-Identifier: Apache-2.0
#pragma once

// A request and its answer, as the part of this module sees them that knows nothing of sockets.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

struct WebRequest {
  std::string method;
  std::string path;                           // as it was sent, escapes and all
  std::vector<std::string> words;             // of the query: "?zip" is one
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  // Null if it was not sent.
  const std::string* field(const std::string& name) const {
    const auto it = fields.find(name);
    return it != fields.end() ? &it->second : nullptr;
  }
  bool has_word(std::string_view word) const {
    for (const std::string& each : words) {
      if (each == word) return true;
    }
    return false;
  }
};

// What follows the fields of an answer, from front to back. One thread at a time.
class WebBody {
 public:
  virtual ~WebBody() = default;

  // Nothing if only its end tells.
  virtual std::optional<std::uint64_t> size() const = 0;
  // Less than asked for means nothing, 0 is the end. After an error the connection must break, so
  // that nobody takes what came so far for all.
  virtual Result<std::size_t> read(MutableByteSpan into) = 0;
};

struct WebAnswer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> fields;
  std::unique_ptr<WebBody> body;  // null: none
};

// Text that is all there.
class TextBody : public WebBody {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  std::optional<std::uint64_t> size() const override { return text_.size(); }
  Result<std::size_t> read(MutableByteSpan into) override {
    const std::size_t size =
        text_.copy(static_cast<char*>(static_cast<void*>(into.data())), into.size(), at_);
    at_ += size;
    return size;
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

}  // namespace lagan
