// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file, or a part of it, as an answer.

#include "src/serve/tree_place.h"
#include "src/serve/web_message.h"

namespace lagan {

class FileBody : public WebBody {
 public:
  // From `begin` up to `end`, which must not lie behind the file's.
  FileBody(std::unique_ptr<TreePlace> file, std::uint64_t begin, std::uint64_t end)
      : file_(std::move(file)), at_(begin), end_(end), size_(end - begin) {}

  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> read(MutableByteSpan into) override;

 private:
  const std::unique_ptr<TreePlace> file_;
  std::uint64_t at_;
  const std::uint64_t end_, size_;
};

}  // namespace lagan
