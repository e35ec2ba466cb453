// SPDX-License-Identifier: Apache-2.0
#include "src/cli/context.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <limits>

#include "src/cli/credentials.h"
#include "src/cli/speed_limit.h"
#include "src/cli/terminal.h"
#include "storage/disk_cache.h"
#include "storage/open.h"
#include "storage/pace.h"
#include "storage/retry.h"
#include "util/base64.h"
#include "util/duration.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

std::atomic<int> signals_seen = 0;

// A handler may do little more than write to a pipe.
std::atomic<int> interruption_pipe = -1;

extern "C" void note_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(kInterrupted);
  const int saved = errno;
  (void)!::write(interruption_pipe.load(), "", 1);
  errno = saved;
}

// Turns the first signal into a stop, for as long as the process lives.
class Interruption {
 public:
  Interruption() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;  // then a second signal has to do
    reading_ = File(ends[0]);
    writing_ = File(ends[1]);
    interruption_pipe = ends[1];
    thread_ = std::jthread([this] {
      char byte = 0;
      while (::read(reading_.descriptor(), &byte, 1) < 0 && errno == EINTR) {
      }
      if (signals_seen > 0) source_.request_stop();
    });
    // One that came before there was a pipe.
    if (signals_seen > 0) (void)!::write(ends[1], "", 1);
  }
  ~Interruption() {
    interruption_pipe = -1;
    (void)!::write(writing_.descriptor(), "", 1);  // wakes the thread, which then ends
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  File reading_, writing_;
  std::stop_source source_;
  std::jthread thread_;
};

constexpr Nanoseconds kSecond = 1'000'000'000;

std::atomic<unsigned> status_signals = 0;

extern "C" void note_status_signal(int) { status_signals.fetch_add(1); }

std::string text_of(const char* value) { return value != nullptr ? value : ""; }

std::string environment(const char* name) { return text_of(std::getenv(name)); }

// https://datatracker.ietf.org/doc/html/rfc3629: one sequence at a time, shortest forms, no
// surrogates.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::no_repository:
      return kNoRepository;
    case ErrorCode::wrong_key:
      return kWrongPassword;
    case ErrorCode::cancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // The terminal has gone; unless somebody (nohup) has said that this does not matter.
  struct sigaction before {};
  if (::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
    ::sigaction(SIGHUP, &action, nullptr);
  // Asks how far it is. Whatever waits for a system call goes on waiting.
  action.sa_handler = note_status_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
#ifdef SIGINFO
  ::sigaction(SIGINFO, &action, nullptr);
#endif
  // A closed pipe shows as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  // Who ignores it, as a parent may have done, is not told how its children end.
  std::signal(SIGCHLD, SIG_DFL);
}

std::stop_token Context::interruption() const {
  static Interruption interruption;
  return interruption.token();
}

bool Context::is_stopped() const { return signals_seen.load(std::memory_order_relaxed) > 0; }

unsigned Context::status_requests() const { return status_signals.load(std::memory_order_relaxed); }

const char* Context::variable(const std::string& name) const {
  return std::getenv(((globals.is_source ? "LAGAN_FROM_" : "LAGAN_") + name).c_str());
}

Result<std::string> Context::location() const {
  if (!globals.repository.empty()) return globals.repository;
  std::string file = globals.repository_file;
  if (file.empty()) {
    if (std::string named = text_of(variable("REPOSITORY")); !named.empty()) return named;
    file = text_of(variable("REPOSITORY_FILE"));
  }
  if (file.empty()) {
    if (globals.is_source) {
      return fail(ErrorCode::invalid_argument,
                  "name the source with --from-repo LOCATION or in LAGAN_FROM_REPOSITORY");
    }
    std::string advice = "name the repository with -r LOCATION or in LAGAN_REPOSITORY";
    if (!environment("RESTIC_REPOSITORY").empty()) advice += " (RESTIC_REPOSITORY is not read)";
    return fail(ErrorCode::invalid_argument, std::move(advice));
  }
  const Bytes content = TRY(read_file(file, 65536));
  const std::string_view text = as_text(content);
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

std::vector<OwnFolder> Context::own_folders() const {
  const auto where = location();
  std::vector<OwnFolder> own;
  if (!where) return own;
  for (std::string& folder : local_folders(*where))
    own.push_back({std::move(folder), "the repository"});
  return own;
}

Result<StorageOptions> Context::storage_options() const {
  StorageOptions options;
  HttpOptions& connection = options.connection;
  connection.ca_file = globals.ca_file;
  connection.client_certificate = globals.client_certificate;
  connection.insecure_tls = globals.insecure_tls;
  connection.user_agent = globals.user_agent;
  connection.stall_seconds = static_cast<int>(
      std::clamp<Nanoseconds>(TRY_IN("--stuck-request-timeout", parse_duration(globals.stall_time)),
                              kSecond, 86'400 * kSecond) /
      kSecond);
  connection.stop = interruption();
  const auto throttle = [](const std::string& text) -> Result<std::shared_ptr<Throttle>> {
    if (text.empty()) return nullptr;
    SpeedPlan plan = TRY(parse_speed_plan(text));
    if (!plan.is_limited()) return nullptr;
    return std::make_shared<Throttle>(std::move(plan));
  };
  connection.upload = TRY_IN("--limit-upload", throttle(globals.limit_upload));
  connection.download = TRY_IN("--limit-download", throttle(globals.limit_download));
  for (const std::string& option : globals.storage_options) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::invalid_argument, "-o wants name=value, as in -o sftp.args=-v");
    options.extended[option.substr(0, equals)] = option.substr(equals + 1);
  }
  return options;
}

