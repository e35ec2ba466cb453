// SPDX-License-Identifier: Apache-2.0
#include "repo/machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "crypto/hash.h"
#include "util/file.h"
#include "util/hex.h"

namespace lagan {
namespace {

// Files in /proc say that they are empty, so their size is not asked for.
std::string first_line(const std::string& path) {
  const auto file = open_file(path, O_RDONLY);
  if (!file) return {};
  Bytes content(4096);
  const auto size = read_some_full(file->descriptor(), content.span());
  if (!size) return {};
  const std::string_view text = as_text(content.span().first(*size));
  return std::string(text.substr(0, text.find('\n')));
}

std::string machine_code(const SecretKey& id_key) {
  const std::string id = first_line("/etc/machine-id");
  if (id.empty()) return {};
  SecretBytes material(SecretKey::kSize + id.size());
  std::ranges::copy(id_key.span(), material.span().begin());
  std::ranges::copy(as_bytes(id), material.span().begin() + SecretKey::kSize);
  std::array<std::byte, 16> code;
  derive_key("machine", material.span(), code);
  return std::string(as_text(code));
}

std::string boot_code() {
  std::string id = first_line("/proc/sys/kernel/random/boot_id");
  std::erase(id, '-');
  std::array<std::byte, 16> code;
  if (!from_hex(id, code)) return {};
  return std::string(as_text(code));
}

}  // namespace

// Field 22 of /proc/…/stat; the program's name, field 2, may contain anything, so count from its
// ')'.
std::uint64_t process_start(std::uint32_t pid) {
  const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
  std::size_t at = stat.rfind(')');
  for (int field = 2; at != std::string::npos && field < 22; ++field) at = stat.find(' ', at + 1);
  std::uint64_t ticks = 0;
  if (at != std::string::npos)
    std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
  return ticks;
}

ProcessIdentity this_process(const SecretKey& id_key) {
  ProcessIdentity self;
  self.machine = machine_code(id_key);
  self.boot = boot_code();
  self.pid = static_cast<std::uint32_t>(::getpid());
  self.pid_started = process_start(self.pid);
  struct stat status {};
  if (::stat("/proc/self/ns/pid", &status) == 0) self.pid_namespace = status.st_ino;
  return self;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::int32_t utc_offset_minutes(Nanoseconds time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return static_cast<std::int32_t>(local.tm_gmtoff / 60);
}

std::string program_name() { return "lagan " LAGAN_VERSION; }

}  // namespace lagan
