// SPDX-License-Identifier: Apache-2.0
#include "repo/key_slot.h"

#include <algorithm>

#include "repo/frames.h"
#include "repo/limits.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::size_t kParametersSize = 16;
constexpr std::size_t kCheckSize = 32;
constexpr std::size_t kLabelMax = 64;
constexpr std::size_t kCodeSize = 32;

std::string encode_parameters(Credential::Kind kind, PasswordCost cost, std::string_view label) {
  if (kind == Credential::Kind::code) cost = {0, 0};
  std::string out;
  append_le(out, static_cast<std::uint8_t>(kind));
  append_le(out, static_cast<std::uint8_t>(label.size()));
  append_le(out, std::uint16_t{0});
  append_le(out, cost.memory_kib);
  append_le(out, cost.passes);
  append_le(out, std::uint32_t{0});
  return out;
}

Result<SecretKey> key_encryption_key(const Credential& credential, ByteSpan header_salt,
                                     PasswordCost cost) {
  if (credential.kind == Credential::Kind::password) {
    PasswordSalt salt;
    std::ranges::copy(header_salt.first(salt.size()), salt.begin());
    return stretch_password(credential.secret.span(), salt, cost);
  }
  if (credential.secret.size() != kCodeSize)
    return fail(ErrorCode::wrong_key, "a code has 32 bytes");
  SecretKey key;
  std::ranges::copy(credential.secret.span(), key.span().begin());
  return key;
}

std::string associated_data(const Header& header, std::string_view parameters_and_label,
                            std::string_view name) {
  std::string out(as_text(header.bytes));
  out += parameters_and_label;
  out += name;
  return out;
}

// Letters and digits that cannot be mistaken for one another (Crockford's base 32 alphabet).
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
// 32 bytes of code and 3 of checksum are 280 bits, 56 digits.
constexpr std::size_t kCodeChecksum = 3;
constexpr std::size_t kCodeDigits = (kCodeSize + kCodeChecksum) * 8 / 5;

std::string code_checksum(ByteSpan code) {
  std::string sum(kCodeChecksum, '\0');
  derive_key("recovery code", code, std::as_writable_bytes(std::span(sum.data(), sum.size())));
  return sum;
}

}  // namespace

std::string format_recovery_code(ByteSpan code) {
  LAGAN_ASSERT(code.size() == kCodeSize);
  const std::string bytes = std::string(as_text(code)) + code_checksum(code);
  std::string out;
  std::size_t digits = 0;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char byte : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 5; bits -= 5) {
      if (digits != 0 && digits % 7 == 0) out.push_back('-');
      out.push_back(kAlphabet[(buffer >> (bits - 5)) & 31]);
      ++digits;
    }
  }
  return out;
}

Result<SecretBytes> parse_recovery_code(std::string_view text) {
  SecretBytes bytes(kCodeSize + kCodeChecksum);
  std::size_t digits = 0;
  std::uint32_t buffer = 0;
  int bits = 0;
  std::size_t filled = 0;
  for (char c : text) {
    if (c == '-' || c == ' ' || c == '\n' || c == '\r') continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == 'o') c = '0';
    if (c == 'i' || c == 'l') c = '1';
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || ++digits > kCodeDigits) {
      return fail(ErrorCode::invalid_argument, "this is not a recovery code");
    }
    buffer = (buffer << 5) | static_cast<std::uint32_t>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.span()[filled++] = static_cast<std::byte>((buffer >> bits) & 0xff);
    }
  }
  if (digits != kCodeDigits)
    return fail(ErrorCode::invalid_argument, "the recovery code is too short");
  const ByteSpan code = bytes.span().first(kCodeSize);
  if (as_text(bytes.span().subspan(kCodeSize)) != code_checksum(code)) {
    return fail(ErrorCode::invalid_argument,
                "the recovery code has a typing mistake: its checksum does not fit");
  }
  return SecretBytes::copy_of(code);
}

bool looks_like_recovery_code(std::string_view text) {
  return parse_recovery_code(text).has_value();
}

