// SPDX-License-Identifier: Apache-2.0
#include "src/serve/webdav.h"

#include <doctest/doctest.h>

#include <pugixml.hpp>

#include "tests/serve/memory_site.h"

namespace lagan {
namespace {

std::string question(const std::string& inside) {
  return "<?xml version=\"1.0\"?><d:propfind xmlns:d=\"DAV:\" xmlns=\"urn:other\">" + inside +
         "</d:propfind>";
}

TEST_CASE("a question is understood by its names and not by its prefixes") {
  CHECK(parse_property_question("")->kind == PropertyQuestion::Kind::all);
  CHECK(parse_property_question(question("<d:allprop/>"))->kind == PropertyQuestion::Kind::all);
  CHECK(parse_property_question(question("<d:propname/>"))->kind == PropertyQuestion::Kind::names);
  const auto asked = parse_property_question(
      question("<d:prop><d:getetag/><color/><x:a xmlns:x=\"urn:x\"/><b xmlns=\"\"/></d:prop>"));
  REQUIRE(asked);
  CHECK(asked->kind == PropertyQuestion::Kind::some);
  REQUIRE(asked->wanted.size() == 4);
  CHECK(asked->wanted[0].space == "DAV:");
  CHECK(asked->wanted[0].name == "getetag");
  CHECK(asked->wanted[1].space == "urn:other");
  CHECK(asked->wanted[2].space == "urn:x");
  CHECK(asked->wanted[3].space.empty());
}

TEST_CASE("what is no question is refused, however it is cut") {
  const std::string good = question("<d:prop><d:getetag/></d:prop>");
  REQUIRE(parse_property_question(good));
  for (std::size_t size = 1; size < good.size(); ++size) {
    INFO(good.substr(0, size));
    CHECK(!parse_property_question(good.substr(0, size)));
  }
  for (const std::string& bad :
       {std::string("x"), std::string("<propfind/>"), question(""), question("<prop/>"),
        question("<d:prop><d:\xff/></d:prop>"), question("<d:prop><d:-x/></d:prop>"),
        question("<d:prop><d:a:b/></d:prop>"),
        std::string("<d:propertyupdate xmlns:d=\"DAV:\"/>")}) {
    INFO(bad);
    CHECK(!parse_property_question(bad));
  }
  const auto in_space = [](std::size_t bytes) {
    return question("<d:prop><x:a xmlns:x=\"" + std::string(bytes, 'y') + "\"/></d:prop>");
  };
  CHECK(parse_property_question(in_space(256)));
  CHECK(!parse_property_question(in_space(257)));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "<d:x/>";
  CHECK(!parse_property_question(question("<d:prop>" + many + "</d:prop>")));
}

// The answers, by their paths.
std::map<std::string, pugi::xml_node> answers_in(pugi::xml_document& document,
                                                 const std::string& text) {
  REQUIRE_MESSAGE(document.load_string(text.c_str()), text);
  std::map<std::string, pugi::xml_node> all;
  for (const auto& response : document.child("D:multistatus").children("D:response"))
    CHECK(all.emplace(response.child_value("D:href"), response).second);
  return all;
}

pugi::xml_node properties(const pugi::xml_node& response, const std::string& status = "200") {
  for (const auto& group : response.children("D:propstat")) {
    if (std::string_view(group.child_value("D:status")).starts_with("HTTP/1.1 " + status))
      return group.child("D:prop");
  }
  return {};
}

TEST_CASE("a folder tells of itself and of files and folders in it, and of nothing else") {
  MemorySite with;
  Entry file = file_entry("a <&> \xff", "text");
  file.mtime = 1'000'000'000;
  Entry link, pipe, old = file_entry("old", "");
  link.name = "link";
  link.kind = EntryKind::symlink;
  link.link_target = "a";
  pipe.name = "pipe";
  pipe.kind = EntryKind::fifo;
  old.mtime = std::numeric_limits<std::int64_t>::min();
  with.add({with.memory.folder("home", {file, link, pipe, old, with.memory.folder("sub", {})})});
  const WebAnswer answer = with.ask("PROPFIND", "/latest/home", {{"depth", "1"}});
  CHECK(answer.status == 207);
  const auto received = MemorySite::receive(answer, 7);
  CHECK(received.is_whole);
  pugi::xml_document document;
  auto all = answers_in(document, received.text);
  REQUIRE(all.size() == 4);
  CHECK(properties(all["/latest/home/"]).child("D:resourcetype").child("D:collection"));
  CHECK(properties(all["/latest/home/sub/"]).child("D:resourcetype").child("D:collection"));
  CHECK(!properties(all["/latest/home/sub/"]).child("D:getcontentlength"));
  const auto shown = properties(all["/latest/home/a%20%3C%26%3E%20%FF"]);
  CHECK(!shown.child("D:resourcetype").first_child());
  CHECK(std::string(shown.child_value("D:displayname")) == "a <&> \ufffd");
  CHECK(std::string(shown.child_value("D:getcontentlength")) == "4");
  CHECK(std::string(shown.child_value("D:getlastmodified")) == "Sun, 09 Sep 2001 01:46:40 GMT");
  const WebAnswer got = with.ask("GET", "/latest/home/a%20%3C%26%3E%20%FF");
  CHECK(shown.child_value("D:getetag") == MemorySite::field(got, "ETag"));
  CHECK(properties(all["/latest/home/old"]));
  CHECK(!properties(all["/latest/home/old"]).child("D:getlastmodified"));
}

TEST_CASE("what is asked for is answered one by one, and what there is not is named") {
  MemorySite with;
  with.add({file_entry("file", "text")});
  const WebAnswer answer = with.ask(
      "PROPFIND", "/latest/file", {{"depth", "0"}},
      question("<d:prop><d:getcontentlength/><d:lockdiscovery/><x:color xmlns:x=\"a&quot;&lt;\"/>"
               "</d:prop>"));
  pugi::xml_document document;
  auto all = answers_in(document, MemorySite::receive(answer).text);
  REQUIRE(all.size() == 1);
  const auto found = properties(all["/latest/file"]),
             missing = properties(all["/latest/file"], "404");
  CHECK(std::string(found.child_value("D:getcontentlength")) == "4");
  CHECK(!found.child("D:displayname"));
  CHECK(missing.child("D:lockdiscovery"));
  CHECK(std::string(missing.child("color").attribute("xmlns").value()) == "a\"<");

  const WebAnswer names =
      with.ask("PROPFIND", "/latest/file", {{"depth", "0"}}, question("<d:propname/>"));
  pugi::xml_document named;
  auto only = answers_in(named, MemorySite::receive(names).text);
  CHECK(properties(only["/latest/file"]).child("D:getetag"));
  CHECK(!properties(only["/latest/file"]).child("D:getetag").first_child());
}

TEST_CASE("the root and its links are folders, with the snapshots below them") {
  MemorySite with;
  with.add({file_entry("file", "text")});
  pugi::xml_document document, below;
  auto all =
      answers_in(document, MemorySite::receive(with.ask("PROPFIND", "/", {{"depth", "1"}})).text);
  for (const char* path : {"/", "/latest/", "/ids/", "/versions/"}) {
    INFO(path);
    CHECK(properties(all[path]).child("D:resourcetype").child("D:collection"));
  }
  auto inside = answers_in(
      below, MemorySite::receive(with.ask("PROPFIND", "/latest/", {{"depth", "1"}})).text);
  CHECK(inside.contains("/latest/file"));
}

TEST_CASE("everything at once is refused, and so is what makes no sense") {
  MemorySite with;
  with.add({file_entry("file", "text")});
  const WebAnswer everything = with.ask("PROPFIND", "/", {{"depth", "infinity"}});
  CHECK(everything.status == 403);
  CHECK(MemorySite::receive(everything).text.find("propfind-finite-depth") != std::string::npos);
  CHECK(with.ask("PROPFIND", "/").status == 403);
  CHECK(with.ask("PROPFIND", "/", {{"depth", "1"}}, "<x").status == 400);
  CHECK(with.ask("PROPFIND", "/none", {{"depth", "1"}}).status == 404);
}

TEST_CASE("a folder of which a part is lost breaks off instead of looking whole") {
  MemorySite with;
  std::vector<Entry> many;
  for (int i = 0; i < 20'000; ++i) many.push_back(file_entry("name " + std::to_string(i), "x"));
  with.add({with.memory.folder("many", many)});
  const auto whole = MemorySite::receive(with.ask("PROPFIND", "/latest/many/", {{"depth", "1"}}));
  CHECK(whole.is_whole);
  const auto top = decode_directory(
      *with.memory.source(*with.memory.folder("many", many).subtree.id, ChunkKind::directory));
  REQUIRE(top);
  REQUIRE(top->children.size() > 2);
  MemorySite other;
  other.add({other.memory.folder("many", many)});
  other.memory.chunks.chunks.erase(top->children[1].id);
  const auto rest = MemorySite::receive(other.ask("PROPFIND", "/latest/many/", {{"depth", "1"}}));
  CHECK(!rest.is_whole);
  CHECK(rest.text.find("name 9999<") != std::string::npos);  // what is behind the hole comes
  CHECK(rest.text.find("</D:multistatus>") == std::string::npos);
  // A page says so instead.
  const auto page = MemorySite::receive(other.ask("GET", "/latest/many/"));
  CHECK(page.is_whole);
  CHECK(page.text.find("Some of this folder cannot be read") != std::string::npos);
  CHECK(MemorySite::receive(with.ask("GET", "/latest/many/")).text.find("cannot be read") ==
        std::string::npos);
}

}  // namespace
}  // namespace lagan
