// SPDX-License-Identifier: Apache-2.0
#pragma once

// Key slots: the bundle of secrets, sealed to a password or to a code (docs/format.md, "Key slot").
// The storage sees the cost parameters and the label, nothing else.

#include <string>
#include <string_view>

#include "crypto/password.h"
#include "repo/body.h"
#include "repo/messages.h"
#include "util/result.h"

namespace lagan {

// What opens a slot: a password (bytes as typed), or a recovery code of 32 bytes.
struct Credential {
  enum class Kind : std::uint8_t { password = 1, code = 2 };
  Kind kind = Kind::password;
  SecretBytes secret;

  static Credential password(std::string_view text) {
    return {Kind::password, SecretBytes::copy_of(text)};
  }
  static Credential code(ByteSpan bytes) { return {Kind::code, SecretBytes::copy_of(bytes)}; }
};

// A recovery code as people write it: groups of letters and digits with a checksum, and back. Wrong
// characters, length or checksum: `invalid_argument`.
std::string format_recovery_code(ByteSpan code);
Result<SecretBytes> parse_recovery_code(std::string_view text);
bool looks_like_recovery_code(std::string_view text);

// What anybody can read of a slot. A slot whose checksum fails is `corrupt`: damage is not a wrong
// password.
struct SlotInfo {
  Header header;
  Credential::Kind kind = Credential::Kind::password;
  PasswordCost cost;
  std::string label;
};
Result<SlotInfo> read_slot(ByteSpan object);

// `name` is the slot's full object name. `label` is visible to the storage, at most 64 bytes.
Result<SealedObject> seal_slot(std::string_view name, const Bundle& bundle,
                               const Credential& credential, PasswordCost cost,
                               std::string_view label, const Random& random);

// A credential that does not fit is `wrong_key`.
Result<Bundle> open_slot(std::string_view name, ByteSpan object, const Credential& credential);

}  // namespace lagan