Result<std::shared_ptr<Storage>> Context::open_location() const {
  const std::string where = TRY(location());
  StorageOptions options = TRY(storage_options());
  // Of no kind of storage: it stands before each.
  const auto cache_size = options.extended.extract("cache.size");
  auto storage = TRY(open_storage(where, options));
  if (is_open_to_listeners(where)) {
    warn(storage->description() +
         ": without TLS others can see which objects are read and written, and the password of the "
         "service");
  }
  RetryOptions retries;
  retries.budget = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(TRY_IN("--retry-time", parse_duration(globals.retry_time))));
  retries.stop = options.connection.stop;
  PaceOptions pace{.calls = nullptr, .stop = retries.stop};
  if (requests_per_second != 0)
    pace.calls = std::make_shared<Throttle>(SpeedPlan{requests_per_second, {}});
  storage = with_pace(with_counts(std::move(storage), requests), std::move(pace));
  retries.notice = [this](const Error& error, std::chrono::milliseconds wait) {
    warn(fmt::format("{}; trying again in {:.1f} s", error.message,
                     static_cast<double>(wait.count()) / 1000));
  };
  auto retried = with_retries(std::move(storage), std::move(retries));
  const std::string cache = cache_folder();
  if (cache_size.empty() || cache.empty()) return std::shared_ptr<Storage>(std::move(retried));
  const std::uint64_t bytes = TRY_IN("-o cache.size", parse_size(cache_size.mapped()));
  return std::shared_ptr<Storage>(
      TRY(with_disk_cache(std::move(retried), cache + "/blocks", bytes)));
}

std::string Context::cache_folder() const {
  if (globals.no_cache) return {};
  if (!globals.cache_dir.empty()) return globals.cache_dir;
  if (std::string named = environment("LAGAN_CACHE_DIR"); !named.empty()) return named;
  if (std::string base = environment("XDG_CACHE_HOME"); !base.empty()) return base + "/lagan";
  if (std::string home = environment("HOME"); !home.empty()) return home + "/.cache/lagan";
  return {};
}

Result<OpenOptions> Context::open_options() const {
  OpenOptions options;
  options.cache_folder = cache_folder();
  options.cache_limit_bytes = TRY_IN("--cache-size", parse_size(globals.cache_size));
  options.key_hint = globals.key_hint;
  return options;
}

Result<std::unique_ptr<Repository>> Context::open_repository() {
  return open_repository(TRY(open_options()));
}

Result<std::unique_ptr<Repository>> Context::open_repository(OpenOptions options) {
  auto storage = TRY(open_location());
  const Credential credential = TRY(find_credential(*this, Asking::once));
  auto repository = Repository::open(storage, credential, options);
  if (!repository && repository.error().code == ErrorCode::wrong_key &&
      credential.kind == Credential::Kind::password &&
      looks_like_recovery_code(as_text(credential.secret.span()))) {
    const SecretBytes code = TRY(parse_recovery_code(as_text(credential.secret.span())));
    repository = Repository::open(storage, Credential::code(code.span()), options);
  }
  if (repository) {
    for (const std::string& warning : (*repository)->warnings()) warn(warning);
  }
  return repository;
}

