// SPDX-License-Identifier: Apache-2.0
#include "storage/webdav_answers.h"

#include <charconv>
#include <pugixml.hpp>
#include <string_view>

#include "storage/http.h"
#include "storage/url.h"

namespace lagan {
namespace {

std::string_view local_name(const pugi::xml_node& node) {
  std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
  for (const auto& node : parent.children()) {
    if (local_name(node) == name) return node;
  }
  return {};
}

// "https://host/dav/a%20b/" and "/dav/a%20b" become "/dav/a b".
Result<std::string> path_in(std::string_view href) {
  if (const std::size_t scheme = href.find("://"); scheme != std::string_view::npos) {
    const std::size_t slash = href.find('/', scheme + 3);
    href = slash == std::string_view::npos ? std::string_view("/") : href.substr(slash);
  }
  std::string path = TRY_IN("listing", unescape_url(href));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!path.starts_with('/')) return fail(ErrorCode::corrupt, "the listing has a relative path");
  return path;
}

void read_properties(const pugi::xml_node& prop, WebdavListed& listed) {
  if (child(child(prop, "resourcetype"), "collection")) listed.is_folder = true;
  const std::string_view size = child(prop, "getcontentlength").text().get();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), number);
  if (!size.empty() && error == std::errc() && end == size.data() + size.size())
    listed.size_bytes = number;
  if (const auto time = parse_http_date(child(prop, "getlastmodified").text().get()))
    listed.modified = time;
}

}  // namespace

Result<std::vector<WebdavListed>> parse_multistatus(ByteSpan xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size()))
    return fail(ErrorCode::corrupt, "the listing is no XML");
  const auto root = child(document, "multistatus");
  if (!root) return fail(ErrorCode::corrupt, "the answer is no listing");
  std::vector<WebdavListed> all;
  for (const auto& response : root.children()) {
    if (local_name(response) != "response") continue;
    WebdavListed listed;
    listed.path = TRY(path_in(child(response, "href").text().get()));
    for (const auto& part : response.children()) {
      const bool is_known = local_name(part) == "propstat" &&
                            std::string_view(child(part, "status").text().get()).find(" 200") !=
                                std::string_view::npos;
      if (is_known) read_properties(child(part, "prop"), listed);
    }
    all.push_back(std::move(listed));
  }
  return all;
}

}  // namespace lagan
