// SPDX-License-Identifier: Apache-2.0
#include "storage/ftp.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <vector>

#include "storage/arguments.h"
#include "storage/curl_transfer.h"
#include "storage/ftp_listing.h"
#include "storage/open.h"
#include "storage/url.h"

namespace lagan {
namespace {

constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::uint64_t kListingMax = std::uint64_t{256} << 20;
// Servers take their time over a login.
constexpr int kLoginSeconds = 10;
constexpr std::uint64_t kTextMax = std::uint64_t{64} << 10;

struct Scheme {
  std::string_view name;
  FtpSecurity security;
};
constexpr Scheme kSchemes[] = {{"ftp", FtpSecurity::none},
                               {"ftps+explicit", FtpSecurity::explicit_tls},
                               {"ftps", FtpSecurity::implicit_tls}};

const Scheme* scheme_of(std::string_view text) {
  const std::string_view name = text.substr(0, text.find("://"));
  const auto* at = std::ranges::find(kSchemes, name, &Scheme::name);
  return text.size() > name.size() && at != std::end(kSchemes) ? at : nullptr;
}

// What a server has said to the last of our commands.
struct Answer {
  int code = 0;
  std::string text;
};

class FtpStorage final : public Storage {
 public:
  FtpStorage(FtpLocation location, HttpOptions options)
      : location_(std::move(location)), pool_(std::move(options), kLoginSeconds) {}

  Capabilities capabilities() const override {
    return {.parallel = 4, .parallel_puts = 3, .parallel_gets = 4, .put_is_verified = false};
  }
  std::string description() const override { return location_.shown(); }
  Result<void> create() override { return make_folders(location_.path); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range) override;
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  struct Found {
    std::uint64_t size_bytes = 0;
    std::optional<Nanoseconds> modified;
  };
  std::string path_of(const ObjectName& name) const { return location_.path + "/" + name.text(); }
  void prepare(CurlTransfer& transfer, const std::string& path);
  // Commands one after the other, until one is refused; the answer to the last that was sent.
  Result<Answer> command(const std::vector<std::string>& commands, bool is_alone = false);
  Result<Answer> upload(const std::string& path, ByteSpan bytes);
  Result<Found> look_at(const std::string& path);
  Result<Bytes> fetch(const ObjectName& name, std::optional<ByteRange> range);
  Result<std::vector<FolderEntry>> list_one(const std::string& path);
  Result<bool> is_folder(const std::string& path);
  Result<void> make_folders(const std::string& path);
  Result<void> prepare_folder(const std::string& name);
  Result<void> check_base();
  Result<bool> has_mlsd();
  Error error_of(const Answer& answer, std::string_view what) const;
  Error missing(const ObjectName& name);

