// SPDX-License-Identifier: Apache-2.0

// What the storage interface costs beside plain system calls:
//   storage_cost [ROUNDS] [FOLDER]
// The same packs are written and read in turns, by system calls alone (temporary file, O_DIRECT,
// fsync, rename, fsync of the folder; read) and through the whole stack that a command has: retries
// over pace over counts over the folder. Prints the CPU seconds of both, and of small objects what
// one costs. FOLDER (./storage-cost by default) must not be there, and is removed.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "storage/local.h"
#include "storage/pace.h"
#include "storage/request_counts.h"
#include "storage/retry.h"
#include "tests/bench/measure.h"
#include "util/aligned_buffer.h"
#include "util/file.h"

using namespace lagan;
using namespace lagan::measure;

namespace {

constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

void check(bool is_good, const char* what) {
  if (is_good) return;
  fmt::print(stderr, "{}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

void put_plainly(const std::string& folder, const std::string& name, ByteSpan bytes) {
  const std::string temporary = folder + "/new", path = folder + "/" + name;
  {
    const bool is_large = bytes.size() >= kPieceBytes;
    const File file(::open(temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (is_large ? O_DIRECT : 0),
                           0600));
    check(file.is_open(), "open");
    for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes) {
      const ByteSpan piece = bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
      check(::pwrite(file.descriptor(), piece.data(), piece.size(), static_cast<off_t>(at)) ==
                static_cast<ssize_t>(piece.size()),
            "write");
    }
    check(::fsync(file.descriptor()) == 0, "fsync");
  }
  check(::rename(temporary.c_str(), path.c_str()) == 0, "rename");
  const File open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(::fsync(open.descriptor()) == 0, "fsync");
}

std::size_t get_plainly(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  check(::fstat(file.descriptor(), &status) == 0, "stat");
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  check(::read(file.descriptor(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "read");
  return bytes.size();
}

struct Spent {
  double put = 0, get = 0;
};

template <typename Put, typename Get>
Spent measure_one(std::size_t count, const Put& put, const Get& get) {
  const auto now = [] { return cpu_seconds(CLOCK_PROCESS_CPUTIME_ID); };
  const double start = now();
  for (std::size_t i = 0; i < count; ++i) put(i);
  const double middle = now();
  for (std::size_t i = 0; i < count; ++i) get(i);
  return {middle - start, now() - middle};
}

void compare(const std::string& folder, std::size_t count, ByteSpan content, int rounds) {
  std::vector<Spent> plain, ours;
  for (int round = 0; round < rounds; ++round) {
    std::filesystem::create_directories(folder + "/plain");
    plain.push_back(measure_one(
        count,
        [&](std::size_t i) { put_plainly(folder + "/plain", fmt::format("pack{}", i), content); },
        [&](std::size_t i) { get_plainly(fmt::format("{}/plain/pack{}", folder, i)); }));
    const auto storage = with_retries(with_pace(with_counts(make_local_storage(folder + "/ours"),
                                                            std::make_shared<RequestCounts>()),
                                                {}),
                                      {});
    or_die(storage->create());
    const auto name = [](std::size_t i) {
      return *ObjectName::parse(fmt::format("data/pack{}", i));
    };
    ours.push_back(measure_one(
        count, [&](std::size_t i) { or_die(storage->put(name(i), content)); },
        [&](std::size_t i) { or_die(storage->get(name(i))); }));
    std::filesystem::remove_all(folder);
  }
  const auto middle = [](std::vector<Spent> all, double Spent::*which) {
    std::ranges::sort(all, {}, which);
    return all[all.size() / 2].*which;
  };
  for (const auto& [what, which] : {std::pair{"put", &Spent::put}, {"get", &Spent::get}}) {
    const double a = middle(plain, which), b = middle(ours, which);
    fmt::print(
        "{} x {} bytes, {}: plain {:.4f} s, through the interface {:.4f} s ({:+.1f} us each)\n",
        count, content.size(), what, a, b, (b - a) * 1e6 / static_cast<double>(count));
  }
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count > 1 ? std::atoi(words[1]) : 5;
  const std::string folder = count > 2 ? words[2] : "./storage-cost";
  if (rounds < 1 || std::filesystem::exists(folder)) {
    fmt::print(stderr, "usage: storage_cost [ROUNDS] [FOLDER that is not there]\n");
    return 2;
  }
  AlignedBuffer pack(std::size_t{32} << 20);
  std::mt19937_64 random(1);
  for (std::byte& byte : pack.span()) byte = static_cast<std::byte>(random());
  compare(folder, 32, pack.span(), rounds);
  compare(folder, 2000, pack.span().first(4096), rounds);
  return 0;
}
