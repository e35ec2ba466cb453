// SPDX-License-Identifier: Apache-2.0

// What storage services answer, and locations as users write them. The first byte chooses. Nothing
// may crash, and no message may have a password that stands in a location.

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/ftp_listing.h"
#include "storage/open.h"
#include "storage/s3_answers.h"
#include "storage/sftp_packet.h"
#include "storage/url.h"
#include "storage/webdav_answers.h"

namespace lagan {
namespace {

void try_sftp(std::string_view packet) {
  (void)parse_sftp_version(packet);
  const auto reply = parse_sftp_reply(packet);
  if (!reply) return;
  (void)reply->status();
  (void)reply->status_text();
  (void)reply->handle();
  (void)reply->data();
  (void)reply->names();
  (void)reply->attributes();
}

void try_location(std::string_view text) {
  const auto url = parse_url(text);
  if (url) LAGAN_ASSERT(unescape_url(escape_url(url->path, Slashes::stay)) == url->path);
  const auto storage = open_storage(text);
  if (storage) LAGAN_ASSERT(!(*storage)->description().empty());
}

// A password with nothing in it that a URL escapes does not show, whatever follows.
void try_secret(std::string_view rest) {
  const std::string location = "webdav+https://me:verysecret@host" + std::string(rest);
  const auto storage = open_storage(location);
  const std::string shown = storage ? (*storage)->description() : storage.error().message;
  LAGAN_ASSERT(rest.find("secret") != std::string_view::npos ||
               shown.find("verysecret") == std::string::npos);
}

void run(unsigned choice, std::string_view text) {
  switch (choice % 8) {
    case 0:
      return void(parse_s3_page(as_bytes(text)));
    case 1:
      return void(parse_upload_id(as_bytes(text)));
    case 2:
      return void(parse_multistatus(as_bytes(text)));
    case 3:
      return try_sftp(text);
    case 4:
      return void(parse_mlsd(text));
    case 5:
      return void(parse_ls(text));
    case 6:
      return try_location(text);
    default:
      return try_secret(text);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lagan;
  if (size > 0) run(data[0], as_text(std::as_bytes(std::span(data + 1, size - 1))));
  return 0;
}
