// SPDX-License-Identifier: Apache-2.0
#pragma once

// What PROPFIND asks and what it gets (RFC 4918), of files and folders: WebDAV knows nothing else.
// Questions are hostile.

#include <string>
#include <string_view>
#include <vector>

#include "src/serve/folder_body.h"

namespace lagan {

struct PropertyName {
  std::string space, name;  // its XML namespace, "DAV:" for those of the standard
};

struct PropertyQuestion {
  enum class Kind { all, names, some } kind = Kind::all;
  std::vector<PropertyName> wanted;  // with `some`
};
// An empty body asks for all. `invalid_argument` if it is no such question.
Result<PropertyQuestion> parse_property_question(std::string_view body);

// The answer about one file or folder, or about a folder and all in it.
class PropertyText : public FolderText {
 public:
  enum class Depth { itself, and_below };
  // `names` is where the place lies, as it was asked for.
  PropertyText(PropertyQuestion question, std::vector<std::string> names, NodeStatus node)
      : question_(std::move(question)), names_(std::move(names)), node_(node) {}

  std::string begin() override;
  // Empty for what is neither file nor folder.
  std::string name(std::string_view name, const NodeStatus& node) override;
  Result<std::string> end(bool is_incomplete) override;

 private:
  std::string answer(const std::string& href, const std::string& name, const NodeStatus& node);

  const PropertyQuestion question_;
  const std::vector<std::string> names_;
  const NodeStatus node_;
};

}  // namespace lagan
