// SPDX-License-Identifier: Apache-2.0
#pragma once

// What FTP servers answer when they are asked for a listing. MLSD (RFC 3659) is made for programs;
// LIST is what `ls -l` prints, for which there is no standard: lines of another form are passed
// over if they cannot be an object, and are an error if they might.

#include <optional>
#include <string_view>
#include <vector>

#include "storage/folder_walk.h"
#include "util/clock.h"
#include "util/result.h"

namespace lagan {

// LIST does not tell times exactly: there are none.
Result<std::vector<FolderEntry>> parse_mlsd(std::string_view text);
Result<std::vector<FolderEntry>> parse_ls(std::string_view text);

// "20260131235959.123"
std::optional<Nanoseconds> parse_ftp_time(std::string_view text);

}  // namespace lagan
