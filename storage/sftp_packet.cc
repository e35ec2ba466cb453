// SPDX-License-Identifier: Apache-2.0
#include "storage/sftp_packet.h"

#include <fmt/format.h>

namespace lagan {
namespace {

constexpr std::uint32_t kHasSize = 1, kHasOwner = 2, kHasMode = 4, kHasTimes = 8;
constexpr std::uint32_t kHasMore = 0x8000'0000;

void append_number(std::string& to, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    to.push_back(static_cast<char>((number >> shift) & 0xff));
}

// Reads from the front; once something is missing, everything is.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = (value << 8) | static_cast<unsigned char>(c);
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::string_view text() { return take(u32()); }
  bool is_whole() const { return is_whole_; }
  bool is_at_end() const { return rest_.empty(); }

  SftpAttributes attributes() {
    SftpAttributes found;
    const std::uint32_t flags = u32();
    if (flags & kHasSize) found.size = number(8);
    if (flags & kHasOwner) take(8);
    if (flags & kHasMode) found.mode = u32();
    if (flags & kHasTimes) {
      take(4);
      found.modified = u32();
    }
    if (flags & kHasMore) {
      for (std::uint32_t left = u32(); left > 0 && is_whole_; --left) {
        text();
        text();
      }
    }
    return found;
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      is_whole_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool is_whole_ = true;
};

tl::unexpected<Error> wrong_reply() {
  return fail(ErrorCode::corrupt, "the SFTP server answers something else than was asked");
}

}  // namespace

SftpRequest::SftpRequest(SftpType type, std::uint32_t id) : packet_(4, '\0') {
  packet_.push_back(static_cast<char>(type));
  u32(id);
}

SftpRequest& SftpRequest::u32(std::uint32_t number) {
  append_number(packet_, number, 4);
  return *this;
}

SftpRequest& SftpRequest::u64(std::uint64_t number) {
  append_number(packet_, number, 8);
  return *this;
}

SftpRequest& SftpRequest::text(std::string_view text) {
  u32(static_cast<std::uint32_t>(text.size()));
  packet_ += text;
  return *this;
}

SftpRequest& SftpRequest::mode(std::uint32_t mode) { return u32(kHasMode).u32(mode); }

std::string SftpRequest::finish() {
  std::string length;
  append_number(length, packet_.size() - 4, 4);
  packet_.replace(0, 4, length);
  return std::move(packet_);
}

Result<SftpReply> parse_sftp_reply(std::string_view packet) {
  Reader reader(packet);
  SftpReply reply;
  reply.type = static_cast<SftpType>(reader.number(1));
  reply.id = reader.u32();
  if (!reader.is_whole()) return wrong_reply();
  reply.payload = packet.substr(5);
  return reply;
}

Result<std::vector<std::string>> parse_sftp_version(std::string_view packet) {
  Reader reader(packet);
  const auto type = static_cast<SftpType>(reader.number(1));
  const std::uint32_t version = reader.u32();
  if (!reader.is_whole() || type != SftpType::version || version < 3)
    return fail(ErrorCode::unsupported, "the server does not speak SFTP version 3");
  std::vector<std::string> names;
  while (!reader.is_at_end()) {
    names.emplace_back(reader.text());
    reader.text();
  }
  return names;
}

Result<SftpStatus> SftpReply::status() const {
  Reader reader(payload);
  const auto status = static_cast<SftpStatus>(reader.u32());
  if (type != SftpType::status || !reader.is_whole()) return wrong_reply();
  return status;
}

std::string SftpReply::status_text() const {
  Reader reader(payload);
  reader.u32();
  return type == SftpType::status ? std::string(reader.text()) : std::string();
}

Result<std::string> SftpReply::handle() const {
  Reader reader(payload);
  std::string handle(reader.text());
  // The limit is the protocol's.
  if (type != SftpType::handle || !reader.is_whole() || handle.size() > 256) return wrong_reply();
  return handle;
}

Result<std::string_view> SftpReply::data() const {
  Reader reader(payload);
  const std::string_view data = reader.text();
  if (type != SftpType::data || !reader.is_whole()) return wrong_reply();
  return data;
}

Result<std::vector<SftpListed>> SftpReply::names() const {
  Reader reader(payload);
  std::vector<SftpListed> names;
  for (std::uint32_t left = reader.u32(); left > 0 && reader.is_whole(); --left) {
    SftpListed listed;
    listed.name = reader.text();
    reader.text();  // as `ls -l` shows it
    listed.attributes = reader.attributes();
    names.push_back(std::move(listed));
  }
  if (type != SftpType::name || !reader.is_whole()) return wrong_reply();
  return names;
}

Result<SftpAttributes> SftpReply::attributes() const {
  Reader reader(payload);
  const SftpAttributes found = reader.attributes();
  if (type != SftpType::attributes || !reader.is_whole()) return wrong_reply();
  return found;
}

}  // namespace lagan
