// SPDX-License-Identifier: Apache-2.0
#include "storage/sftp.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "storage/arguments.h"
#include "storage/open.h"
#include "storage/sftp_connection.h"
#include "util/mutex.h"

namespace lagan {
namespace {

constexpr std::size_t kFoldersAtATime = 64;
// Of a folder: a small one has its names in the first answer and its end in the second.
constexpr std::size_t kReadsAtATime = 2;
constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::uint32_t kRead = 1, kWrite = 2, kCreate = 8, kExclusive = 0x20;
constexpr Nanoseconds kSecond = 1'000'000'000;

constexpr const char* kFsync = "fsync@openssh.com";
constexpr const char* kPosixRename = "posix-rename@openssh.com";
constexpr const char* kStatvfs = "statvfs@openssh.com";

std::size_t pieces_of(std::uint64_t size) {
  return static_cast<std::size_t>((size + kPieceBytes - 1) / kPieceBytes);
}

class SftpStorage final : public Storage {
 public:
  SftpStorage(SftpLocation location, std::vector<std::string> command, const SftpOptions& options)
      : location_(std::move(location)), command_(std::move(command)), options_(options) {}

  // More connections than that gain nothing: each carries many requests at a time. Where the server
  // cannot make files durable, nothing proves what it holds.
  Capabilities capabilities() const override {
    return {.parallel = 4, .parallel_puts = 3, .parallel_gets = 4, .put_is_verified = false};
  }
  std::string description() const override { return location_.shown(); }

  Result<void> create() override {
    return with_connection([&](SftpConnection& server) { return make_folders(server, base()); });
  }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return with_connection([&](SftpConnection& server) { return put(server, name, bytes); });
  }
  Result<Bytes> get(const ObjectName& name) override {
    return with_connection([&](SftpConnection& server) { return get(server, name, std::nullopt); });
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(check_range(range, kObjectEndMax));
    return with_connection([&](SftpConnection& server) { return get(server, name, range); });
  }
  Result<ObjectInfo> stat(const ObjectName& name) override {
    return with_connection([&](SftpConnection& server) { return stat(server, name); });
  }
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  const std::string& base() const { return location_.path; }
  std::string path_of(const ObjectName& name) const { return base() + "/" + name.text(); }

  template <typename Call>
  auto with_connection(const Call& call) -> decltype(call(std::declval<SftpConnection&>()));
  Result<std::unique_ptr<SftpConnection>> take_connection();

  Result<void> put(SftpConnection& server, const ObjectName& name, ByteSpan bytes);
  Result<std::string> open_temporary(SftpConnection& server, const std::string& path);
  Result<void> write(SftpConnection& server, const std::string& handle, ByteSpan bytes);
  Result<std::pair<std::string, SftpAttributes>> open_to_read(SftpConnection& server,
                                                              const std::string& path);
  Result<void> rename(SftpConnection& server, const std::string& from, const std::string& to,
                      std::uint64_t size);
  Result<Bytes> get(SftpConnection& server, const ObjectName& name, std::optional<ByteRange> range);
  Result<void> read(SftpConnection& server, const std::string& handle, std::uint64_t offset,
                    MutableByteSpan into);
  Result<ObjectInfo> stat(SftpConnection& server, const ObjectName& name);
  Result<std::string> open(SftpConnection& server, const std::string& path, std::uint32_t flags);
  static void close_sometime(SftpConnection& server, const std::string& handle);
  Result<SftpAttributes> attributes(SftpConnection& server, const std::string& path);
  Result<void> make_folders(SftpConnection& server, const std::string& path);
  Result<void> list_folders(SftpConnection& server, std::vector<std::string> folders,
                            std::vector<ObjectInfo>& found);
  Error missing(SftpConnection& server, Error error);
  Error full_disk(SftpConnection& server, Error error);

