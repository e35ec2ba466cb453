// SPDX-License-Identifier: Apache-2.0
#include "repo/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <protozero/pbf_reader.hpp>

#include "repo/frames.h"

namespace lagan {
namespace {

constexpr std::size_t kCheckSize = 32;
constexpr std::uint32_t kSignatureField = 100;
// Key of field 100, wire type 2, as a varint, and the length 64.
constexpr std::string_view kSignaturePrefix = "\xa2\x06\x40";
constexpr std::size_t kSignatureFieldSize = kSignaturePrefix.size() + 64;

// Index segments are named by their hash; everything else carries one.
bool ends_with_check(ObjectKind kind) { return kind != ObjectKind::index_segment; }

std::string associated_data(const Header& header, std::string_view name) {
  return std::string(as_text(header.bytes)) + std::string(name);
}

Hash signed_hash(const Sealing& sealing, ObjectKind kind, std::string_view name,
                 std::string_view message) {
  std::string input;
  input.push_back(static_cast<char>(kind));
  input += as_text(sealing.repository.span());
  input.push_back(static_cast<char>(name.size()));
  input += name;
  input += message;
  return hash(as_bytes(input));
}

std::string signature_input(const Hash& digest) {
  return "lagan v1 signature" + std::string(as_text(digest));
}

// Where field 100 begins, after a walk over all fields: it must come once, last, with 64 bytes, and
// no field before it may come twice unless it may repeat (what may repeat is the decoder's
// business).
Result<std::size_t> find_signature(std::string_view message) {
  if (message.size() < kSignatureFieldSize) return fail(ErrorCode::corrupt, "signature is missing");
  const std::size_t start = message.size() - kSignatureFieldSize;
  if (message.substr(start, kSignaturePrefix.size()) != kSignaturePrefix) {
    return fail(ErrorCode::corrupt, "signature is missing");
  }
  try {
    protozero::pbf_reader reader(message.data(), start);
    while (reader.next()) {
      if (reader.tag() == kSignatureField) return fail(ErrorCode::corrupt, "signed twice");
      reader.skip();
    }
  } catch (const protozero::exception&) {
    return fail(ErrorCode::corrupt, "message is malformed");
  }
  return start;
}

}  // namespace

SealedObject seal_body(const Sealing& sealing, ObjectKind kind, std::string_view name,
                       std::string_view message) {
  const SecretBytes plaintext = pad_message(as_bytes(message));
  Hasher bound;
  bound.update(as_bytes(name));
  bound.update(plaintext.span());
  const SecretKey hedged = hedge(sealing.random, sealing.keys->epoch.index_key, bound.finish());
  const auto object =
      new_object(kind, sealing.suite, sealing.repository, sealing.keys->epoch, hedged);
  LAGAN_ASSERT(object.has_value());

  const std::size_t frames_size = sealed_frames_size(plaintext.size());
  Bytes bytes(kHeaderSize + frames_size + (ends_with_check(kind) ? kCheckSize : 0));
  std::ranges::copy(object->header.bytes, bytes.data());
  seal_frames(sealing.suite, object->key.aead, as_bytes(associated_data(object->header, name)),
              plaintext.span(), bytes.span().subspan(kHeaderSize, frames_size));
  if (ends_with_check(kind)) {
    const Hash check = hash(bytes.span().first(kHeaderSize + frames_size));
    std::ranges::copy(check, bytes.data() + kHeaderSize + frames_size);
  }
  return SealedObjectMaker::make(std::move(bytes));
}

Result<std::string> open_body(const Sealing& sealing, ObjectKind kind, std::string_view name,
                              ByteSpan object, std::size_t max_size) {
  if (object.size() > max_size) return fail(ErrorCode::corrupt, "object is too large");
  const std::size_t check_size = ends_with_check(kind) ? kCheckSize : 0;
  if (object.size() < kHeaderSize + check_size)
    return fail(ErrorCode::corrupt, "object ends early");
  const ByteSpan checked = object.first(object.size() - check_size);
  if (check_size != 0 && !std::ranges::equal(hash(checked), object.last(check_size))) {
    return fail(ErrorCode::corrupt, "object does not match its checksum");
  }
  const Header header = TRY(Header::decode(object.first(kHeaderSize)));
  if (header.kind() != kind)
    return fail(ErrorCode::corrupt, "object is of another kind than its name says");
  const ObjectKey key = TRY(open_object(header, sealing.repository, sealing.keys->epoch));
  const SecretBytes plaintext =
      TRY(open_frames(header.suite(), key.aead, as_bytes(associated_data(header, name)),
                      checked.subspan(kHeaderSize)));
  return std::string(as_text(TRY(unpad_message(plaintext.span()))));
}

std::string sign_message(const Sealing& sealing, ObjectKind kind, std::string_view name,
                         std::string message) {
  const std::string input = signature_input(signed_hash(sealing, kind, name, message));
  const Signature signature = sign(sealing.keys->sign_seed, as_bytes(input));
  message += kSignaturePrefix;
  message += as_text(signature);
  return message;
}

Result<std::string_view> check_signature(const Sealing& sealing, ObjectKind kind,
                                         std::string_view name, std::string_view message) {
  const std::size_t start = TRY(find_signature(message));
  const std::string_view covered = message.substr(0, start);
  Signature signature;
  std::ranges::copy(as_bytes(message.substr(start + kSignaturePrefix.size())), signature.begin());
  const std::string input = signature_input(signed_hash(sealing, kind, name, covered));
  if (!verify(sealing.keys->owner_public, as_bytes(input), signature)) {
    return fail(ErrorCode::corrupt, "signature does not hold");
  }
  return covered;
}

}  // namespace lagan