Result<SlotInfo> read_slot(ByteSpan object) {
  if (object.size() > limits::kSlotBytes) return fail(ErrorCode::corrupt, "key slot is too large");
  if (object.size() < kHeaderSize + kParametersSize + kCheckSize)
    return fail(ErrorCode::corrupt, "key slot ends early");
  const ByteSpan checked = object.first(object.size() - kCheckSize);
  if (!std::ranges::equal(hash(checked), object.last(kCheckSize))) {
    return fail(ErrorCode::corrupt, "key slot does not match its checksum");
  }
  SlotInfo info;
  info.header = TRY(Header::decode(object.first(kHeaderSize)));
  if (info.header.kind() != ObjectKind::key_slot) return fail(ErrorCode::corrupt, "not a key slot");
  Reader reader(checked.subspan(kHeaderSize));
  const std::uint8_t method = TRY(reader.u8());
  const std::uint8_t label_length = TRY(reader.u8());
  const std::uint16_t reserved = TRY(reader.u16le());
  info.cost.memory_kib = TRY(reader.u32le());
  info.cost.passes = TRY(reader.u32le());
  const std::uint32_t reserved_end = TRY(reader.u32le());
  if (method != 1 && method != 2)
    return fail(ErrorCode::unsupported, "key slot of an unknown method");
  if (reserved != 0 || reserved_end != 0 || label_length > kLabelMax) {
    return fail(ErrorCode::corrupt, "key slot has bad parameters");
  }
  if (info.cost.memory_kib > limits::kArgonMemoryKib || info.cost.passes > limits::kArgonPasses) {
    return fail(ErrorCode::corrupt, "key slot asks for more than 4 GiB of memory or 64 passes");
  }
  info.kind = static_cast<Credential::Kind>(method);
  info.label = as_text(TRY(reader.bytes(label_length)));
  return info;
}

Result<SealedObject> seal_slot(std::string_view name, const Bundle& bundle,
                               const Credential& credential, PasswordCost cost,
                               std::string_view label, const Random& random) {
  if (label.size() > kLabelMax)
    return fail(ErrorCode::invalid_argument, "a key's label has at most 64 bytes");
  const std::string parameters = encode_parameters(credential.kind, cost, label);
  const SecretBytes message = encode(bundle);
  const SecretBytes plaintext = pad_message(message.span());

  Hasher bound;
  for (const std::string_view part : {std::string_view(parameters), label, name})
    bound.update(as_bytes(part));
  bound.update(plaintext.span());
  const SecretKey salt = hedge(random, bundle.keys.epoch.index_key, bound.finish());
  const SecretKey kek = TRY(key_encryption_key(credential, salt.span(), cost));
  const NewObject slot = new_slot(bundle.repository, kek, as_bytes(parameters), salt);

  const std::string visible = parameters + std::string(label);
  const std::size_t frames_size = sealed_frames_size(plaintext.size());
  Bytes bytes(kHeaderSize + visible.size() + frames_size + kCheckSize);
  std::ranges::copy(slot.header.bytes, bytes.data());
  std::ranges::copy(as_bytes(visible), bytes.data() + kHeaderSize);
  const std::size_t frames_at = kHeaderSize + visible.size();
  seal_frames(slot.header.suite(), slot.key.aead,
              as_bytes(associated_data(slot.header, visible, name)), plaintext.span(),
              bytes.span().subspan(frames_at, frames_size));
  const Hash check = hash(bytes.span().first(frames_at + frames_size));
  std::ranges::copy(check, bytes.data() + frames_at + frames_size);
  return SealedObjectMaker::make(std::move(bytes));
}

Result<Bundle> open_slot(std::string_view name, ByteSpan object, const Credential& credential) {
  const SlotInfo info = TRY(read_slot(object));
  if (info.kind != credential.kind)
    return fail(ErrorCode::wrong_key, "this key slot is opened another way");
  const SecretKey kek = TRY(key_encryption_key(credential, info.header.salt(), info.cost));
  const ByteSpan parameters = object.subspan(kHeaderSize, kParametersSize);
  const ObjectKey key = TRY(open_slot(info.header, kek, parameters));
  const std::size_t visible_size = kParametersSize + info.label.size();
  const std::string_view visible = as_text(object.subspan(kHeaderSize, visible_size));
  const ByteSpan frames = object.subspan(kHeaderSize + visible_size,
                                         object.size() - kHeaderSize - visible_size - kCheckSize);
  const SecretBytes plaintext =
      TRY(open_frames(info.header.suite(), key.aead,
                      as_bytes(associated_data(info.header, visible, name)), frames));
  const ByteSpan message = TRY(unpad_message(plaintext.span()));
  Bundle bundle = TRY(decode_bundle(message));
  if (bundle.repository != info.header.repository()) {
    return fail(ErrorCode::corrupt, "key slot names another repository than its header");
  }
  return bundle;
}

}  // namespace lagan
