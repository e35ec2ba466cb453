// SPDX-License-Identifier: Apache-2.0

// Keeps the picture in docs/architecture.md true: reads every #include line of the modules, and
// looks for files that no build knows.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = LAGAN_SOURCE_DIR;

struct Rule {
  std::vector<std::string> ours;  // beginnings of allowed paths
  std::vector<std::string>
      third_party;  // beginnings of allowed <headers> that no other module may have
};

// fmt and tl::expected may be used anywhere.
const std::map<std::string, Rule> kRules = {
    {"util", {{"util/"}, {}}},
    {"chunker", {{"chunker/", "util/", "crypto/prf.h"}, {}}},
    {"crypto", {{"crypto/", "util/"}, {"sodium", "openssl/", "blake3"}}},
    {"storage", {{"storage/", "util/", "crypto/digest.h"}, {"curl/", "pugixml", "nlohmann/"}}},
    {"repo",
     {{"repo/", "chunker/params.h", "crypto/", "storage/", "util/"}, {"zstd", "protozero/"}}},
    {"mount", {{"mount/", "repo/", "util/"}, {"fuse"}}},
    {"src/engine",
     {{"src/engine/", "chunker/", "repo/", "util/", "storage/http.h", "storage/storage.h",
       "crypto/hash.h"},
      {"archive"}}},
    {"src/schedule", {{"src/schedule/", "util/", "storage/http.h"}, {"toml++", "nlohmann/"}}},
    {"src/serve",
     {{"src/serve/", "mount/", "repo/", "util/", "crypto/secret.h", "storage/url.h",
       "src/engine/tree_archive.h"},
      {"microhttpd", "pugixml"}}},
    {"src/cli", {{""}, {"CLI/", "nlohmann/"}}},
};

bool begins_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](const std::string& start) { return text.starts_with(start); });
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cc" || path.extension() == ".h";
}

std::vector<fs::path> sources_in(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!fs::exists(folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (is_source(entry.path())) found.push_back(entry.path());
  }
  return found;
}

std::string content_of(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

struct Include {
  std::string target;
  bool is_ours = false;
};

std::vector<Include> includes_of(const fs::path& path) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  std::ifstream in(path);
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    if (std::regex_search(line, match, kInclude)) found.push_back({match[2], match[1] == "\""});
  }
  return found;
}

}  // namespace

TEST_CASE("modules include only what the architecture picture allows") {
  for (const auto& [module, rule] : kRules) {
    for (const fs::path& file : sources_in(kRoot / module)) {
      for (const Include& include : includes_of(file)) {
        INFO(file.string() << " includes " << include.target);
        if (include.is_ours) {
          CHECK(begins_with_any(include.target, rule.ours));
          continue;
        }
        for (const auto& [owner, owned] : kRules) {
          const bool is_owned = begins_with_any(include.target, owned.third_party);
          if (is_owned) CHECK(begins_with_any(include.target, rule.third_party));
        }
      }
    }
  }
}

TEST_CASE("every source file is named in the CMakeLists.txt beside it") {
  std::vector<fs::path> all;
  for (const auto& [module, rule] : kRules) {
    for (const fs::path& file : sources_in(kRoot / module)) all.push_back(file);
  }
  for (const fs::path& file : sources_in(kRoot / "tests")) all.push_back(file);
  for (const fs::path& file : all) {
    if (file.extension() != ".cc" || file == kRoot / "tests/main.cc") continue;
    INFO(file.string());
    CHECK(content_of(file.parent_path() / "CMakeLists.txt").find(file.stem().string()) !=
          std::string::npos);
  }
}

TEST_CASE("every source file begins with its license") {
  std::vector<std::string> folders = {"tests"};
  for (const auto& [module, rule] : kRules) folders.push_back(module);
  for (const std::string& folder : folders) {
    for (const fs::path& file : sources_in(kRoot / folder)) {
      INFO(file.string());
      CHECK(content_of(file).starts_with("// SPDX-License-Identifier: Apache-2.0\n"));
      const fs::path build = file.parent_path() / "CMakeLists.txt";
      if (fs::exists(build))
        CHECK(content_of(build).starts_with("# SPDX-License-Identifier: Apache-2.0\n"));
    }
  }
}
