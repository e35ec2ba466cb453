// SPDX-License-Identifier: Apache-2.0
#include "repo/signed_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "util/coding.h"
#include "util/file.h"
#include "util/parallel.h"

namespace lagan {
namespace {

using RandomId = RepositoryId;  // what their names are made of
using Messages = std::map<RandomId, std::string>;

constexpr std::size_t kFileMax = std::size_t{256} << 20;
constexpr std::size_t kCheckSize = 16;

// A check, then of each object its name, the length of its message, and that.
class Memory {
 public:
  Memory(const Repository& repository, std::string_view folder)
      : repository_(repository),
        which_(fmt::format("{}-read", folder.substr(0, folder.find('/')))) {
    if (!repository.cache_folder().empty()) path_ = repository.cache_folder() + "/" + which_;
  }

  Messages recall() const {
    if (path_.empty()) return {};
    const auto content = read_file(path_, kFileMax);
    if (!content || content->size() < kCheckSize) return {};
    const std::string_view text = as_text(*content);
    const std::string_view records = text.substr(kCheckSize);
    if (text.substr(0, kCheckSize) != check_of(records)) return {};
    return decode(as_bytes(records)).value_or(Messages());
  }

  void remember(const Messages& messages) const {
    if (path_.empty()) return;
    std::string records;
    for (const auto& [id, message] : messages) {
      records += as_text(id.span());
      append_le(records, static_cast<std::uint32_t>(message.size()));
      records += message;
    }
    static_cast<void>(replace_file(path_, as_bytes(check_of(records) + records)));
  }

 private:
  // Every file of the cache is proved with the same key.
  std::string check_of(std::string_view records) const {
    return cache_check(repository_, which_ + std::string(records));
  }

  static Result<Messages> decode(ByteSpan records) {
    Messages messages;
    for (Reader in(records); in.left() > 0;) {
      const auto id = *RandomId::from_bytes(TRY(in.bytes(RandomId::kSize)));
      const std::uint32_t size = TRY(in.u32le());
      messages[id] = std::string(as_text(TRY(in.bytes(size))));
    }
    return messages;
  }

  const Repository& repository_;
  const std::string which_;
  std::string path_;  // empty: this client keeps nothing
};

}  // namespace

std::vector<Result<std::string>> get_signed_once(const Repository& repository, ObjectKind kind,
                                                 std::string_view folder,
                                                 const std::vector<ObjectName>& names) {
  const Memory memory(repository, folder);
  const Messages known = memory.recall();
  std::vector<Result<std::string>> messages(names.size());
  const std::size_t threads =
      std::max<std::size_t>(1, repository.storage().capabilities().parallel_gets);
  (void)for_each_parallel(names.size(), threads, [&](std::size_t i) -> Result<void> {
    const auto id = names::id_of<RandomId>(names[i]);
    const auto at = id ? known.find(*id) : known.end();
    messages[i] = at != known.end()
                      ? at->second
                      : repository.get_signed(kind, names[i], limits::kCondemnedBytes);
    return {};
  });
  std::size_t still_there = 0;
  bool has_news = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto id = names::id_of<RandomId>(names[i]);
    const bool was_known = id && known.contains(*id);
    still_there += was_known ? 1 : 0;
    has_news = has_news || (id && !was_known && messages[i]);
  }
  if (!has_news && still_there == known.size()) return messages;
  Messages read;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto id = names::id_of<RandomId>(names[i]);
    if (id && messages[i]) read[*id] = *messages[i];
  }
  memory.remember(read);
  return messages;
}

}  // namespace lagan
