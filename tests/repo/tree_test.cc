// SPDX-License-Identifier: Apache-2.0
#include "repo/tree.h"

#include <doctest/doctest.h>

#include "repo/canonical.h"
#include "repo/limits.h"
#include "repo/wire.h"
#include "tests/repo/hostile.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

using References = std::vector<std::pair<ChunkId, ChunkKind>>;

Result<References> references(std::string_view encoded) {
  References found;
  TRY(for_each_reference(as_bytes(encoded), [&](const ChunkId& id, ChunkKind kind) -> Result<void> {
    found.emplace_back(id, kind);
    return {};
  }));
  return found;
}

std::string number_field(std::uint32_t field, std::uint64_t value) {
  std::string message;
  StringWriter(message).present_u64(field, value);
  return message;
}

std::string bytes_field(std::uint32_t field, std::string_view value) {
  std::string message;
  StringWriter(message).element(field, value);
  return message;
}

std::string named(std::string_view name) { return bytes_field(1, name); }

TEST_CASE("an entry survives the round trip") {
  Entry entry = samples::entry();
  SUBCASE("with all fields") {}
  SUBCASE("with a name only") {
    entry = Entry{};
    entry.name = "x";
  }
  SUBCASE("with presence but zero") {
    entry = Entry{};
    entry.name = "x";
    entry.btime = 0;
    entry.atime = 0;
  }
  SUBCASE("of a kind that comes later") { entry.kind = EntryKind{8}; }
  const std::string encoded = encode(entry);
  CHECK(is_canonical_entry(encoded));
  const auto decoded = decode_entry(as_bytes(encoded));
  REQUIRE_MESSAGE(decoded, decoded.error().message);
  CHECK(to_hex(as_bytes(encode(*decoded))) == to_hex(as_bytes(encoded)));
  CHECK(decoded->btime == entry.btime);
  CHECK(decoded->atime == entry.atime);
  CHECK(decoded->slices == entry.slices);
  CHECK(decoded->xattrs == entry.xattrs);
  CHECK(entry_name(encoded) == entry.name);
}

TEST_CASE("every field of an entry comes out where it went in") {
  const Entry wrote = samples::entry();
  const Entry read = decode_entry(as_bytes(encode(wrote))).value();
  CHECK(read.name == wrote.name);
  CHECK(read.kind == wrote.kind);
  CHECK(read.mode == wrote.mode);
  CHECK(read.uid == wrote.uid);
  CHECK(read.gid == wrote.gid);
  CHECK(read.user == wrote.user);
  CHECK(read.group == wrote.group);
  CHECK(read.mtime == wrote.mtime);
  CHECK(read.mtime_ns == wrote.mtime_ns);
  CHECK(read.btime == wrote.btime);
  CHECK(read.btime_ns == wrote.btime_ns);
  CHECK(read.size == wrote.size);
  CHECK(read.list == wrote.list);
  CHECK(read.inline_content == wrote.inline_content);
  CHECK(read.subtree.id == wrote.subtree.id);
  CHECK(read.subtree.files == wrote.subtree.files);
  CHECK(read.subtree.dirs == wrote.subtree.dirs);
  CHECK(read.subtree.content_bytes == wrote.subtree.content_bytes);
  CHECK(read.link_target == wrote.link_target);
  CHECK(read.rdev_major == wrote.rdev_major);
  CHECK(read.rdev_minor == wrote.rdev_minor);
  CHECK(read.hardlink == wrote.hardlink);
  CHECK(read.flags == wrote.flags);
  CHECK(read.project == wrote.project);
  CHECK(read.state == wrote.state);
  CHECK(read.atime_ns == wrote.atime_ns);
  CHECK(read.unknown.empty());
}

TEST_CASE("the bytes of an entry never change") {
  Entry entry = samples::usual_entry("a.txt");
  entry.btime = -1;
  CHECK(to_hex(as_bytes(encode(entry))) ==
        "0a05612e747874"  // 1 name: a.txt
        "1001"            // 2 kind: file
        "18a403"          // 3 mode: 0644
        "20e807"          // 4 uid: 1000
        "28e807"          // 5 gid: 1000
        "3203616e6e"      // 6 user: ann
        "3a03616e6e"      // 7 group: ann
        "4080c49fd50c"    // 8 mtime: 1,700,000,000
        "48959aef3a"      // 9 mtime_ns: 123,456,789
        "5001"            // 10 btime: -1
        "58a846"          // 11 size: 9000
        "6225"            // 12 slices: 37 bytes
        "0a20"            // 1 id
        "808182838485868788898a8b8c8d8e8f"
        "909192939495969798999a9b9c9d9e9f"
        "18a846");  // 3 length: 9000
}

