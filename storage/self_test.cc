// SPDX-License-Identifier: Apache-2.0
#include "storage/self_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>

#include "util/parallel.h"

namespace lagan {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kLargeBytes = 8 * kMiB;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Not compressible, and different for each seed.
Bytes sample(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(size);
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t number = random();
    std::memcpy(bytes.data() + at, &number, std::min<std::size_t>(8, size - at));
  }
  return bytes;
}

tl::unexpected<Error> broken(std::string message) {
  return fail(ErrorCode::corrupt, std::move(message));
}

class SelfTest {
 public:
  SelfTest(Storage& storage, std::string folder) : storage_(storage) {
    report_.folder = std::move(folder);
    report_.capabilities = storage.capabilities();
  }

  Result<SelfTestReport> run(const std::function<void(const SelfTestStep&)>& each);

 private:
  ObjectName name(std::string_view text) const {
    return ObjectName::parse(report_.folder + std::string(text)).value();
  }
  Result<void> same(const ObjectName& name, ByteSpan expected) {
    const Bytes found = TRY(storage_.get(name));
    if (as_text(found) == as_text(expected)) return {};
    return broken(fmt::format("{}: gives back other bytes", name.text()));
  }
  Result<std::multiset<std::string>> listed(std::string_view below) {
    std::multiset<std::string> names;
    TRY(storage_.list(report_.folder + std::string(below),
                      [&](const ObjectInfo& info) -> Result<void> {
                        names.insert(info.name.text().substr(report_.folder.size()));
                        return {};
                      }));
    return names;
  }
  Result<void> is_missing(const ObjectName& name);

  Result<void> sizes();
  Result<void> again();
  Result<void> difficult_bytes();
  Result<void> ranges();
  Result<void> beyond_the_end();
  Result<void> missing();
  Result<void> at_the_same_time();
  Result<void> listing();
  Result<void> removing();
  void measure();
  void tidy_up();

  Storage& storage_;
  SelfTestReport report_;
};

Result<void> SelfTest::is_missing(const ObjectName& name) {
  const auto found = storage_.get(name);
  if (found) return broken(name.text() + ": is there");
  if (found.error().code != ErrorCode::not_found) return fail(found.error());
  const auto info = storage_.stat(name);
  if (info) return broken(name.text() + ": is there for stat, but not for get");
  return info.error().code == ErrorCode::not_found ? Result<void>() : fail(info.error());
}

Result<void> SelfTest::sizes() {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65'537}, kMiB + 1}) {
    const Bytes bytes = sample(size, size);
    const ObjectName at = name(fmt::format("sizes/{}", size));
    TRY(storage_.put(at, bytes));
    TRY(same(at, bytes));
    const ObjectInfo info = TRY(storage_.stat(at));
    if (info.size_bytes != size) return broken(at.text() + ": stat tells another size");
    report_.tells_times = info.modified.has_value();
  }
  return {};
}