Result<ChunkWriterOptions> Context::writer_options() const {
  ChunkWriterOptions options;
  options.workers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16);
  options.verify = !globals.no_extra_verify;
  static const std::map<std::string, int> kLevels = {
      {"auto", 3}, {"off", 0}, {"fastest", 1}, {"better", 6}, {"max", 15}};
  const auto level = kLevels.find(globals.compression);
  if (level == kLevels.end()) {
    return fail(ErrorCode::invalid_argument,
                "--compression is one of auto, off, fastest, better, max");
  }
  options.compression_level = level->second;
  if (globals.pack_size_mib != 0) options.data_pack_bytes = globals.pack_size_mib << 20;
  return options;
}

Result<LocalIndex> Context::load_index(const Repository& repository) {
  LocalIndex index = TRY(open_local_index(repository));
  const LoadedIndex loaded = TRY(load_index_to_read(repository, index));
  for (const std::string& damaged : loaded.damaged) warn(damaged);
  return index;
}

namespace {

// Names of files are in messages, and may hold what a terminal obeys.
std::string harmless(std::string text, int descriptor) {
  if (::isatty(descriptor) != 1) return text;
  std::ranges::replace_if(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; },
      '?');
  return text;
}

void put_exit(int code, const std::string& text) {
  const Json message{{"message_type", "exit_error"}, {"code", code}, {"message", text}};
  put(stderr, fmt::format("{}\n", message.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace

int Context::fail_with(const Error& error) const {
  const int code = exit_code_of(error);
  has_told_exit_ = true;
  if (globals.json) {
    put_exit(code, error.message);
  } else {
    put(stderr, fmt::format("{} {}\n", painted("lagan:", Style::error, STDERR_FILENO),
                            harmless(error.message, STDERR_FILENO)));
  }
  return code;
}

void Context::tell_exit(int code) const {
  if (code == kOk || !globals.json || has_told_exit_) return;
  std::fflush(stdout);  // it is the last line of both
  put_exit(code, "not all went well: what was printed before says what");
}

void Context::warn(const std::string& text) const {
  if (globals.json) {
    const Json message{
        {"message_type", "error"}, {"error", {{"message", text}}}, {"during", ""}, {"item", ""}};
    put(stderr, fmt::format("{}\n", message.dump(-1, ' ', false, Json::error_handler_t::replace)));
  } else {
    put(stderr, fmt::format("{} {}\n", painted("lagan:", Style::warning, STDERR_FILENO),
                            harmless(text, STDERR_FILENO)));
  }
}

void Context::report_requests() const {
  if (globals.verbose == 0 || globals.quiet) return;
  const auto rows = requests->rows();
  Json counts = Json::object();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RequestCounts::Row& row = rows[i];
    const std::string name(RequestCounts::kNames[i]);
    if (row.calls == 0) continue;
    const double seconds = std::chrono::duration<double>(row.time).count();
    counts[name] = {
        {"calls", row.calls}, {"failed", row.failures}, {"bytes", row.bytes}, {"seconds", seconds}};
    if (globals.json) continue;
    put(stderr, fmt::format("lagan: storage: {} times {}{}, {:.2f} s{}\n", row.calls, name,
                            row.bytes == 0 ? "" : " " + format_bytes(row.bytes), seconds,
                            row.failures == 0 ? "" : fmt::format(", {} failed", row.failures)));
  }
  if (globals.json && !counts.empty())
    print_json({{"message_type", "storage_requests"}, {"requests", std::move(counts)}});
}

void Context::say(const std::string& line) const {
  if (!globals.json && !globals.quiet) put(stdout, fmt::format("{}\n", line));
}

void put(std::FILE* stream, std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stream);
}

void Context::print_json(const Json& message) const {
  put(stdout, fmt::format("{}\n", message.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

void put_text(Json& object, const std::string& key, const std::string& bytes) {
  bool is_valid = true;
  for (std::string_view rest = bytes; !rest.empty() && is_valid;) {
    const std::size_t length = utf8_length(rest);
    is_valid = length != 0;
    rest.remove_prefix(length);
  }
  object[key] = bytes;  // dump() replaces what is not UTF-8
  if (!is_valid) object[key + "_b64"] = to_base64(bytes);
}

namespace {

// Times before 1970 are counted back from the second below them.
struct Moment {
  std::int64_t seconds = 0;
  std::uint32_t fraction = 0;
};

Moment moment(Nanoseconds time) {
  const Nanoseconds fraction = (time % kSecond + kSecond) % kSecond;
  return {(time - fraction) / kSecond, static_cast<std::uint32_t>(fraction)};
}

}  // namespace

std::string format_time(Nanoseconds time) { return format_entry_time(moment(time).seconds); }

std::string format_entry_time(std::int64_t seconds) {
  const std::time_t shown = seconds;
  std::tm local{};
  // No calendar reaches so far.
  if (::localtime_r(&shown, &local) == nullptr) return fmt::format("@{}", seconds);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

namespace {

std::string rfc3339(Moment time, int offset_minutes) {
  const std::time_t seconds = time.seconds + std::time_t{offset_minutes} * 60;
  std::tm shown{};
  if (::gmtime_r(&seconds, &shown) == nullptr) return fmt::format("@{}", time.seconds);
  const int distance = std::abs(offset_minutes);
  const std::string zone = offset_minutes == 0
                               ? "Z"
                               : fmt::format("{}{:02}:{:02}", offset_minutes < 0 ? '-' : '+',
                                             distance / 60, distance % 60);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}{}", shown.tm_year + 1900,
                     shown.tm_mon + 1, shown.tm_mday, shown.tm_hour, shown.tm_min, shown.tm_sec,
                     time.fraction, zone);
}

}  // namespace

std::string format_time_rfc3339(Nanoseconds time, int offset_minutes) {
  return rfc3339(moment(time), offset_minutes);
}

std::string format_entry_time_rfc3339(std::int64_t seconds, std::uint32_t fraction) {
  return rfc3339({seconds, fraction}, 0);
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.3f} {}", value, kUnits[unit]);
}

Result<std::uint64_t> parse_size(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  static constexpr std::string_view kUnits = "kmgtp";
  double factor = 1;
  std::string unit = end;
  if (!unit.empty()) {
    const auto power =
        kUnits.find(static_cast<char>(std::tolower(static_cast<unsigned char>(unit[0]))));
    if (power != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(power + 1));
      unit.erase(0, 1);
    }
    if (unit == "iB" || unit == "ib" || unit == "B" || unit == "b") unit.clear();
  }
  if (end == text.c_str() || !unit.empty() || !(number >= 0) || number * factor > 9e18) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no size: write for example 500K, 10M or 1.5G", text));
  }
  return static_cast<std::uint64_t>(number * factor);
}

