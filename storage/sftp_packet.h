// SPDX-License-Identifier: Apache-2.0
#pragma once

// Packets of the SSH file transfer protocol, version 3
// (https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02), as OpenSSH and most others
// speak it. What comes in is parsed, not believed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

// OpenSSH takes 255 KiB at a time, others 32.
constexpr std::size_t kPieceBytes = std::size_t{32} << 10;

enum class SftpType : std::uint8_t {
  init = 1,
  version = 2,
  open = 3,
  close = 4,
  read = 5,
  write = 6,
  opendir = 11,
  readdir = 12,
  remove = 13,
  mkdir = 14,
  rename = 18,
  stat = 17,
  status = 101,
  handle = 102,
  data = 103,
  name = 104,
  attributes = 105,
  extended = 200,
  extended_reply = 201,
};

enum class SftpStatus : std::uint32_t {
  ok = 0,
  end = 1,
  no_such_file = 2,
  permission_denied = 3,
  failure = 4,
  connection_lost = 7,
  unsupported = 8,
};

struct SftpAttributes {
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> mode;      // as in stat(2), with the kind
  std::optional<std::uint32_t> modified;  // seconds
  bool is_folder() const { return mode && (*mode & 0170000) == 0040000; }
  bool is_file() const { return mode && (*mode & 0170000) == 0100000; }
};

struct SftpListed {
  std::string name;
  SftpAttributes attributes;
};

// A request under construction: length, type and id in front.
class SftpRequest {
 public:
  SftpRequest(SftpType type, std::uint32_t id);
  SftpRequest& u32(std::uint32_t number);
  SftpRequest& u64(std::uint64_t number);
  SftpRequest& text(std::string_view text);  // with its length
  SftpRequest& bytes(ByteSpan bytes) { return text(as_text(bytes)); }
  SftpRequest& mode(std::uint32_t mode);  // attributes with nothing else
  // The whole packet.
  std::string finish();

 private:
  std::string packet_;
};

struct SftpReply {
  SftpType type = SftpType::status;
  std::uint32_t id = 0;
  std::string_view payload;  // after the id; borrowed

  // Each is `corrupt` for a reply of another type or one that is cut. A status that is not `ok`
  // is an error of the operation where something else was expected: see sftp_error().
  Result<SftpStatus> status() const;
  std::string status_text() const;
  Result<std::string> handle() const;
  Result<std::string_view> data() const;
  Result<std::vector<SftpListed>> names() const;
  Result<SftpAttributes> attributes() const;
};

// `packet` is what follows the length.
Result<SftpReply> parse_sftp_reply(std::string_view packet);
// Names of the extensions that a server announces.
Result<std::vector<std::string>> parse_sftp_version(std::string_view packet);

}  // namespace lagan
