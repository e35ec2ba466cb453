// SPDX-License-Identifier: Apache-2.0
#include "src/engine/collector_memory.h"

#include "repo/derived_keys.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kFileMax = std::size_t{64} << 20;
constexpr std::size_t kCheckSize = 16;

}  // namespace

// A check, then lines: the name of a log, or a session that it waits for after a blank.
CollectorMemory::CollectorMemory(const Repository& repository) : repository_(repository) {
  if (repository.cache_folder().empty()) return;
  path_ = repository.cache_folder() + "/condemned-logs";
  const auto content = read_file(path_, kFileMax);
  if (!content || content->size() < kCheckSize) return;
  const std::string_view text = as_text(*content);
  std::string_view lines = text.substr(kCheckSize);
  if (text.substr(0, kCheckSize) != cache_check(repository, lines)) return;
  std::set<SessionId>* sessions = nullptr;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (!line.starts_with(' ')) {
      sessions = &open_[std::string(line)];
    } else if (const auto id = SessionId::from_hex(line.substr(1)); id && sessions != nullptr) {
      sessions->insert(*id);
    }
  }
}

std::optional<std::set<SessionId>> CollectorMemory::waits_for(const ObjectName& log) const {
  const auto at = open_.find(log.text());
  if (at == open_.end()) return std::nullopt;
  return at->second;
}

void CollectorMemory::remember(const ObjectName& log, const std::set<SessionId>& open) {
  open_[log.text()] = open;
}

void CollectorMemory::save(const std::set<ObjectName>& logs) {
  if (path_.empty()) return;
  std::string lines;
  for (const auto& [log, sessions] : open_) {
    const auto name = ObjectName::parse(log);
    if (!name || !logs.contains(*name)) continue;
    lines += log + "\n";
    for (const SessionId& id : sessions) lines += " " + id.hex() + "\n";
  }
  (void)replace_file(path_, as_bytes(cache_check(repository_, lines) + lines));
}

}  // namespace lagan