Result<Nanoseconds> parse_time(const std::string& text) {
  if (text == "now") return system_now();
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parsed{};
    parsed.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parsed);
    if (end == nullptr || *end != '\0') continue;
    const std::tm written = parsed;
    const std::time_t seconds = std::mktime(&parsed);
    // The 30th of February would become the 2nd of March.
    if (parsed.tm_mday != written.tm_mday || parsed.tm_mon != written.tm_mon || written.tm_sec > 59)
      break;
    if (seconds > std::numeric_limits<Nanoseconds>::max() / kSecond ||
        seconds < std::numeric_limits<Nanoseconds>::min() / kSecond) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is out of reach: only times from 1678 to 2261 are", text));
    }
    return static_cast<Nanoseconds>(seconds) * kSecond;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no time: write it as \"2006-01-02 15:04:05\"", text));
}

std::vector<std::string> split_list(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

void SnapshotFlags::add_to(CLI::App& app, bool short_host) {
  constexpr const char* kGroup = "Which snapshots";
  app.add_option(short_host ? "-H,--host" : "--host", hosts,
                 "only snapshots of this host (may be repeated)")
      ->type_name("HOST")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--tag", tags,
                 "only snapshots with all of these tags, `tag,tag` (may be repeated: any of them)")
      ->type_name("TAGS")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--path", paths,
                 "only snapshots that hold this path (may be repeated: all of them)")
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->group(kGroup);
}

Result<std::vector<StoredSnapshot>> SnapshotFlags::choose(
    const SnapshotList& list, const std::vector<std::string>& wanted) const {
  if (!wanted.empty()) return find_snapshots(list, wanted, filter());
  std::vector<StoredSnapshot> chosen;
  std::ranges::copy_if(list.snapshots, std::back_inserter(chosen), [&](const StoredSnapshot& each) {
    return matches(filter(), each.snapshot);
  });
  return chosen;
}

SnapshotFilter SnapshotFlags::filter() const {
  SnapshotFilter filter{.hosts = hosts, .tag_lists = {}, .paths = {}};
  // As backups note them: whole, and without the slash that completion leaves.
  for (const std::string& path : paths) {
    std::error_code ignored;
    const auto whole = std::filesystem::absolute(path, ignored).lexically_normal().string();
    filter.paths.push_back(path.empty() || ignored ? path
                           : whole.size() > 1 && whole.ends_with('/')
                               ? whole.substr(0, whole.size() - 1)
                               : whole);
  }
  for (const std::string& list : tags) filter.tag_lists.push_back(split_list(list));
  return filter;
}

}  // namespace lagan::cli
