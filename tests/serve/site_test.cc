// SPDX-License-Identifier: Apache-2.0
#include "src/serve/site.h"

#include <doctest/doctest.h>

#include "tests/serve/memory_site.h"

namespace lagan {
namespace {

bool has(const std::string& text, const std::string& what) { return text.find(what) != text.npos; }

TEST_CASE("a file comes whole or in part, with what tells its version") {
  MemorySite with;
  with.add({with.memory.chunked_file("file.txt", {"begin", "", "end"})});
  const std::string content = "begin" + std::string(100'000, '\0') + "end";
  const WebAnswer whole = with.ask("GET", "/latest/file.txt");
  CHECK(whole.status == 200);
  CHECK(MemorySite::field(whole, "Content-Type") == "text/plain");
  CHECK(MemorySite::field(whole, "Accept-Ranges") == "bytes");
  CHECK(MemorySite::field(whole, "Last-Modified") == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(MemorySite::receive(whole).text == content);

  const WebAnswer part = with.ask("GET", "/latest/file.txt", {{"range", "bytes=3-100005"}});
  CHECK(part.status == 206);
  CHECK(MemorySite::field(part, "Content-Range") == "bytes 3-100005/100008");
  CHECK(MemorySite::receive(part).text == content.substr(3, 100'003));

  const WebAnswer beyond = with.ask("GET", "/latest/file.txt", {{"range", "bytes=100008-"}});
  CHECK(beyond.status == 416);
  CHECK(MemorySite::field(beyond, "Content-Range") == "bytes */100008");

  const std::string tag = MemorySite::field(whole, "ETag");
  const WebAnswer unchanged = with.ask("GET", "/latest/file.txt", {{"if-none-match", tag}});
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body == nullptr);
  CHECK(MemorySite::field(unchanged, "ETag") == tag);
  CHECK(with.ask("GET", "/latest/file.txt", {{"if-match", "\"x\""}}).status == 412);
  // HEAD knows no parts.
  const WebAnswer head = with.ask("HEAD", "/latest/file.txt", {{"range", "bytes=0-1"}});
  CHECK(head.status == 200);
  CHECK(head.body->size() == content.size());
  CHECK(with.ask("GET", "/latest/file.txt/").status == 404);
}

TEST_CASE("the same file has one tag in all snapshots, a changed one another") {
  MemorySite with;
  with.add({file_entry("same", "1"), file_entry("other", "1")});
  with.add({file_entry("same", "1"), file_entry("other", "2")});
  const auto tag = [&](const std::string& path) {
    return MemorySite::field(with.ask("HEAD", path), "ETag");
  };
  CHECK(tag("/ids/01000000/same") == tag("/ids/02000000/same"));
  CHECK(tag("/ids/01000000/other") != tag("/ids/02000000/other"));
}

TEST_CASE("what is saved may do nothing in a browser") {
  MemorySite with;
  with.add({file_entry("page.html", "<script>alert(1)</script>")});
  const WebAnswer shown = with.ask("GET", "/latest/page.html");
  CHECK(has(MemorySite::field(shown, "Content-Security-Policy"), "sandbox"));
  CHECK(has(MemorySite::field(shown, "Content-Security-Policy"), "default-src 'none'"));
  CHECK(MemorySite::field(with.ask("GET", "/latest/page.html?save"), "Content-Disposition") ==
        "attachment; filename=\"page.html\"");
  CHECK(has(MemorySite::field(with.ask("GET", "/"), "Content-Security-Policy"),
            "default-src 'none'"));
}

TEST_CASE("nothing but reading is allowed, and who asks is told what is") {
  MemorySite dav(true), pages(false);
  for (const char* method : {"PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH", "LOCK",
                             "UNLOCK", "POST", "PATCH", "TRACE", "CONNECT", "get", ""}) {
    INFO(method);
    const WebAnswer answer = dav.ask(method, "/");
    CHECK(answer.status == 405);
    CHECK(MemorySite::field(answer, "Allow") == "OPTIONS, GET, HEAD, PROPFIND");
    CHECK(!dav.site.needs_body(method));
  }
  const WebAnswer options = dav.ask("OPTIONS", "*");
  CHECK(options.status == 200);
  CHECK(MemorySite::field(options, "DAV") == "1");
  CHECK(pages.ask("PROPFIND", "/", {{"depth", "1"}}).status == 405);
  CHECK(MemorySite::field(pages.ask("OPTIONS", "/"), "DAV").empty());
  CHECK(MemorySite::field(pages.ask("PROPFIND", "/"), "Allow") == "OPTIONS, GET, HEAD");
}

TEST_CASE("without a password, names that anybody can lead here are refused") {
  MemorySite open(true, false), closed(true, true);
  for (const char* host :
       {"localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "10.0.0.1"})
    CHECK_MESSAGE(open.ask("GET", "/", {{"host", host}}).status == 200, host);
  for (const char* host : {"evil.example", "evil.example:8080", "localhost.evil.example",
                           "127.0.0.1.evil.example", ""}) {
    INFO(host);
    if (*host != '\0') CHECK(open.ask("GET", "/", {{"host", host}}).status == 421);
    CHECK(closed.ask("GET", "/", {{"host", host}}).status == 200);
  }
}

TEST_CASE("paths that lead nowhere get an answer without a file") {
  MemorySite with;
  with.add({file_entry("file", "text")});
  for (const char* path : {"/../etc/passwd", "/latest/../../etc/passwd", "/%2e%2e/etc/passwd",
                           "/latest/..%2f..%2fetc%2fpasswd", "/latest/file%00", "/%", "", "etc"}) {
    INFO(path);
    CHECK(with.ask("GET", path).status == 400);
    CHECK(with.ask("PROPFIND", path, {{"depth", "1"}}).status == 400);
  }
  CHECK(with.ask("GET", "/etc/passwd").status == 404);
  CHECK(with.ask("GET", "/latest/file/x").status == 404);
}

TEST_CASE("content that is lost is an error before it begins, or breaks off") {
  MemorySite with;
  with.add({with.memory.chunked_file("first", {"lost", "kept"}),
            with.memory.chunked_file("last", {"kept", "gone"})});
  with.lose("lost");
  with.lose("gone");
  CHECK(with.ask("GET", "/latest/first").status == 500);
  const WebAnswer broken = with.ask("GET", "/latest/last");
  CHECK(broken.status == 200);
  CHECK(broken.body->size() == 8);
  CHECK(!MemorySite::receive(broken, 4).is_whole);
  const WebAnswer good = with.ask("GET", "/latest/last", {{"range", "bytes=0-3"}});
  CHECK(MemorySite::receive(good).text == "kept");
  CHECK(has(MemorySite::receive(with.ask("GET", "/.lagan/errors")).text, "last"));
}

TEST_CASE("a page shows what there is, escaped, with ways to all of it") {
  MemorySite with;
  Entry link;
  link.name = "link";
  link.kind = EntryKind::symlink;
  link.link_target = "<target>";
  with.add({with.memory.folder("home", {file_entry("<b>\"&", "text"), file_entry("\xff", ""), link,
                                        with.memory.folder("sub", {})})});
  with.add({with.memory.folder("home", {file_entry("x", "text")})});
  const WebAnswer root = with.ask("GET", "/");
  CHECK(MemorySite::field(root, "Content-Type") == "text/html; charset=utf-8");
  CHECK(has(MemorySite::receive(root).text, "<a href=\"/ids/01000000/\">1970-01-01"));

  const std::string page = MemorySite::receive(with.ask("GET", "/ids/01000000/home")).text;
  CHECK(!has(page, "<b>"));
  CHECK(!has(page, "<target>"));
  CHECK(has(page, "<a href=\"/ids/01000000/home/%3Cb%3E%22%26\">&lt;b&gt;&quot;&amp;</a>"));
  CHECK(has(page, "<a href=\"/ids/01000000/home/%FF\">\ufffd</a>"));
  CHECK(has(page, "link &rarr; &lt;target&gt;"));
  CHECK(has(page, "<a href=\"/ids/01000000/home/sub/?zip\""));
  CHECK(has(page, "<a href=\"/versions/home/%3Cb%3E%22%26/\">versions</a>"));
  CHECK(has(page, "<a href=\"/ids/02000000/home/\" rel=\"next\">newer"));
  CHECK(!has(page, "older"));
  // Where there was none of it there is no way.
  CHECK(!has(MemorySite::receive(with.ask("GET", "/ids/01000000/home/sub")).text, "newer"));
  CHECK(has(MemorySite::receive(with.ask("GET", "/versions/home/x")).text, "?save"));
}

TEST_CASE("a zip breaks off at what is lost, and leaves out what was never read") {
  MemorySite with;
  Entry unread = file_entry("unread", "");
  unread.state = EntryState::unreadable;
  unread.size = 5;
  with.add({with.memory.folder("good", {file_entry("file", "text"), unread}),
            with.memory.folder("bad", {with.memory.chunked_file("file", {"lost"})})});
  const WebAnswer good = with.ask("GET", "/latest/good/?zip");
  CHECK(MemorySite::field(good, "Content-Disposition") == "attachment; filename=\"good.zip\"");
  const auto zip = MemorySite::receive(good);
  CHECK(zip.is_whole);
  CHECK(has(zip.text, "good/file"));
  CHECK(!has(zip.text, "good/unread"));
  CHECK(has(with.notes, "unread"));
  CHECK(MemorySite::receive(with.ask("GET", "/latest/?zip")).is_whole);
  with.lose("lost");
  CHECK(!MemorySite::receive(with.ask("GET", "/latest/bad/?zip")).is_whole);
  CHECK(with.ask("GET", "/?zip").status == 400);
  // Nobody waits for the rest.
  const WebAnswer unused = with.ask("GET", "/latest/good/?zip");
  Bytes piece(1);
  CHECK(unused.body->read(piece.span()));
}

}  // namespace
}  // namespace lagan
