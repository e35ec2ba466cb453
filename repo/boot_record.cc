// SPDX-License-Identifier: Apache-2.0
#include "repo/boot_record.h"

#include <algorithm>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "repo/names.h"

namespace lagan {
namespace {

constexpr std::string_view kFirstLine = "lagan repository, format 1\n";
constexpr std::string_view kAnyFormat = "lagan repository, format ";
constexpr std::size_t kCheckSize = 32;

}  // namespace

std::string encode_boot_record(const Boot& boot) {
  std::string record = std::string(kFirstLine) + encode(boot);
  record += as_text(hash(as_bytes(record)));
  return record;
}

Result<Boot> decode_boot_record(ByteSpan record) {
  if (record.size() > limits::kBootBytes)
    return fail(ErrorCode::corrupt, "boot record is too large");
  const std::string_view text = as_text(record);
  if (!text.starts_with(kFirstLine)) {
    if (!text.starts_with(kAnyFormat))
      return fail(ErrorCode::corrupt, "this is not a boot record of lagan");
    return fail(ErrorCode::unsupported,
                "the repository has a newer format than this lagan knows (1): use a newer lagan");
  }
  if (record.size() < kFirstLine.size() + kCheckSize)
    return fail(ErrorCode::corrupt, "boot record ends early");
  const ByteSpan checked = record.first(record.size() - kCheckSize);
  if (!std::ranges::equal(hash(checked), record.last(kCheckSize))) {
    return fail(ErrorCode::corrupt, "boot record does not match its checksum");
  }
  return decode_boot(checked.subspan(kFirstLine.size()));
}

Result<Boot> read_boot_record(Storage& storage) {
  auto record = storage.get(names::boot());
  if (record) return TRY_IN(names::kBoot, decode_boot_record(*record));
  const ErrorCode code = record.error().code;
  if (code == ErrorCode::not_found || code == ErrorCode::no_repository) {
    return fail(ErrorCode::no_repository, "there is no repository at " + storage.description());
  }
  return fail(std::move(record).error());
}

}  // namespace lagan
