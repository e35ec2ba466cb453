// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inner part of bodies and key slots: the padded plaintext cut into frames of 1 MiB, each sealed
// with its number and whether it is the last, so that a truncated object shows.

#include "repo/body.h"

namespace lagan {

// The one door through which sealed bytes become a SealedObject.
struct SealedObjectMaker {
  static SealedObject make(Bytes bytes) { return SealedObject(std::move(bytes)); }
};

// u32 length ‖ message ‖ zeros, padded to round6(max(4 + length, 2048)).
SecretBytes pad_message(ByteSpan message);
Result<ByteSpan> unpad_message(ByteSpan plaintext);

// Size of the padded plaintext of a message.
std::size_t padded_size(std::size_t message_size);

// Size of the frames of `plaintext_size` bytes.
std::size_t sealed_frames_size(std::size_t plaintext_size);

// Writes sealed_frames_size(plaintext.size()) bytes to `out`.
void seal_frames(Suite suite, const SecretKey& key, ByteSpan associated, ByteSpan plaintext,
                 MutableByteSpan out);
Result<SecretBytes> open_frames(Suite suite, const SecretKey& key, ByteSpan associated,
                                ByteSpan frames);

}  // namespace lagan
