// SPDX-License-Identifier: Apache-2.0
#include "repo/index_publisher.h"

#include <algorithm>

#include "repo/body.h"
#include "repo/names.h"
#include "repo/segment_size.h"

namespace lagan {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kFirstBytes = std::uint64_t{8} << 20;
// An interrupted run loses at most this part of what it has uploaded.
constexpr std::uint64_t kLostPart = 16;
constexpr Nanoseconds kLongestWait = 60'000'000'000;

}  // namespace

IndexPublisher::IndexPublisher(
    const Repository& repository, const SessionId& session,
    std::function<Result<void>(const SegmentId&, const Segment&)> published)
    : repository_(repository),
      session_(session),
      published_(std::move(published)),
      last_(repository.now()) {}

Result<void> IndexPublisher::add(PackEntry pack) {
  const MutexLock lock(mutex_);
  waiting_bytes_ += pack.size;
  packs_.push_back(std::move(pack));
  return is_due() ? publish() : Result<void>();
}

Result<void> IndexPublisher::flush() {
  const MutexLock lock(mutex_);
  return packs_.empty() ? Result<void>() : publish();
}

// In a small session every few packs count; in a large one a segment of few entries would only cost
// requests.
bool IndexPublisher::is_due() const {
  const std::uint64_t threshold = std::clamp(published_bytes_ / kLostPart, kFirstBytes, kMostBytes);
  if (waiting_bytes_ >= threshold || repository_.now() - last_ >= kLongestWait) return true;
  std::size_t segment_bytes = 0;
  for (const PackEntry& pack : packs_) segment_bytes += size_in_segment(pack);
  return segment_bytes >= kSegmentTarget;
}

Result<void> IndexPublisher::publish() {
  Segment segment;
  segment.packs = std::move(packs_);
  segment.session = session_;
  segment.created = repository_.now();
  packs_.clear();

  const SealedObject object =
      seal_body(repository_.sealing(), ObjectKind::index_segment, "", encode(segment));
  const SegmentId id{hash(object.span())};
  TRY(repository_.put(names::segment(id), object));
  bytes_put_ += object.span().size();
  published_bytes_ += std::exchange(waiting_bytes_, 0);
  last_ = segment.created;
  return published_(id, segment);
}

}  // namespace lagan
