// SPDX-License-Identifier: Apache-2.0
#include "src/engine/seen_snapshots.h"

#include <fcntl.h>

#include <algorithm>

#include "crypto/hash.h"
#include "repo/place_memory.h"
#include "util/file.h"

namespace lagan {
namespace {

// A line of hex digits for each: one that a full disk cut short spoils no other. The last of them
// prove the others, for one that a bad disk has changed would be missed.
constexpr std::size_t kIdDigits = 2 * SnapshotId::kSize, kCheckBytes = 4;
constexpr std::size_t kLineBytes = kIdDigits + 2 * kCheckBytes + 1;
constexpr std::size_t kFileBytesMax = kLineBytes << 20;  // a million snapshots

std::string line_of(const SnapshotId& id) {
  return id.hex() + to_hex(ByteSpan(hash(id.span())).first(kCheckBytes)) + '\n';
}

std::string path_of(const Repository& repository) {
  return place_file(repository, "snapshots-seen");
}

// One write to the end of the file: lines of other processes come before or behind.
void append(const std::string& path, std::string_view lines) {
  const auto file = open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW);
  if (file) static_cast<void>(write_all(file->descriptor(), as_bytes(lines)));
}

}  // namespace

SeenSnapshots::SeenSnapshots(const Repository& repository) : path_(path_of(repository)) {
  if (path_.empty()) return;
  const auto content = read_file(path_, kFileBytesMax);
  if (!content) return;
  std::string_view rest = as_text(*content);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto id = SnapshotId::from_hex(rest.substr(0, std::min(end, kIdDigits)));
    if (id && rest.substr(0, end + 1) == line_of(*id)) seen_.insert(*id);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void SeenSnapshots::update(const std::set<SnapshotId>& present,
                           const std::set<SnapshotId>& forgotten) {
  if (path_.empty()) return;
  std::string added;
  for (const SnapshotId& id : present) {
    if (!forgotten.contains(id) && seen_.insert(id).second) added += line_of(id);
  }
  if (std::erase_if(seen_, [&](const SnapshotId& id) { return forgotten.contains(id); }) == 0) {
    if (!added.empty()) append(path_, added);
    return;
  }
  std::string all;
  for (const SnapshotId& id : seen_) all += line_of(id);
  static_cast<void>(replace_file(path_, as_bytes(all)));
}

void SeenSnapshots::note(const Repository& repository, const SnapshotId& id) {
  if (const std::string path = path_of(repository); !path.empty()) append(path, line_of(id));
}

}  // namespace lagan