  const SftpLocation location_;
  const std::vector<std::string> command_;
  const SftpOptions options_;
  std::atomic<bool> was_connected_ = false, has_base_ = false;
  Mutex mutex_;
  std::vector<std::unique_ptr<SftpConnection>> idle_ GUARDED_BY(mutex_);
};

Result<std::unique_ptr<SftpConnection>> SftpStorage::take_connection() {
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto connection = SftpConnection::open(command_, options_.connection);
  if (connection) {
    was_connected_ = true;
    return connection;
  }
  // A host that has never answered is rather misspelt than busy.
  Error error = std::move(connection).error().in(location_.shown());
  if (!was_connected_) error.retry = Retry::never;
  return fail(std::move(error));
}

template <typename Call>
auto SftpStorage::with_connection(const Call& call)
    -> decltype(call(std::declval<SftpConnection&>())) {
  auto connection = TRY(take_connection());
  auto result = call(*connection);
  const MutexLock lock(mutex_);
  if (connection->is_usable()) {
    idle_.push_back(std::move(connection));
  } else {
    // What has ended one that was idle has ended the others too: the next call makes a new one.
    idle_.clear();
  }
  return result;
}

Result<std::string> SftpStorage::open(SftpConnection& server, const std::string& path,
                                      std::uint32_t flags) {
  const SftpReply reply = TRY(server.ask([&](std::uint32_t id) {
    SftpRequest request(SftpType::open, id);
    request.text(path).u32(flags);
    // Nobody else has a reason to read it.
    (flags & kCreate) != 0 ? request.mode(0600) : request.u32(0);
    return request.finish();
  }));
  if (reply.type == SftpType::handle) return reply.handle();
  return fail(sftp_error(reply, "open " + path));
}

// Of a file that was read: nothing depends on it.
void SftpStorage::close_sometime(SftpConnection& server, const std::string& handle) {
  server.tell(
      [&](std::uint32_t id) { return SftpRequest(SftpType::close, id).text(handle).finish(); });
}

// Both questions in one round trip.
Result<std::pair<std::string, SftpAttributes>> SftpStorage::open_to_read(SftpConnection& server,
                                                                         const std::string& path) {
  std::string handle;
  SftpAttributes found;
  auto asked = server.run(
      2,
      [&](std::size_t number, std::uint32_t id) {
        if (number == 0)
          return SftpRequest(SftpType::open, id).text(path).u32(kRead).u32(0).finish();
        return SftpRequest(SftpType::stat, id).text(path).finish();
      },
      [&](std::size_t number, const SftpReply& reply) -> Result<void> {
        const bool fits = reply.type == (number == 0 ? SftpType::handle : SftpType::attributes);
        if (!fits) return fail(sftp_error(reply, "open " + path));
        if (number == 0) {
          handle = TRY(reply.handle());
        } else {
          found = TRY(reply.attributes());
        }
        return {};
      });
  if (asked) return std::pair(std::move(handle), found);
  if (!handle.empty() && server.is_usable()) close_sometime(server, handle);
  return fail(std::move(asked).error());
}

Result<SftpAttributes> SftpStorage::attributes(SftpConnection& server, const std::string& path) {
  const SftpReply reply = TRY(server.ask(
      [&](std::uint32_t id) { return SftpRequest(SftpType::stat, id).text(path).finish(); }));
  if (reply.type == SftpType::attributes) return reply.attributes();
  return fail(sftp_error(reply, path));
}

// A missing object in a missing folder is a missing repository.
Error SftpStorage::missing(SftpConnection& server, Error error) {
  if (error.code != ErrorCode::not_found || has_base_) return error;
  const auto folder = attributes(server, base());
  if (folder && folder->is_folder()) {
    has_base_ = true;
    return error;
  }
  if (folder || folder.error().code == ErrorCode::not_found)
    return Error{ErrorCode::no_repository,
                 fmt::format("there is no folder {}", location_.shown()),
                 Retry::never,
                 {}};
  return folder.error();
}

// SFTP has no word for it.
Error SftpStorage::full_disk(SftpConnection& server, Error error) {
  if (error.code != ErrorCode::io || !server.offers(kStatvfs)) return error;
  const auto reply = server.ask([&](std::uint32_t id) {
    return SftpRequest(SftpType::extended, id).text(kStatvfs).text(base()).finish();
  });
  // bsize, frsize, blocks, bfree, bavail, …: 64 bits each.
  constexpr std::size_t kAvailable = 4 * 8;
  if (!reply || reply->type != SftpType::extended_reply || reply->payload.size() < kAvailable + 8)
    return error;
  const std::string_view available = reply->payload.substr(kAvailable, 8);
  if (std::ranges::all_of(available, [](char c) { return c == '\0'; })) {
    error.code = ErrorCode::no_space;
    error.message += ": the server's disk is full";
  }
  return error;
}

Result<void> SftpStorage::make_folders(SftpConnection& server, const std::string& path) {
  const auto there = attributes(server, path);
  if (there && there->is_folder()) return {};
  if (there) return fail(ErrorCode::invalid_argument, path + " is no folder");
  if (there.error().code != ErrorCode::not_found) return fail(there.error());
  if (const std::string parent = folder_of(path); !parent.empty() && parent != path)
    TRY(make_folders(server, parent));
  const SftpReply reply = TRY(server.ask([&](std::uint32_t id) {
    SftpRequest request(SftpType::mkdir, id);
    request.text(path).mode(0700);
    return request.finish();
  }));
  auto made = expect_ok(reply, "make the folder " + path);
  if (made) return {};
  // Somebody else may have been faster, for which there is no status.
  const auto now = attributes(server, path);
  return now && now->is_folder() ? Result<void>() : made;
}

Result<std::string> SftpStorage::open_temporary(SftpConnection& server, const std::string& path) {
  constexpr std::uint32_t kNew = kWrite | kCreate | kExclusive;
  auto handle = open(server, path, kNew);
  if (handle || handle.error().code != ErrorCode::not_found) return handle;
  const Error error = missing(server, handle.error());
  if (error.code == ErrorCode::no_repository) return fail(error);
  TRY(make_folders(server, folder_of(path)));
  return open(server, path, kNew);
}

// Writes all of it, makes it durable and closes, without waiting in between: a server does what is
// asked of one file as if in the order in which it was asked. What failed is told by its answer.
Result<void> SftpStorage::write(SftpConnection& server, const std::string& handle, ByteSpan bytes) {
  const std::size_t pieces = pieces_of(bytes.size());
  const std::size_t syncs = server.offers(kFsync) ? 1 : 0;
  return server.run(
      pieces + syncs + 1,
      [&](std::size_t number, std::uint32_t id) {
        if (number == pieces + syncs) return SftpRequest(SftpType::close, id).text(handle).finish();
        if (number == pieces)
          return SftpRequest(SftpType::extended, id).text(kFsync).text(handle).finish();
        const std::size_t at = number * kPieceBytes;
        const ByteSpan piece = bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
        return SftpRequest(SftpType::write, id).text(handle).u64(at).bytes(piece).finish();
      },
      [&](std::size_t number, const SftpReply& reply) {
        return expect_ok(reply, number < pieces           ? "write"
                                : number < pieces + syncs ? "make durable"
                                                          : "close");
      });
}

Result<void> SftpStorage::rename(SftpConnection& server, const std::string& from,
                                 const std::string& to, std::uint64_t size) {
  const bool replaces = server.offers(kPosixRename);
  const SftpReply reply = TRY(server.ask([&](std::uint32_t id) {
    if (replaces)
      return SftpRequest(SftpType::extended, id).text(kPosixRename).text(from).text(to).finish();
    return SftpRequest(SftpType::rename, id).text(from).text(to).finish();
  }));
  auto renamed = expect_ok(reply, "rename");
  if (renamed || replaces) return renamed;
  // The older rename replaces nothing: an object that is there already has the same bytes.
  const auto there = attributes(server, to);
  return there && there->size == size ? Result<void>() : renamed;
}

Result<void> SftpStorage::put(SftpConnection& server, const ObjectName& name, ByteSpan bytes) {
  const std::string path = path_of(name);
  const std::string temporary = folder_of(path) + "/" + temporary_name();
  const std::string handle = TRY_IN(name.text(), open_temporary(server, temporary));
  const auto store = [&]() -> Result<void> {
    TRY(write(server, handle, bytes));
    return rename(server, temporary, path, bytes.size());
  };
  auto stored = store();
  if (stored || !server.is_usable()) return stored;
  (void)server.ask(
      [&](std::uint32_t id) { return SftpRequest(SftpType::remove, id).text(temporary).finish(); });
  return fail(full_disk(server, std::move(stored).error()).in(name.text()));
}

// Answers may be shorter than what was asked for: the rest is asked for again.
Result<void> SftpStorage::read(SftpConnection& server, const std::string& handle,
                               std::uint64_t offset, MutableByteSpan into) {
  struct Gap {
    std::size_t at, size;
  };
  std::vector<Gap> gaps;
  for (std::size_t at = 0; at < into.size(); at += kPieceBytes)
    gaps.push_back({at, std::min(kPieceBytes, into.size() - at)});
  while (!gaps.empty()) {
    std::vector<Gap> left;
    auto answered = server.run(
        gaps.size(),
        [&](std::size_t number, std::uint32_t id) {
          const Gap& gap = gaps[number];
          SftpRequest request(SftpType::read, id);
          request.text(handle).u64(offset + gap.at).u32(static_cast<std::uint32_t>(gap.size));
          return request.finish();
        },
        [&](std::size_t number, const SftpReply& reply) -> Result<void> {
          const Gap& gap = gaps[number];
          if (reply.type == SftpType::status) {
            const Error error = sftp_error(reply, "read");
            const bool is_end = reply.status() && *reply.status() == SftpStatus::end;
            return is_end ? fail(ErrorCode::corrupt, "ends before the range does") : fail(error);
          }
          const std::string_view data = TRY(reply.data());
          if (data.empty() || data.size() > gap.size)
            return fail(ErrorCode::corrupt, "the server sends another length than was asked for");
          std::ranges::copy(as_bytes(data), into.data() + gap.at);
          if (data.size() < gap.size)
            left.push_back({gap.at + data.size(), gap.size - data.size()});
          return {};
        });
    TRY(std::move(answered));
    gaps = std::move(left);
  }
  return {};
}

Result<Bytes> SftpStorage::get(SftpConnection& server, const ObjectName& name,
                               std::optional<ByteRange> range) {
  const auto opened = open_to_read(server, path_of(name));
  if (!opened) return fail(missing(server, opened.error()).in(name.text()));
  const auto load = [&server, range, this](const std::string& from,
                                           const SftpAttributes& attributes) -> Result<Bytes> {
    // Before memory is taken for it: the range may come from a damaged index. Some open folders
    // like files.
    if (attributes.is_folder()) return fail(ErrorCode::not_found, "is a folder, no object");
    if (!attributes.size || *attributes.size > kObjectMax)
      return fail(ErrorCode::corrupt, "has no size that an object may have");
    const ByteRange wanted = range.value_or(ByteRange{0, *attributes.size});
    if (range) TRY(check_range(wanted, *attributes.size));
    Bytes bytes(static_cast<std::size_t>(wanted.length));
    TRY(read(server, from, wanted.offset, bytes.span()));
    return bytes;
  };
  auto loaded = load(opened->first, opened->second);
  if (server.is_usable()) close_sometime(server, opened->first);
  if (!loaded) return fail(std::move(loaded).error().in(name.text()));
  return loaded;
}

Result<ObjectInfo> SftpStorage::stat(SftpConnection& server, const ObjectName& name) {
  auto found = attributes(server, path_of(name));
  if (!found) return fail(missing(server, std::move(found).error()));
  if (!found->size || found->is_folder())
    return fail(ErrorCode::not_found, name.text() + ": no such object");
  ObjectInfo info{.name = name, .size_bytes = *found->size};
  if (found->modified) info.modified = Nanoseconds{*found->modified} * kSecond;
  return info;
}

Result<void> SftpStorage::remove(const ObjectName& name) {
  return with_connection([&](SftpConnection& server) -> Result<void> {
    const SftpReply reply = TRY(server.ask([&](std::uint32_t id) {
      return SftpRequest(SftpType::remove, id).text(path_of(name)).finish();
    }));
    auto removed = expect_ok(reply, name.text());
    if (removed) return {};
    const Error error = missing(server, std::move(removed).error());
    if (error.code == ErrorCode::not_found) return {};
    // A folder of that name is no object.
    const auto there = attributes(server, path_of(name));
    return there && there->is_folder() ? Result<void>() : fail(error);
  });
}

// Many folders at a time: each takes several round trips, and packs lie in 256 of them.
Result<void> SftpStorage::list_folders(SftpConnection& server, std::vector<std::string> folders,
                                       std::vector<ObjectInfo>& found) {
  struct Open {
    std::string folder, handle;
  };
  std::vector<Open> open;
  const auto folder_path = [&](const std::string& folder) {
    return folder.empty() ? base() : base() + "/" + folder;
  };
  auto opened = server.run(
      folders.size(),
      [&](std::size_t number, std::uint32_t id) {
        return SftpRequest(SftpType::opendir, id).text(folder_path(folders[number])).finish();
      },
      [&](std::size_t number, const SftpReply& reply) -> Result<void> {
        if (reply.type == SftpType::handle) {
          open.push_back({folders[number], TRY(reply.handle())});
          return {};
        }
        Error error = sftp_error(reply, "list " + folder_path(folders[number]));
        if (error.code == ErrorCode::not_found) return {};  // nothing was put there yet
        return fail(std::move(error));
      });
  TRY(std::move(opened));
  std::vector<Open> reading = open;
  std::vector<std::string> below;
  Result<void> outcome;
  while (!reading.empty() && outcome) {
    std::vector<bool> has_ended(reading.size());
    outcome = server.run(
        kReadsAtATime * reading.size(),
        [&](std::size_t number, std::uint32_t id) {
          return SftpRequest(SftpType::readdir, id)
              .text(reading[number / kReadsAtATime].handle)
              .finish();
        },
        [&](std::size_t number, const SftpReply& reply) -> Result<void> {
          const std::string& folder = reading[number / kReadsAtATime].folder;
          if (reply.type == SftpType::status) {
            if (TRY(reply.status()) != SftpStatus::end)
              return fail(sftp_error(reply, "list " + folder_path(folder)));
            has_ended[number / kReadsAtATime] = true;
            return {};
          }
          for (const SftpListed& listed : TRY(reply.names())) {
            const auto name =
                ObjectName::parse(folder.empty() ? listed.name : folder + "/" + listed.name);
            if (!name) continue;  // not ours: "." and "..", temporary and foreign files
            if (listed.attributes.is_folder()) {
              below.push_back(name->text());
            } else if (listed.attributes.size) {
              found.push_back({*name, *listed.attributes.size, std::nullopt});
              if (const auto time = listed.attributes.modified)
                found.back().modified = Nanoseconds{*time} * kSecond;
            }
          }
          return {};
        });
    std::vector<Open> unfinished;
    for (std::size_t i = 0; i < reading.size(); ++i) {
      if (!has_ended[i]) unfinished.push_back(std::move(reading[i]));
    }
    reading = std::move(unfinished);
  }
  if (server.is_usable()) {
    for (const Open& each : open) close_sometime(server, each.handle);
  }
  TRY(std::move(outcome));
  for (std::size_t at = 0; at < below.size(); at += kFoldersAtATime) {
    const auto begin = below.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(kFoldersAtATime, below.size() - at);
    TRY(list_folders(server, {begin, begin + static_cast<std::ptrdiff_t>(count)}, found));
  }
  return {};
}

Result<void> SftpStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_prefix(prefix));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::vector<ObjectInfo> found;
  auto listed = with_connection([&](SftpConnection& server) -> Result<void> {
    TRY(list_folders(server, {std::string(prefix)}, found));
    if (!found.empty() || has_base_) return {};
    const Error error =
        missing(server, Error{ErrorCode::not_found, "no such folder", Retry::never, {}});
    return error.code == ErrorCode::not_found ? Result<void>() : fail(error);
  });
  TRY(std::move(listed));
  // Without the connection, because `each` may call this storage.
  for (const ObjectInfo& object : found) TRY(each(object));
  return {};
}

}  // namespace

