// SPDX-License-Identifier: Apache-2.0
#include "src/serve/webdav.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <pugixml.hpp>

#include "src/serve/http_fields.h"
#include "src/serve/markup.h"

namespace lagan {
namespace {

constexpr std::string_view kDav = "DAV:";
// A client that asks for more than this of each file means no good.
constexpr std::size_t kPropertiesMax = 256;
// The answer repeats each for every file of a folder.
constexpr std::size_t kSpaceBytesMax = 256;

// What a prefix, or its absence, stands for at an element.
std::string_view space_of(pugi::xml_node element) {
  const std::string_view name = element.name();
  const std::size_t colon = name.find(':');
  const std::string declares =
      colon == name.npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
  for (; element; element = element.parent()) {
    if (const auto attribute = element.attribute(declares.c_str())) return attribute.value();
  }
  return {};
}

PropertyName name_of(const pugi::xml_node& element) {
  const std::string_view name = element.name();
  const std::size_t colon = name.find(':');
  return {std::string(space_of(element)),
          std::string(colon == name.npos ? name : name.substr(colon + 1))};
}

bool is_dav(const pugi::xml_node& element, std::string_view name) {
  const PropertyName found = name_of(element);
  return found.space == kDav && found.name == name;
}

// Fit to be told back.
bool is_plain_name(std::string_view name) {
  if (name.empty() || name.find(':') != name.npos) return false;
  const auto first = static_cast<unsigned char>(name[0]);
  return std::isalpha(first) != 0 || first == '_' || first >= 0x80;
}

struct Property {
  std::string_view name;
  std::string value;  // as XML
};

// All that there are of a node.
std::vector<Property> properties_of(const std::string& name, const NodeStatus& node) {
  const bool is_file = S_ISREG(node.status.st_mode);
  std::vector<Property> all = {{"resourcetype", is_file ? "" : "<D:collection/>"},
                               {"displayname", escape_markup(name)}};
  if (const auto date = web_date(node.status.st_mtim.tv_sec))
    all.push_back({"getlastmodified", *date});
  if (is_file) {
    all.push_back({"getcontentlength", std::to_string(node.status.st_size)});
    all.push_back({"getcontenttype", std::string(media_type(name))});
    all.push_back({"getetag", escape_markup(version_of(node.id, node.status).etag)});
  }
  return all;
}

std::string element(std::string_view name, std::string_view value) {
  return value.empty() ? fmt::format("<D:{}/>", name)
                       : fmt::format("<D:{0}>{1}</D:{0}>", name, value);
}

std::string property_group(std::string_view properties, std::string_view status) {
  return fmt::format("<D:propstat><D:prop>{}</D:prop><D:status>HTTP/1.1 {}</D:status></D:propstat>",
                     properties, status);
}

}  // namespace

Result<PropertyQuestion> parse_property_question(std::string_view body) {
  if (body.empty()) return PropertyQuestion{};
  const auto wrong = [] { return fail(ErrorCode::invalid_argument, "the body is no propfind"); };
  pugi::xml_document document;
  // What it names is told back, so it must be text.
  if (!is_utf8(body) ||
      !document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8))
    return wrong();
  const pugi::xml_node root = document.document_element();
  if (!is_dav(root, "propfind")) return wrong();
  for (const pugi::xml_node& what : root.children()) {
    if (is_dav(what, "allprop")) return PropertyQuestion{};
    if (is_dav(what, "propname")) return PropertyQuestion{PropertyQuestion::Kind::names, {}};
    if (!is_dav(what, "prop")) continue;
    PropertyQuestion question{PropertyQuestion::Kind::some, {}};
    for (const pugi::xml_node& property : what.children()) {
      if (property.type() != pugi::node_element) continue;
      PropertyName name = name_of(property);
      if (question.wanted.size() == kPropertiesMax || !is_plain_name(name.name) ||
          name.space.size() > kSpaceBytesMax)
        return wrong();
      question.wanted.push_back(std::move(name));
    }
    return question;
  }
  return wrong();
}

std::string PropertyText::begin() {
  const bool is_folder = !S_ISREG(node_.status.st_mode);
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n" +
         answer(url_of(names_, is_folder ? UrlOf::folder : UrlOf::file),
                names_.empty() ? "" : names_.back(), node_);
}

std::string PropertyText::name(std::string_view name, const NodeStatus& node) {
  const bool is_folder = S_ISDIR(node.status.st_mode) || is_way(node);
  if (!is_folder && !S_ISREG(node.status.st_mode)) return {};
  return answer(url_of(names_, UrlOf::folder) + url_of_name(name) + (is_folder ? "/" : ""),
                std::string(name), node);
}

// A client that copies or compares must not take a part of a folder for all of it.
Result<std::string> PropertyText::end(bool is_incomplete) {
  if (is_incomplete) return fail(ErrorCode::io, "some of the folder cannot be read");
  return "</D:multistatus>\n";
}

std::string PropertyText::answer(const std::string& href, const std::string& name,
                                 const NodeStatus& node) {
  const std::vector<Property> all = properties_of(name, node);
  std::string found, missing;
  if (question_.kind == PropertyQuestion::Kind::some) {
    for (const PropertyName& wanted : question_.wanted) {
      const auto known = std::ranges::find(all, wanted.name, &Property::name);
      if (wanted.space == kDav && known != all.end()) {
        found += element(known->name, known->value);
      } else if (wanted.space == kDav) {
        missing += element(wanted.name, "");
      } else {
        missing += fmt::format("<{} xmlns=\"{}\"/>", wanted.name, escape_markup(wanted.space));
      }
    }
  } else {
    const bool with_values = question_.kind == PropertyQuestion::Kind::all;
    for (const Property& property : all)
      found += element(property.name, with_values ? property.value : "");
  }
  std::string groups;
  if (!found.empty() || missing.empty()) groups += property_group(found, "200 OK");
  if (!missing.empty()) groups += property_group(missing, "404 Not Found");
  return fmt::format("<D:response><D:href>{}</D:href>{}</D:response>\n", href, groups);
}

}  // namespace lagan
