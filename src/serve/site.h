// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tree as a web site: which request gets which answer. It knows nothing of sockets, TLS and
// passwords. Requests are hostile. Any thread may call anything.

#include <functional>
#include <string>

#include "src/serve/tree_place.h"
#include "src/serve/web_message.h"
#include "src/serve/zip_body.h"

namespace lagan {

struct SiteOptions {
  bool with_webdav = false;
  // Whoever has no password is let in by where it comes from. A page elsewhere could have its own
  // name lead to this machine, and read all through a browser here; so such names are refused, and
  // addresses and "localhost" are not.
  bool takes_any_host = false;
  ZipSource zip;
};

class Site {
 public:
  // Borrows the tree.
  Site(MountTree& tree, SiteOptions options) : tree_(tree), options_(std::move(options)) {}

  // False if nothing that may follow can change the answer: then it need not be waited for.
  bool needs_body(const std::string& method) const;
  bool admits_host(const WebRequest& request) const;
  WebAnswer answer(const WebRequest& request) const;

  // The longest question that gets an answer.
  static constexpr std::size_t kBodyBytes = 64 * 1024;

 private:
  const char* methods() const;
  Result<WebAnswer> answer_or_fail(const WebRequest& request) const;
  Result<WebAnswer> get(const WebRequest& request) const;
  Result<WebAnswer> get_folder(const WebRequest& request, std::unique_ptr<TreePlace> place) const;
  Result<WebAnswer> get_file(const WebRequest& request, std::unique_ptr<TreePlace> place) const;
  Result<WebAnswer> find_properties(const WebRequest& request) const;

  MountTree& tree_;
  const SiteOptions options_;
};

// A sentence as an answer.
WebAnswer sentence(unsigned status, const std::string& text);

}  // namespace lagan