Result<std::unique_ptr<Storage>> open_sftp_storage(std::string_view location,
                                                   const StorageOptions& options) {
  SftpLocation parsed = TRY(parse_sftp_location(location));
  KindOptions own("sftp", options.extended, std::exchange(parsed.options, {}));
  SftpOptions sftp;
  sftp.command = own.take("command");
  sftp.arguments = own.take("args");
  sftp.connection = options.connection;
  TRY(own.check_all_taken());
  return make_sftp_storage(std::move(parsed), sftp);
}

Result<std::unique_ptr<Storage>> make_sftp_storage(SftpLocation location,
                                                   const SftpOptions& options) {
  std::vector<std::string> command;
  if (!options.command.empty()) {
    command = TRY_IN("sftp.command", split_words(options.command));
  } else {
    command = {"ssh"};
    for (std::string& word : TRY_IN("sftp.args", split_words(options.arguments)))
      command.push_back(std::move(word));
    // Of each setting ssh takes the first: the user's own count. Nobody is there to answer
    // questions.
    command.push_back(fmt::format("-oConnectTimeout={}", options.connection.first_connect_seconds));
    for (const char* word :
         {"-oServerAliveInterval=15", "-oServerAliveCountMax=4", "-oBatchMode=yes"})
      command.emplace_back(word);
    if (location.port != 0) command.push_back(fmt::format("-p{}", location.port));
    if (!location.user.empty()) command.push_back("-l" + location.user);
    for (const char* word : {"-s", "--"}) command.emplace_back(word);
    command.push_back(location.host);
    command.emplace_back("sftp");
  }
  if (command.empty()) return fail(ErrorCode::invalid_argument, "sftp.command is empty");
  return std::unique_ptr<Storage>(
      std::make_unique<SftpStorage>(std::move(location), std::move(command), options));
}

}  // namespace lagan
