// SPDX-License-Identifier: Apache-2.0

// What a program reads before it has any key: the boot record, key slots and recovery codes. The
// first byte chooses. Checksums are made right, and slots are sealed to a code, so that the fuzzer
// gets to what lies behind. A password is tried only where stretching it is cheap.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/hash.h"
#include "repo/boot_record.h"
#include "repo/frames.h"
#include "repo/key_slot.h"
#include "repo/limits.h"
#include "tests/repo/samples.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::string_view kName = "keys/0123456789abcdef0123456789abcdef";
constexpr std::string_view kFirstLine = "lagan repository, format 1\n";
constexpr std::size_t kParametersSize = 16;
// Stretching costs no more than this, or is not tried.
constexpr PasswordCost kCheap{64, 2};

void count_up(MutableByteSpan out) {
  unsigned char next = 0;
  for (std::byte& byte : out) byte = static_cast<std::byte>(++next);
}

std::string with_check(std::string bytes) {
  bytes += as_text(hash(as_bytes(bytes)));
  return bytes;
}

const Credential& code() {
  static const Credential made = [] {
    Bytes secret(32);
    count_up(secret.span());
    return Credential::code(secret);
  }();
  return made;
}

void try_boot(ByteSpan record) {
  const auto boot = decode_boot_record(record);
  if (!boot) return;
  const std::string written = encode_boot_record(*boot);
  const auto again = decode_boot_record(as_bytes(written));
  LAGAN_ASSERT(again && encode_boot_record(*again) == written);
}

void try_slot(ByteSpan object) {
  const auto info = read_slot(object);
  if (!info) {
    LAGAN_ASSERT(!open_slot(kName, object, code()));
    return;
  }
  LAGAN_ASSERT(info->cost.memory_kib <= limits::kArgonMemoryKib);
  LAGAN_ASSERT(info->cost.passes <= limits::kArgonPasses);
  LAGAN_ASSERT(info->label.size() <= 64);
  if (info->kind == Credential::Kind::code) {
    const auto bundle = open_slot(kName, object, code());
    if (bundle) LAGAN_ASSERT(bundle->repository == info->header.repository());
  } else if (info->cost.memory_kib <= kCheap.memory_kib && info->cost.passes <= kCheap.passes) {
    const auto bundle = open_slot(kName, object, Credential::password("open sesame"));
    if (bundle) LAGAN_ASSERT(bundle->repository == info->header.repository());
  }
}

// The input: 16 bytes of parameters, then label and plaintext, sealed to the code.
void try_sealed_slot(ByteSpan input) {
  if (input.size() < kParametersSize) return;
  const ByteSpan parameters = input.first(kParametersSize);
  const std::size_t label_length = std::to_integer<std::size_t>(parameters[1]);
  const ByteSpan rest = input.subspan(kParametersSize);
  const std::size_t visible_size = kParametersSize + std::min(label_length, rest.size());
  const ByteSpan visible = input.first(visible_size);
  const ByteSpan plaintext = input.subspan(visible_size);
  if (plaintext.empty()) return;

  SecretKey kek, salt;
  count_up(kek.span());
  count_up(salt.span());
  const NewObject slot = new_slot(samples::id<RepositoryId>(0x10), kek, parameters, salt);
  std::string associated(as_text(slot.header.bytes));
  associated += as_text(visible);
  associated += kName;
  std::string frames(sealed_frames_size(plaintext.size()), '\0');
  seal_frames(slot.header.suite(), slot.key.aead, as_bytes(associated), plaintext,
              std::as_writable_bytes(std::span(frames)));
  const std::string object =
      with_check(std::string(as_text(slot.header.bytes)) + std::string(as_text(visible)) + frames);

  const auto info = read_slot(as_bytes(object));
  if (!info || info->kind != Credential::Kind::code) return;
  LAGAN_ASSERT(info->label == as_text(visible.subspan(kParametersSize)));
  const auto bundle = open_slot(kName, as_bytes(object), code());
  if (!bundle) return LAGAN_ASSERT(bundle.error().code != ErrorCode::wrong_key);
  LAGAN_ASSERT(bundle->repository == info->header.repository());
  LAGAN_ASSERT(bundle->keys.check_public_keys());
  LAGAN_ASSERT(!open_slot("keys/0", as_bytes(object), code()));
}

void try_code(ByteSpan input) {
  const std::string_view text = as_text(input);
  const auto parsed = parse_recovery_code(text);
  LAGAN_ASSERT(looks_like_recovery_code(text) == parsed.has_value());
  if (parsed) {
    LAGAN_ASSERT(parsed->size() == 32);
    const std::string shown = format_recovery_code(parsed->span());
    LAGAN_ASSERT(std::ranges::equal(parse_recovery_code(shown)->span(), parsed->span()));
  }
  if (input.size() < 32) return;
  const std::string shown = format_recovery_code(input.first(32));
  const auto back = parse_recovery_code(shown);
  LAGAN_ASSERT(back && std::ranges::equal(back->span(), input.first(32)));
  LAGAN_ASSERT(!parse_recovery_code(shown + "0"));
  LAGAN_ASSERT(!parse_recovery_code(std::string_view(shown).substr(1)));
}

void run(unsigned choice, ByteSpan input) {
  const std::string text(as_text(input));
  switch (choice % 6) {
    case 0:
      return try_boot(input);
    case 1:
      return try_boot(as_bytes(with_check(std::string(kFirstLine) + text)));
    case 2:
      return try_slot(input);
    case 3:
      return try_slot(as_bytes(with_check(text)));
    case 4:
      return try_sealed_slot(input);
    default:
      return try_code(input);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) lagan::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
