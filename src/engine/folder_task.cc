// SPDX-License-Identifier: Apache-2.0
#include "src/engine/folder_task.h"

namespace lagan {

FolderTask::FolderTask(const PrfKey& split_key, ChunkSink sink, FileStatesWriter* states,
                       Failure& failure, std::function<void(Finished)> finished)
    : failure_(failure),
      finished_(std::move(finished)),
      states_(states),
      builder_(split_key, std::move(sink)) {}

std::size_t FolderTask::expect() {
  const MutexLock lock(mutex_);
  slots_.emplace_back();
  return first_ + slots_.size() - 1;
}

void FolderTask::add(std::optional<DoneEntry> entry) {
  const MutexLock lock(mutex_);
  if (!slots_.empty()) {
    slots_.push_back({true, std::move(entry)});
  } else {
    // Nothing before it is waited for.
    ++first_;
    if (!entry) return;
    if (auto written = write(*entry); !written) failure_.set(std::move(written).error());
  }
}

void FolderTask::close() {
  bool finish_now = false;
  Finished result;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    advance(finish_now, result);
  }
  if (finish_now) finished_(std::move(result));
}

void FolderTask::complete(std::size_t number, std::optional<DoneEntry> entry) {
  bool finish_now = false;
  Finished result;
  {
    const MutexLock lock(mutex_);
    slots_[number - first_] = {true, std::move(entry)};
    if (number == first_) advance(finish_now, result);
  }
  if (finish_now) finished_(std::move(result));
}

void FolderTask::advance(bool& finish_now, Finished& result) {
  if (auto written = write_ready(); !written) return failure_.set(std::move(written).error());
  if (!closed_ || !slots_.empty()) return;
  auto id = builder_.finish();
  if (!id) return failure_.set(std::move(id).error());
  subtree_.id = *id;
  result.subtree = subtree_;
  result.is_partial = is_partial_;
  if (states_ != nullptr) result.folder_at = states_->put(known_);
  finish_now = true;
}

Result<void> FolderTask::write_ready() {
  while (!slots_.empty() && slots_.front().ready) {
    if (slots_.front().entry) TRY(write(*slots_.front().entry));
    slots_.pop_front();
    ++first_;
  }
  return {};
}

Result<void> FolderTask::write(const DoneEntry& entry) {
  TRY(builder_.add(entry.name, entry.message));
  if (entry.status.kind == EntryKind::directory) {
    subtree_.dirs += 1 + entry.below.dirs;
    subtree_.files += entry.below.files;
    subtree_.content_bytes += entry.below.content_bytes;
  } else {
    subtree_.files += 1;
    if (entry.status.kind == EntryKind::file) subtree_.content_bytes += entry.status.size;
  }
  if (states_ != nullptr) {
    states_->add(known_, entry.name, entry.status, entry.message, entry.listed, entry.folder_at,
                 entry.chunk_class);
  }
  return {};
}

}  // namespace lagan
