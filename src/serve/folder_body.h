// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder as an answer that is made while it is sent: one of a million names takes no more memory
// than a small one. How names look is up to a FolderText.

#include <memory>
#include <string>
#include <string_view>

#include "src/serve/tree_place.h"
#include "src/serve/web_message.h"

namespace lagan {

class FolderText {
 public:
  virtual ~FolderText() = default;
  virtual std::string begin() = 0;
  virtual std::string name(std::string_view name, const NodeStatus& node) = 0;
  // When all that can be read has been told, and whether that is not all there is. An error breaks
  // the answer off.
  virtual Result<std::string> end(bool is_incomplete) = 0;
};

class FolderBody : public WebBody {
 public:
  // An error if none of it can be read.
  static Result<std::unique_ptr<WebBody>> open(std::unique_ptr<TreePlace> folder,
                                               std::unique_ptr<FolderText> text);

  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Result<std::size_t> read(MutableByteSpan into) override;

 private:
  FolderBody(std::unique_ptr<TreePlace> folder, std::unique_ptr<FolderText> text)
      : folder_(std::move(folder)), text_(std::move(text)) {}
  Result<void> make_more();

  const std::unique_ptr<TreePlace> folder_;
  const std::unique_ptr<FolderText> text_;
  std::string ready_;
  std::size_t sent_ = 0;  // of what is ready
  std::uint64_t position_ = 0;
  bool is_complete_ = false;
  std::optional<Error> failed_;  // told when what was ready before has been sent
};

}  // namespace lagan
