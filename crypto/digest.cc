// SPDX-License-Identifier: Apache-2.0
#include "crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/result.h"

namespace lagan {
namespace {

const unsigned char* unsigned_bytes(ByteSpan bytes) {
  return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}
template <std::size_t kSize>
unsigned char* unsigned_bytes(std::array<std::byte, kSize>& bytes) {
  return static_cast<unsigned char*>(static_cast<void*>(bytes.data()));
}

template <typename Digest>
Digest digest(ByteSpan data, const EVP_MD* algorithm) {
  Digest out;
  unsigned int size = 0;
  const int done =
      EVP_Digest(data.data(), data.size(), unsigned_bytes(out), &size, algorithm, nullptr);
  LAGAN_ASSERT(done == 1 && size == out.size());
  return out;
}

}  // namespace

Sha256 sha256(ByteSpan data) { return digest<Sha256>(data, EVP_sha256()); }
Md5 md5(ByteSpan data) { return digest<Md5>(data, EVP_md5()); }

Sha256 hmac_sha256(ByteSpan key, ByteSpan data) {
  Sha256 out;
  unsigned int size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          unsigned_bytes(data), data.size(), unsigned_bytes(out), &size);
  LAGAN_ASSERT(done != nullptr && size == out.size());
  return out;
}

}  // namespace lagan
