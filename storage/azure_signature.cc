// SPDX-License-Identifier: Apache-2.0
#include "storage/azure_signature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "crypto/digest.h"
#include "util/base64.h"

namespace lagan {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace

std::string http_date(Nanoseconds time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", utc);
}

std::string sign_azure(const AzureRequestToSign& request, std::string_view account,
                       const AzureKey& key) {
  HttpHeaders sorted = request.headers;
  for (auto& [name, value] : sorted) name = lower(name);
  std::ranges::sort(sorted);
  const auto value_of = [&](std::string_view name) {
    const auto at =
        std::ranges::find_if(sorted, [&](const auto& each) { return each.first == name; });
    return at == sorted.end() ? std::string() : at->second;
  };
  std::string text = request.method + "\n";
  text += value_of("content-encoding") + "\n" + value_of("content-language") + "\n";
  text += request.content_length == 0 ? "\n" : fmt::format("{}\n", request.content_length);
  for (const char* name : {"content-md5", "content-type", "date", "if-modified-since", "if-match",
                           "if-none-match", "if-unmodified-since", "range"})
    text += value_of(name) + "\n";
  for (const auto& [name, value] : sorted) {
    if (name.starts_with("x-ms-")) text += fmt::format("{}:{}\n", name, value);
  }
  text += fmt::format("/{}{}", account, request.path);
  QueryParameters query = request.query;
  std::ranges::sort(query);
  for (const auto& [name, value] : query) text += fmt::format("\n{}:{}", name, value);
  const Sha256 signature = hmac_sha256(as_bytes(key), as_bytes(text));
  return fmt::format("SharedKey {}:{}", account, to_base64(as_text(signature)));
}

}  // namespace lagan