  const FtpLocation location_;
  CurlPool pool_;
  std::atomic<bool> has_base_ = false;
  std::atomic<int> has_mlsd_ = -1;  // not known yet
  Mutex mutex_;
  std::set<std::string> known_folders_ GUARDED_BY(mutex_);
};

void FtpStorage::prepare(CurlTransfer& transfer, const std::string& path) {
  const bool is_implicit = location_.security == FtpSecurity::implicit_tls;
  // An escaped slash in front makes a path absolute for curl.
  const std::string escaped = path.starts_with('/')
                                  ? "%2F" + escape_url(path.substr(1), Slashes::stay)
                                  : escape_url(path, Slashes::stay);
  const std::string url =
      fmt::format("{}://{}/{}", is_implicit ? "ftps" : "ftp", location_.authority, escaped);
  transfer.set(CURLOPT_URL, url.c_str());
  transfer.set(CURLOPT_PROTOCOLS_STR, "ftp,ftps");
  // libcurl 7.88 waits a second behind each EPSV. Over IPv6 it is used all the same.
  transfer.set(CURLOPT_FTP_USE_EPSV, 0L);
  transfer.set(CURLOPT_FTP_FILEMETHOD, static_cast<long>(CURLFTPMETHOD_NOCWD));
  if (!location_.user.empty()) {
    transfer.set(CURLOPT_USERNAME, location_.user.c_str());
    transfer.set(CURLOPT_PASSWORD, location_.password.c_str());
  }
  if (location_.security == FtpSecurity::none) return;
  transfer.set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  // With TLS 1.3 libcurl 7.88 cuts half of the uploads to vsftpd short (curl issue 6149).
  transfer.set(CURLOPT_SSLVERSION,
               static_cast<long>(CURL_SSLVERSION_TLSv1_2) | CURL_SSLVERSION_MAX_TLSv1_2);
}

Result<Answer> FtpStorage::command(const std::vector<std::string>& commands, bool is_alone) {
  CurlTransfer transfer(pool_, std::nullopt, kTextMax);
  prepare(transfer, "");
  Answer answer;
  // curl ends where a command is refused; its own first commands are answered in lines too.
  transfer.on_line([&](std::string_view line) { answer.text = line; });
  CurlLines lines;
  for (const std::string& each : commands) lines.add(each);
  transfer.set(CURLOPT_QUOTE, lines.get());
  transfer.set(CURLOPT_NOBODY, 1L);
  if (is_alone) {
    transfer.set(CURLOPT_FRESH_CONNECT, 1L);
    transfer.set(CURLOPT_FORBID_REUSE, 1L);
  }
  auto done = transfer.perform(location_.authority);
  if (!done && transfer.code() != CURLE_QUOTE_ERROR) return fail(std::move(done).error());
  pool_.note_answer();
  answer.code = done ? 250 : static_cast<int>(transfer.status());
  return answer;
}

Error FtpStorage::error_of(const Answer& answer, std::string_view what) const {
  std::string_view text = answer.text;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const auto error = [&](ErrorCode code, Retry retry) {
    return Error{code, fmt::format("{}: {}", what, text), retry, {}};
  };
  switch (answer.code) {
    case 421:
    case 425:
    case 426:
    case 450:
    case 451:
      return error(ErrorCode::unavailable, Retry::backoff);
    case 452:
    case 552:
      return error(ErrorCode::no_space, Retry::never);
    case 530:
    case 532:
    case 550:
    case 553:
      return error(ErrorCode::permission, Retry::never);
    default:
      return error(ErrorCode::io, Retry::never);
  }
}

// Changes the folder of its connection, which nobody uses afterwards: there is no other question
// that all servers answer for folders.
Result<bool> FtpStorage::is_folder(const std::string& path) {
  const Answer answer = TRY(command({"CWD " + path}, true));
  if (answer.code == 250) return true;
  if (answer.code == 550 || answer.code == 553) return false;
  return fail(error_of(answer, path));
}

Result<void> FtpStorage::check_base() {
  if (has_base_) return {};
  if (!TRY(is_folder(location_.path))) {
    return fail(ErrorCode::no_repository, fmt::format("there is no folder {}", location_.shown()));
  }
  has_base_ = true;
  return {};
}

Error FtpStorage::missing(const ObjectName& name) {
  if (auto base = check_base(); !base) return std::move(base).error();
  return Error{ErrorCode::not_found, name.text() + ": no such object", Retry::never, {}};
}

Result<void> FtpStorage::make_folders(const std::string& path) {
  if (TRY(is_folder(path))) return {};
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash != 0)
    TRY(make_folders(path.substr(0, slash)));
  const Answer answer = TRY(command({"MKD " + path}));
  // Somebody else may have been faster.
  if (answer.code == 250 || TRY(is_folder(path))) return {};
  return fail(error_of(answer, "make the folder " + path));
}

// All folders above an object, each asked for once. To make one that is there is refused, which
// says nothing: the upload tells.
Result<void> FtpStorage::prepare_folder(const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != std::string::npos;
       slash = name.find('/', slash + 1)) {
    const std::string folder = location_.path + "/" + name.substr(0, slash);
    {
      const MutexLock lock(mutex_);
      if (known_folders_.contains(folder)) continue;
    }
    TRY(command({"MKD " + folder}));
    const MutexLock lock(mutex_);
    known_folders_.insert(folder);
  }
  return {};
}

Result<Answer> FtpStorage::upload(const std::string& path, ByteSpan bytes) {
  CurlTransfer transfer(pool_, bytes, kTextMax);
  prepare(transfer, path);
  Answer answer;
  transfer.on_line([&](std::string_view line) { answer.text = line; });
  auto done = transfer.perform(location_.authority);
  answer.code = done ? 226 : static_cast<int>(transfer.status());
  if (done || transfer.code() == CURLE_UPLOAD_FAILED || transfer.code() == CURLE_REMOTE_DISK_FULL) {
    pool_.note_answer();
    return answer;
  }
  return fail(std::move(done).error());
}

