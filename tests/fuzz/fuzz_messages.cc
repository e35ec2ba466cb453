// SPDX-License-Identifier: Apache-2.0
// Every decoder of repo/messages.h. The first byte chooses; what decodes must encode to something
// that decodes to the same.
#include <cstddef>
#include <cstdint>

#include "repo/messages.h"

namespace lagan {
namespace {

template <typename Decode>
void round_trip(ByteSpan message, const Decode& decode) {
  const auto value = decode(message);
  if (!value) return;
  const std::string written = encode(*value);
  const auto again = decode(as_bytes(written));
  LAGAN_ASSERT(again.has_value());
  LAGAN_ASSERT(encode(*again) == written);
}

// Encoding needs locked memory, so a fuzzer would not get far.
void only_decode(ByteSpan message) { (void)decode_bundle(message); }

void run(unsigned choice, ByteSpan message) {
  switch (choice % 11) {
    case 0:
      return round_trip(message, decode_boot);
    case 1:
      return only_decode(message);
    case 2:
      return round_trip(message, decode_config);
    case 3:
      return round_trip(message, decode_pack_directory);
    case 4:
      return round_trip(message, decode_segment);
    case 5:
      return round_trip(message, decode_session);
    case 6:
      return round_trip(message, decode_mark);
    case 7:
      return round_trip(message, decode_condemned);
    case 8:
      return round_trip(message, decode_forgotten);
    default:
      return round_trip(message, decode_snapshot);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) lagan::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
