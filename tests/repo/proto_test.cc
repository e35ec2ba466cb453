// SPDX-License-Identifier: Apache-2.0
// docs/lagan.proto against our encoders, with protoc as the judge: what we write must decode under
// the published schema, with no field that the schema does not know, and protoc must write the
// same bytes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "repo/messages.h"
#include "repo/tree.h"
#include "repo/wire.h"
#include "tests/repo/samples.h"
#include "util/file.h"

namespace lagan {
namespace {

const std::string kProto = LAGAN_SOURCE_DIR "/docs/lagan.proto";

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lagan-proto-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  std::string path_;
};

bool has_protoc() {
  static const bool found = std::system("protoc --version >/dev/null 2>&1") == 0;
  if (!found) MESSAGE("protoc is not installed: skipped");
  return found;
}

std::string contents(const std::string& path) {
  return std::string(as_text(read_file(path, 1 << 20).value()));
}

void agrees_with_protoc(std::string_view type, std::string_view message) {
  INFO(type);
  const Folder folder;
  const auto run = [&](std::string_view direction, std::string_view from, std::string_view to) {
    const std::string command =
        fmt::format("protoc --proto_path={} --{}=lagan.v1.{} {} <{} >{}", LAGAN_SOURCE_DIR "/docs",
                    direction, type, kProto, folder.file(from), folder.file(to));
    REQUIRE(std::system(command.c_str()) == 0);
  };
  REQUIRE(replace_file(folder.file("message"), as_bytes(message)));
  run("decode", "message", "text");
  run("encode", "text", "again");
  CHECK(to_hex(as_bytes(contents(folder.file("again")))) == to_hex(as_bytes(message)));
  // A field the schema does not know is printed by number.
  std::string text = contents(folder.file("text"));
  CHECK(!text.empty());
  for (std::size_t line = 0; line < text.size(); line = text.find('\n', line) + 1) {
    const std::size_t first = text.find_first_not_of(' ', line);
    CHECK(!(text[first] >= '0' && text[first] <= '9'));
  }
}

TEST_CASE("protoc reads and writes our messages as we do") {
  if (!has_protoc()) return;
  agrees_with_protoc("Boot", encode(samples::boot()));
  agrees_with_protoc("Bundle", as_text(encode(samples::bundle()).span()));
  agrees_with_protoc("Config", encode(samples::config()));
  agrees_with_protoc("PackDirectory", encode(samples::directory(ChunkKind::data)));
  agrees_with_protoc("Segment", encode(samples::segment()));
  agrees_with_protoc("Session", encode(samples::session()));
  agrees_with_protoc("Mark", encode(samples::mark()));
  agrees_with_protoc("Condemned", encode(samples::condemned()));
  agrees_with_protoc("Forgotten", encode(samples::forgotten()));
  agrees_with_protoc("Snapshot", encode(samples::snapshot()));
  agrees_with_protoc("Entry", encode(samples::entry()));
  agrees_with_protoc("Entry", encode(samples::usual_entry("a.txt")));
}

TEST_CASE("protoc reads and writes our nodes as we do") {
  if (!has_protoc()) return;
  std::vector<std::pair<ChunkKind, std::string>> nodes;
  const ChunkSink sink = [&](ChunkKind kind, ByteSpan node) -> Result<ChunkId> {
    nodes.emplace_back(kind, as_text(node));
    return samples::id<ChunkId>(static_cast<unsigned char>(nodes.size()));
  };
  DirectoryBuilder directory({}, sink);
  for (int i = 0; i < 1'200; ++i) {
    const std::string name = fmt::format("{:04}", i);
    REQUIRE(directory.add(name, encode(samples::usual_entry(name))));
  }
  REQUIRE(directory.finish());
  ContentBuilder content(sink);
  for (int i = 0; i < 600; ++i)
    REQUIRE(content.add({.id = samples::id<ChunkId>(200), .offset = 0, .length = 9}));
  Entry entry;
  REQUIRE(content.finish(entry));
  for (const auto& [kind, node] : nodes)
    agrees_with_protoc(kind == ChunkKind::list ? "List" : "Directory", node);
}

}  // namespace
}  // namespace lagan
