// SPDX-License-Identifier: Apache-2.0
#pragma once

// The object `lagan.repo`: tells people and programs that this is a repository, of which format.
// Plain text and a message; not secret and not trusted (the key bundle repeats what it says).

#include <string>

#include "repo/messages.h"
#include "storage/storage.h"

namespace lagan {

std::string encode_boot_record(const Boot& boot);
// Another first line, or another format, is `corrupt` or `unsupported`.
Result<Boot> decode_boot_record(ByteSpan record);

// `no_repository` if there is none.
Result<Boot> read_boot_record(Storage& storage);

}  // namespace lagan
