// SPDX-License-Identifier: Apache-2.0
#include "src/serve/markup.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

TEST_CASE("what means something to HTML or XML is escaped") {
  CHECK(escape_markup("<a href=\"x\" b='y'>&</a>") ==
        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
  CHECK(escape_markup("a\r\n\tb") == "a&#13;\n\tb");
  CHECK(escape_markup("").empty());
}

TEST_CASE("text stays text, and bytes that are none are replaced one by one") {
  CHECK(escape_markup("na\u00efve \u65e5\u672c \U0001f600") ==
        "na\u00efve \u65e5\u672c \U0001f600");
  CHECK(escape_markup("a\xff\xfe"
                      "b") ==
        "a\ufffd\ufffd"
        "b");
  CHECK(escape_markup("\xc3") == "\ufffd");                      // cut
  CHECK(escape_markup("\xc0\xaf") == "\ufffd\ufffd");            // an overlong '/'
  CHECK(escape_markup("\xe0\x80\xbc") == "\ufffd\ufffd\ufffd");  // an overlong '<'
  CHECK(escape_markup("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");  // half of a pair
  CHECK(escape_markup("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");
  CHECK(escape_markup("\xc3<") == "\ufffd&lt;");  // swallows nothing
}

TEST_CASE("characters that no document may hold are replaced") {
  CHECK(escape_markup(std::string_view("a\0b", 3)) ==
        "a\ufffd"
        "b");
  CHECK(escape_markup("\x01\x1b\x7f\uffff") == "\ufffd\ufffd\ufffd\ufffd");
}

TEST_CASE("UTF-8 is told from what is none") {
  CHECK(is_utf8("\u00e9\x01"));
  CHECK(!is_utf8("\xe9"));
}

}  // namespace
}  // namespace lagan
