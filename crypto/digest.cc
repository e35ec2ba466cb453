// SPDX-License-Identifier: Apache-2.0
#include "crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <memory>

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

Result<Bytes> rs256(std::string_view private_key_pem, ByteSpan data) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())), BIO_free);
  // A key that wants a password has none to get.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(pem.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return fail(ErrorCode::invalid_argument, "is no private RSA key in PEM");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  LAGAN_ASSERT(context != nullptr);
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())));
  std::size_t size = signature.size();
  auto* const out = static_cast<unsigned char*>(static_cast<void*>(signature.data()));
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), out, &size, unsigned_bytes(data), data.size()) != 1)
    return fail(ErrorCode::invalid_argument, "is a key that does not sign");
  signature.truncate(size);
  return signature;
}

}  // namespace lagan