Result<void> SelfTest::again() {
  const Bytes bytes = sample(10'000, 2);
  for (int i = 0; i < 3; ++i) TRY(storage_.put(name("again"), bytes));
  return same(name("again"), bytes);
}

Result<void> SelfTest::difficult_bytes() {
  using std::string_view_literals::operator""sv;
  constexpr auto kDifficult = "\x1f\x8b\r\n\n\r\x1a\0\xff\xfe\xef\xbb\xbf\r\n"sv;
  TRY(storage_.put(name("difficult"), as_bytes(kDifficult)));
  return same(name("difficult"), as_bytes(kDifficult));
}

Result<void> SelfTest::ranges() {
  const Bytes bytes = sample(100'000, 3);
  TRY(storage_.put(name("ranges"), bytes));
  for (const ByteRange range :
       {ByteRange{0, 1}, ByteRange{50'000, 4096}, ByteRange{99'999, 1}, ByteRange{0, 100'000}}) {
    const Bytes found = TRY(storage_.get(name("ranges"), range));
    if (as_text(found) != as_text(bytes.span().subspan(range.offset, range.length)))
      return broken("a range has other bytes");
  }
  return {};
}

Result<void> SelfTest::beyond_the_end() {
  for (const ByteRange range : {ByteRange{99'999, 2}, ByteRange{100'000, 1}}) {
    const auto found = storage_.get(name("ranges"), range);
    if (found) return broken("a range beyond the end is given");
    if (found.error().code != ErrorCode::corrupt) return fail(found.error());
  }
  return {};
}

Result<void> SelfTest::missing() {
  TRY(is_missing(name("missing")));
  return is_missing(name("missing/below"));
}

Result<void> SelfTest::at_the_same_time() {
  const std::size_t threads = std::max<std::size_t>(report_.capabilities.parallel, 2);
  const Bytes bytes = sample(30'000, 4);
  TRY(for_each_parallel(2 * threads, threads, [&](std::size_t i) {
    // Half of them the same object.
    return storage_.put(
        name(i % 2 == 0 ? std::string("parallel/one") : fmt::format("parallel/{}", i)), bytes);
  }));
  return for_each_parallel(2 * threads, threads, [&](std::size_t i) {
    return same(name(i % 2 == 0 ? std::string("parallel/one") : fmt::format("parallel/{}", i)),
                bytes);
  });
}

Result<void> SelfTest::listing() {
  std::multiset<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    expected.insert(fmt::format("list/{}/{}", i % 3, i));
    TRY(storage_.put(name(fmt::format("list/{}/{}", i % 3, i)), {}));
    if (TRY(listed("list/")) != expected)
      return broken("what was put is not listed at once, once, and with what was there");
  }
  TRY(storage_.put(name("list/1x/1"), {}));
  for (const std::string& each : TRY(listed("list/1/"))) {
    if (!each.starts_with("list/1/")) return broken("a listing has what lies beside the folder");
  }
  return {};
}

Result<void> SelfTest::removing() {
  const ObjectName at = name("removed");
  TRY(storage_.put(at, as_bytes("first")));
  TRY(storage_.remove(at));
  report_.can_remove = true;
  TRY(is_missing(at));
  TRY(storage_.remove(at));
  TRY(storage_.put(at, as_bytes("again")));
  return same(at, as_bytes("again"));
}

void SelfTest::measure() {
  const Bytes bytes = sample(kLargeBytes, 5);
  const ObjectName at = name("large");
  auto begin = SteadyClock::now();
  if (!storage_.put(at, bytes)) return;
  report_.upload_bytes_per_second = static_cast<double>(kLargeBytes) / seconds_since(begin);
  begin = SteadyClock::now();
  if (!storage_.get(at)) return;
  report_.download_bytes_per_second = static_cast<double>(kLargeBytes) / seconds_since(begin);
  std::vector<double> trips;
  for (int i = 0; i < 5; ++i) {
    begin = SteadyClock::now();
    if (!storage_.stat(at)) return;
    trips.push_back(seconds_since(begin) * 1000);
  }
  std::ranges::sort(trips);
  report_.round_trip_ms = trips[trips.size() / 2];
}

void SelfTest::tidy_up() {
  std::vector<ObjectName> all;
  const auto found = storage_.list(report_.folder, [&](const ObjectInfo& info) -> Result<void> {
    all.push_back(info.name);
    return {};
  });
  const auto removed =
      for_each_parallel(all.size(), std::max<std::size_t>(report_.capabilities.parallel, 1),
                        [&](std::size_t i) { return storage_.remove(all[i]); });
  report_.left_objects = !found || !removed;
}

Result<SelfTestReport> SelfTest::run(const std::function<void(const SelfTestStep&)>& each) {
  if (!TRY(listed("")).empty())
    return fail(ErrorCode::already_exists, report_.folder + " is in use");
  struct Claim {
    const char* text;
    Result<void> (SelfTest::*holds)();
  };
  constexpr Claim kClaims[] = {
      {"what was put comes back, and its size is told", &SelfTest::sizes},
      {"a put of what is there succeeds and changes nothing", &SelfTest::again},
      {"no byte is changed on the way", &SelfTest::difficult_bytes},
      {"a range is exactly what was asked for", &SelfTest::ranges},
      {"a range beyond the end is an error", &SelfTest::beyond_the_end},
      {"what is not there is told as missing", &SelfTest::missing},
      {"several puts and gets at a time are right", &SelfTest::at_the_same_time},
      {"a listing is complete, each object once, at once", &SelfTest::listing},
      {"what is removed is gone and may come again", &SelfTest::removing},
  };
  for (const Claim& claim : kClaims) {
    const auto holds = (this->*claim.holds)();
    report_.steps.push_back({claim.text, holds ? "" : holds.error().message});
    each(report_.steps.back());
  }
  measure();
  tidy_up();
  return std::move(report_);
}

}  // namespace

bool SelfTestReport::is_sound() const {
  return std::ranges::all_of(steps, [](const SelfTestStep& step) { return step.failure.empty(); });
}

Result<SelfTestReport> self_test(Storage& storage, std::string folder,
                                 const std::function<void(const SelfTestStep&)>& each) {
  return SelfTest(storage, std::move(folder)).run(each);
}

void remove_empty_folders(const std::string& top) {
  std::error_code error;
  std::vector<std::string> below;
  for (const auto& entry : std::filesystem::directory_iterator(top, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) below.push_back(entry.path());
  }
  for (const std::string& folder : below) remove_empty_folders(folder);
  ::rmdir(top.c_str());
}

}  // namespace lagan