Result<void> FtpStorage::put(const ObjectName& name, ByteSpan bytes) {
  TRY_IN(name.text(), check_base());
  // Not when an upload is refused: curl 7.88 then loses count of the answers, if there is TLS.
  TRY_IN(name.text(), prepare_folder(name.text()));
  const std::string path = path_of(name);
  const std::string temporary = folder_of(path) + "/" + temporary_name();
  Answer answer = TRY_IN(name.text(), upload(temporary, bytes));
  if (answer.code != 226) {
    (void)command({"DELE " + temporary});
    return fail(error_of(answer, name.text()));
  }
  // A connection that breaks in the middle looks to some servers like the end of the file.
  const auto found = look_at(temporary);
  if (!found || found->size_bytes != bytes.size()) {
    (void)command({"DELE " + temporary});
    if (!found && found.error().code != ErrorCode::not_found) return fail(found.error());
    return fail(Error{ErrorCode::unavailable,
                      fmt::format("{}: did not arrive whole", name.text()),
                      Retry::backoff,
                      {}});
  }
  answer = TRY_IN(name.text(), command({"RNFR " + temporary, "RNTO " + path}));
  if (answer.code == 250) return {};
  (void)command({"DELE " + temporary});
  // Some replace nothing: an object that is there already has the same bytes.
  const auto there = look_at(path);
  if (there && there->size_bytes == bytes.size()) return {};
  return fail(error_of(answer, name.text()));
}

Result<FtpStorage::Found> FtpStorage::look_at(const std::string& path) {
  const bool tells_times = TRY(has_mlsd());
  CurlTransfer transfer(pool_, std::nullopt, kTextMax);
  prepare(transfer, path);
  Answer answer;
  Found found;
  bool has_size = false;
  transfer.on_line([&](std::string_view line) {
    // What curl makes of the answers to SIZE and MDTM.
    constexpr std::string_view kSize = "Content-Length: ";
    if (line.starts_with("213 ")) {
      std::string_view value = line.substr(4);
      while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
      if (value.size() == 14 && !has_size && tells_times && !found.modified) {
        found.modified = parse_ftp_time(value);
      } else {
        has_size = parse_size(value, found.size_bytes).has_value();
      }
    } else if (!line.starts_with(kSize)) {
      answer.text = line;
    }
  });
  transfer.set(CURLOPT_NOBODY, 1L);
  transfer.set(CURLOPT_FILETIME, tells_times ? 1L : 0L);
  auto done = transfer.perform(location_.authority);
  if (!done && transfer.code() != CURLE_REMOTE_FILE_NOT_FOUND) return fail(std::move(done).error());
  pool_.note_answer();
  if (!done || !has_size) return fail(ErrorCode::not_found, path + ": no such file");
  return found;
}

Result<ObjectInfo> FtpStorage::stat(const ObjectName& name) {
  const auto found = look_at(path_of(name));
  if (!found)
    return fail(found.error().code == ErrorCode::not_found ? missing(name) : found.error());
  return ObjectInfo{name, found->size_bytes, found->modified};
}

Result<Bytes> FtpStorage::fetch(const ObjectName& name, std::optional<ByteRange> range) {
  // Before memory is taken for it, and because servers say nothing of a range beyond the end.
  const ObjectInfo info = TRY(stat(name));
  if (info.size_bytes > kObjectMax)
    return fail(ErrorCode::corrupt, name.text() + ": is longer than an object may be");
  const ByteRange wanted = range.value_or(ByteRange{0, info.size_bytes});
  if (range) TRY_IN(name.text(), check_range(wanted, info.size_bytes));
  CurlTransfer transfer(pool_, std::nullopt, wanted.length);
  transfer.announce(wanted.length);
  prepare(transfer, path_of(name));
  const std::string text = fmt::format(
      "{}-{}", wanted.offset, wanted.offset + std::max<std::uint64_t>(wanted.length, 1) - 1);
  if (range && wanted.length != info.size_bytes) transfer.set(CURLOPT_RANGE, text.c_str());
  auto done = transfer.perform(location_.authority);
  if (!done) {
    const bool is_gone = transfer.code() == CURLE_REMOTE_FILE_NOT_FOUND ||
                         transfer.code() == CURLE_FTP_COULDNT_RETR_FILE;
    return fail((is_gone ? missing(name) : std::move(done).error()).in(name.text()));
  }
  if (transfer.received_bytes() != wanted.length) {
    return fail(Error{ErrorCode::unavailable,
                      fmt::format("{}: {} of {} bytes arrived", name.text(),
                                  transfer.received_bytes(), wanted.length),
                      Retry::now,
                      {}});
  }
  return transfer.take_body();
}

Result<Bytes> FtpStorage::get(const ObjectName& name) { return fetch(name, std::nullopt); }