TEST_CASE("a damaged entry does no harm") {
  const std::string encoded = encode(samples::entry());
  survives_damage(encoded, decode_entry);
  survives_damage(encoded, [](ByteSpan entry) { return references(as_text(entry)); });
  survives_damage(encoded, [](ByteSpan entry) -> Result<bool> {
    (void)entry_name(as_text(entry));
    return is_canonical_entry(as_text(entry));
  });
}

TEST_CASE("an entry with a forbidden name is refused") {
  CHECK(!decode_entry({}));
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("a/b"), std::string_view("/"), std::string_view("a\0b", 3)}) {
    CHECK(!is_valid_entry_name(name));
    CHECK(!decode_entry(as_bytes(named(name))));
  }
  CHECK(is_valid_entry_name("..."));
  CHECK(is_valid_entry_name("\xff\xfe"));
  CHECK(decode_entry(as_bytes(named(std::string(4096, 'n')))));
  CHECK(!decode_entry(as_bytes(named(std::string(4097, 'n')))));
}

TEST_CASE("an entry beyond the limits is refused") {
  Entry entry = samples::usual_entry("x");
  SUBCASE("size") { entry.size = limits::kFileBytes + 1; }
  SUBCASE("link target") { entry.link_target.assign(65'536, 't'); }
  SUBCASE("an empty slice") { entry.slices[0].length = 0, entry.slices[0].offset = 1; }
  SUBCASE("a slice beyond any chunk") { entry.slices[0].offset = limits::kChunkBytes - 8'999; }
  SUBCASE("a slice whose end wraps") { entry.slices[0].offset = ~std::uint64_t{0} - 100; }
  SUBCASE("a hole larger than a file") {
    entry.slices[0] = {.id = {}, .offset = 0, .length = limits::kFileBytes + 1};
  }
  SUBCASE("too many xattrs") {
    entry.xattrs.resize(1025, {.name = "n", .value = "v", .slices = {}});
  }
  SUBCASE("an xattr with two values") {
    entry.xattrs = {{.name = "n", .value = "v", .slices = entry.slices}};
  }
  SUBCASE("an xattr too long") {
    const Slice slice{.id = samples::id<ChunkId>(1), .offset = 0, .length = limits::kChunkBytes};
    entry.xattrs = {{.name = "n", .value = {}, .slices = std::vector<Slice>(9, slice)}};
  }
  SUBCASE("longer than an entry") { entry.inline_content.assign(limits::kEntryBytes, 'x'); }
  CHECK(!decode_entry(as_bytes(encode(entry))));
}

TEST_CASE("nanoseconds beyond a second are not written, and refused when read") {
  Entry entry = samples::usual_entry("x");
  entry.mtime_ns = 1'073'741'823;  // UTIME_NOW
  CHECK(decode_entry(as_bytes(encode(entry)))->mtime_ns == 999'999'999);
  for (const std::uint32_t field : {9U, 21U, 32U}) {
    CHECK(decode_entry(as_bytes(named("x") + number_field(field, 999'999'999))));
    CHECK(!decode_entry(as_bytes(named("x") + number_field(field, 1'000'000'000))));
  }
}

TEST_CASE("fields of a later version keep their place in a rewritten entry") {
  const std::string acl = bytes_field(19, "acl");
  const std::string whole_hash = bytes_field(23, "hash");
  const std::string news = number_field(40, 1) + number_field(41, 0);
  Entry entry = decode_entry(as_bytes(named("x") + acl + number_field(20, 5) + whole_hash +
                                      number_field(25, 6) + news))
                    .value();
  CHECK(entry.unknown == acl + whole_hash + news);
  entry.project = 9;
  CHECK(encode(entry) == named("x") + acl + number_field(20, 5) + number_field(22, 9) + whole_hash +
                             number_field(25, 6) + news);
  CHECK(is_canonical_entry(encode(entry)));
}

TEST_CASE("an entry names its chunks") {
  using enum ChunkKind;
  const References expected = {{samples::id<ChunkId>(0x80), data},
                               {samples::id<ChunkId>(0x90), list},
                               {samples::id<ChunkId>(0xa0), directory},
                               {samples::id<ChunkId>(0xb0), data}};
  CHECK(references(encode(samples::entry())).value() == expected);

  // Holes and empty directories name nothing.
  Entry entry;
  entry.name = "x";
  entry.slices = {{.id = {}, .offset = 0, .length = 5}};
  entry.subtree.dirs = 1;
  CHECK(references(encode(entry)).value().empty());
}

TEST_CASE("the one who is told of references can stop it") {
  std::size_t calls = 0;
  const auto result = for_each_reference(as_bytes(encode(samples::entry())),
                                         [&](const ChunkId&, ChunkKind) -> Result<void> {
                                           ++calls;
                                           return fail(ErrorCode::cancelled, "enough");
                                         });
  CHECK(calls == 1);
  CHECK(result.error().code == ErrorCode::cancelled);
}

TEST_CASE("references are checked like entries") {
  CHECK(!references(named("x") + bytes_field(13, "short")));
  CHECK(!references(named("x") + bytes_field(12, bytes_field(1, "short"))));
  CHECK(!references(named("x") + bytes_field(12, number_field(2, 1))));  // no length
  CHECK(!references(named("x") + number_field(14, 1)));
  CHECK(!references(std::string(limits::kEntryBytes + 1, '\0')));
}

TEST_CASE("an entry that breaks a canonical rule is told apart") {
  const std::string slice = number_field(3, 5);
  CHECK(is_canonical_entry(named("x") + number_field(2, 1) + bytes_field(12, slice)));
  CHECK(!is_canonical_entry(number_field(2, 1) + named("x")));              // order
  CHECK(!is_canonical_entry(named("x") + number_field(2, 0)));              // a default
  CHECK(!is_canonical_entry(named("x") + named("x")));                      // twice
  CHECK(!is_canonical_entry(named("x") + std::string("\x10\x81\x00", 3)));  // long varint
  CHECK(!is_canonical_entry(named("x") + bytes_field(12, slice + number_field(2, 1))));  // nested
  CHECK(!is_canonical_entry(named("x") + bytes_field(14, "")));                 // empty subtree
  CHECK(!is_canonical_entry(named("x") + std::string("\x9d\x03\0\0\0\0", 6)));  // wire type 5
  CHECK(is_canonical_entry(named("x") + number_field(10, 0)));                  // has presence
  CHECK(is_canonical_entry(named("x") + number_field(40, 0)));                  // not known

  const auto xattr = [](std::string_view name) { return bytes_field(18, bytes_field(1, name)); };
  CHECK(is_canonical_entry(named("x") + xattr("a") + xattr("b")));
  CHECK(!is_canonical_entry(named("x") + xattr("b") + xattr("a")));
  CHECK(!is_canonical_entry(named("x") + xattr("a") + xattr("a")));
}

TEST_CASE("entries that are not canonical are read all the same") {
  const Entry entry =
      decode_entry(as_bytes(number_field(2, 3) + number_field(5, 0) + named("a") + named("b")))
          .value();
  CHECK(entry.name == "b");
  CHECK(entry.kind == EntryKind::symlink);
}

TEST_CASE("an entry with other references keeps every other byte") {
  Entry entry = samples::entry();
  entry.xattrs = {{.name = "a", .value = "kept", .slices = {}},
                  {.name = "b", .value = "", .slices = {{samples::id<ChunkId>(5), 0, 600}}},
                  {.name = "c", .value = "kept too", .slices = {}}};
  entry.unknown = bytes_field(26, "acl") + bytes_field(200, "news");
  const std::string encoded = encode(entry);
  CHECK(with_references(encoded, *decode_entry(as_bytes(encoded))) == encoded);

  Entry changed = *decode_entry(as_bytes(encoded));
  changed.slices = {{samples::id<ChunkId>(77), 3, 9}};
  changed.list = samples::id<ChunkId>(78);
  changed.subtree = {samples::id<ChunkId>(79), 1, 2, 3};
  changed.xattrs[1].slices[0].id = samples::id<ChunkId>(80);
  CHECK(with_references(encoded, changed) == encode(changed));
  changed.mode ^= 1;  // no reference
  CHECK(with_references(encoded, changed) != encode(changed));
}

TEST_CASE("kinds of a later version are known to be unknown") {
  Entry entry = samples::usual_entry("x");
  CHECK(is_known_kind(entry));
  entry.kind = EntryKind::socket;
  CHECK(is_known_kind(entry));
  for (const std::uint32_t later : {0U, 8U, ~0U}) {
    entry.kind = EntryKind{later};
    CHECK(!is_known_kind(decode_entry(as_bytes(encode(entry))).value()));
  }
}

}  // namespace
}  // namespace lagan
