// SPDX-License-Identifier: Apache-2.0
#include "src/serve/folder_body.h"

namespace lagan {
namespace {

constexpr std::size_t kReadyBytes = 64 * 1024;

}  // namespace

Result<std::unique_ptr<WebBody>> FolderBody::open(std::unique_ptr<TreePlace> folder,
                                                  std::unique_ptr<FolderText> text) {
  std::unique_ptr<FolderBody> body(new FolderBody(std::move(folder), std::move(text)));
  body->ready_ = body->text_->begin();
  TRY(body->make_more());
  return body;
}

Result<std::size_t> FolderBody::read(MutableByteSpan into) {
  while (sent_ == ready_.size() && !is_complete_) {
    ready_.clear();
    sent_ = 0;
    TRY(make_more());
  }
  if (sent_ == ready_.size() && failed_) return fail(*failed_);
  const std::size_t size =
      ready_.copy(static_cast<char*>(static_cast<void*>(into.data())), into.size(), sent_);
  sent_ += size;
  return size;
}

Result<void> FolderBody::make_more() {
  MountTree& tree = folder_->tree();
  bool has_more = false;
  const auto listed =
      tree.list(folder_->node().id, position_,
                [&](std::string_view name, const NodeStatus& node, std::uint64_t next) {
                  has_more = true;
                  if (ready_.size() >= kReadyBytes) return false;
                  ready_ += text_->name(name, node);
                  tree.forget(node.id, 1);
                  position_ = next;
                  return true;
                });
  if (listed && has_more) return {};
  // Where nothing more comes, an error says that something should have come.
  if (!listed && position_ == 0) return fail(listed.error());
  const bool is_incomplete = !listed;
  is_complete_ = true;
  auto end = text_->end(is_incomplete);
  if (end) {
    ready_ += *end;
  } else {
    failed_ = end.error();
  }
  return {};
}

}  // namespace lagan
