// SPDX-License-Identifier: Apache-2.0
#include "util/base64.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

TEST_CASE("the examples of RFC 4648") {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  }
}

TEST_CASE("every byte comes back, over line ends too") {
  std::string bytes;
  for (int i = 0; i < 512; ++i) bytes.push_back(static_cast<char>(i * 7));
  std::string text = to_base64(bytes);
  for (std::size_t at = 64; at < text.size(); at += 66) text.insert(at, "\r\n");
  CHECK(from_base64(text) == bytes);
}

TEST_CASE("what is not base64 is refused") {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zm9vY", "Zm9v!", "=Zg=", "Zg==Zg==", "Z===", "====", "Zh==", "Zm9="}) {
    INFO(text);
    CHECK_FALSE(from_base64(text));
  }
}

}  // namespace
}  // namespace lagan