Result<Bytes> FtpStorage::get(const ObjectName& name, ByteRange range) {
  TRY(check_range(range, kObjectEndMax));
  return fetch(name, range);
}

// The features stand in lines of their own: " MLST type*;size*;modify*;"
Result<bool> FtpStorage::has_mlsd() {
  if (has_mlsd_ >= 0) return has_mlsd_ == 1;
  CurlTransfer transfer(pool_, std::nullopt, kTextMax);
  prepare(transfer, "");
  bool is_named = false;
  transfer.on_line([&](std::string_view line) {
    is_named = is_named || line.starts_with(" MLST") || line.starts_with(" MLSD");
  });
  CurlLines lines;
  lines.add("*FEAT");  // which a server need not know
  transfer.set(CURLOPT_QUOTE, lines.get());
  transfer.set(CURLOPT_NOBODY, 1L);
  TRY(transfer.perform(location_.authority));
  has_mlsd_ = is_named ? 1 : 0;
  return is_named;
}

Result<std::vector<FolderEntry>> FtpStorage::list_one(const std::string& path) {
  const bool for_programs = TRY(has_mlsd());
  CurlTransfer transfer(pool_, std::nullopt, kListingMax);
  prepare(transfer, path + "/");
  if (for_programs) transfer.set(CURLOPT_CUSTOMREQUEST, "MLSD");
  auto done = transfer.perform(location_.authority);
  if (!done) {
    const bool is_missing = transfer.code() == CURLE_REMOTE_FILE_NOT_FOUND ||
                            transfer.code() == CURLE_FTP_COULDNT_RETR_FILE ||
                            transfer.status() == 550;
    if (!is_missing) return fail(std::move(done).error());
    pool_.note_answer();
    return fail(ErrorCode::not_found, path + ": no such folder");
  }
  const Bytes body = transfer.take_body();
  return for_programs ? parse_mlsd(as_text(body)) : parse_ls(as_text(body));
}

Result<void> FtpStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_prefix(prefix));
  // Some show a folder that is missing as an empty one.
  TRY(check_base());
  return walk_folders(
      prefix, capabilities().parallel,
      [&](const std::string& folder) {
        return list_one(folder.empty() ? location_.path : location_.path + "/" + folder);
      },
      each);
}

Result<void> FtpStorage::remove(const ObjectName& name) {
  const std::string path = path_of(name);
  const Answer answer = TRY_IN(name.text(), command({"DELE " + path}));
  if (answer.code == 250) return {};
  // 550 is for what is missing and for what is forbidden.
  const auto there = look_at(path);
  if (there) return fail(error_of(answer, name.text()));
  if (there.error().code != ErrorCode::not_found) return fail(there.error());
  return check_base();
}

}  // namespace

std::string FtpLocation::shown() const {
  const auto* scheme = std::ranges::find(kSchemes, security, &Scheme::security);
  return fmt::format("{}://{}/{}", scheme->name, authority, path);
}

bool is_ftp_location(std::string_view text) { return scheme_of(text) != nullptr; }

Result<FtpLocation> parse_ftp_location(std::string_view text) {
  const Url url = TRY_IN("FTP location", parse_url(text));
  const auto unusable = [](std::string_view why) {
    return fail(ErrorCode::invalid_argument, fmt::format("FTP location: {}", why));
  };
  if (url.host.empty()) return unusable("no host is named");
  if (!url.query.empty())
    return unusable(fmt::format("there is no option '{}'", url.query.begin()->first));
  FtpLocation location;
  location.security = scheme_of(text)->security;
  location.authority = url.authority();
  location.path = url.path.substr(std::min<std::size_t>(1, url.path.size()));
  while (location.path.ends_with('/')) location.path.pop_back();
  if (location.path.empty()) return unusable("name a folder, not the whole server");
  // It becomes part of a line that is a command.
  const bool breaks_lines = std::ranges::any_of(
      location.path, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (breaks_lines) return unusable("the path has control characters");
  location.user = url.user;
  location.password = url.password;
  return location;
}

Result<std::unique_ptr<Storage>> open_ftp_storage(std::string_view location,
                                                  const StorageOptions& options) {
  FtpLocation parsed = TRY(parse_ftp_location(location));
  TRY(KindOptions("ftp", options.extended, {}).check_all_taken());
  if (parsed.user.empty()) {
    parsed.user = environment_variable("LAGAN_FTP_USER");
    parsed.password = environment_variable("LAGAN_FTP_PASSWORD");
  }
  return std::make_unique<FtpStorage>(std::move(parsed), options.connection);
}

}  // namespace lagan
