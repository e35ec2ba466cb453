// SPDX-License-Identifier: Apache-2.0
#include "src/cli/key_armour.h"

#include <fmt/format.h>

#include "repo/key_slot.h"
#include "util/base64.h"

namespace lagan::cli {
namespace {

constexpr std::string_view kBegin = "-----BEGIN LAGAN KEY-----";
constexpr std::string_view kEnd = "-----END LAGAN KEY-----";
constexpr std::size_t kLineDigits = 64;  // as PEM has it

// The value of "Name: value" in the lines before the base64; empty if there is none.
std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = std::min(head.find('\n', at), head.size());
    std::string_view line = head.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    const std::size_t first = line.find_first_not_of(' ');
    const std::size_t last = line.find_last_not_of(" \r");
    return first == std::string_view::npos ? std::string_view()
                                           : line.substr(first, last - first + 1);
  }
  return {};
}

tl::unexpected<Error> refuse(std::string why) {
  return fail(ErrorCode::invalid_argument, "not a key as 'lagan key export' prints it: " + why);
}

}  // namespace

std::string write_armour(const RepositoryId& repository, std::string_view id, ByteSpan object) {
  std::string out = fmt::format("{}\nRepository: {}\nKey: {}\n\n", kBegin, repository.hex(), id);
  const std::string digits = to_base64(as_text(object));
  for (std::size_t at = 0; at < digits.size(); at += kLineDigits)
    out += digits.substr(at, kLineDigits) + "\n";
  return out + std::string(kEnd) + "\n";
}

Result<ArmouredKey> read_armour(std::string_view text) {
  const std::size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return refuse("there is no line " + std::string(kBegin));
  text.remove_prefix(begin + kBegin.size());
  const std::size_t end = text.find(kEnd);
  if (end == std::string_view::npos) return refuse("it breaks off");
  text = text.substr(0, end);

  ArmouredKey key;
  const auto repository = RepositoryId::from_hex(field(text, "Repository:"));
  const auto id = RepositoryId::from_hex(field(text, "Key:"));
  if (!repository || !id) return refuse("the lines Repository and Key are missing or wrong");
  key.repository = *repository;
  key.id = id->hex();
  // The base64 begins after the line that names the key.
  const std::size_t digits = text.find('\n', text.find("Key:"));
  const auto object = from_base64(text.substr(std::min(digits, text.size())));
  if (!object) return refuse("its base64 is damaged");
  key.object = Bytes::copy_of(as_bytes(*object));
  const auto slot = read_slot(key.object);
  if (!slot) return refuse(slot.error().message);
  if (slot->header.repository() != key.repository)
    return refuse("it is of another repository than it says");
  return key;
}

}  // namespace lagan::cli
