// SPDX-License-Identifier: Apache-2.0
#include "mount/mount_tree.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <map>

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

struct Listed {
  std::map<std::string, NodeStatus> names;
  bool is_incomplete = false;
};

// Snapshots with a mount tree on them. The first is number 1 and called ids/01000000.
class Mounted {
 public:
  explicit Mounted(MountTreeOptions with = {}) : options(std::move(with)) {
    options.clock = [] { return kSecond; };
  }

  void add(const std::vector<Entry>& entries, const std::string& host = "attic") {
    StoredSnapshot stored;
    stored.id.bytes[0] = static_cast<std::byte>(snapshots.size() + 1);
    stored.snapshot = memory.snapshot(entries);
    stored.snapshot.host = host;
    stored.snapshot.time = static_cast<Nanoseconds>(snapshots.size() + 1) * kSecond;
    stored.snapshot.root.content_bytes = 1000;
    snapshots.push_back(std::move(stored));
    show();
  }
  void show() {
    const ChunkSource source = [this](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
      if (!is_away) return memory.source(id, kind);
      ++refused;
      return fail(ErrorCode::unavailable, "nobody answers");
    };
    if (!made) made = std::make_unique<MountTree>(source, source, options);
    made->set_snapshots(snapshots);
  }
  MountTree& tree() { return *made; }

  NodeStatus find(const std::string& path) {
    NodeStatus at;
    at.id = MountTree::kRoot;
    std::string_view rest = path;
    while (!rest.empty()) {
      const std::size_t slash = rest.find('/');
      const auto found = tree().lookup(at.id, rest.substr(0, slash));
      REQUIRE_MESSAGE(found, found.error().message);
      REQUIRE_MESSAGE(*found, path);
      at = **found;
      rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
    }
    return at;
  }
  bool has(NodeId folder, std::string_view name) {
    const auto found = tree().lookup(folder, name);
    REQUIRE(found);
    return found->has_value();
  }
  std::string content(NodeId id) {
    const auto pieces = tree().read(id, 0, 1'000'000);
    REQUIRE_MESSAGE(pieces, pieces.error().message);
    std::string text;
    for (const Piece& piece : *pieces) text += as_text(piece.bytes);
    return text;
  }
  Listed list(NodeId folder, std::size_t at_a_time = 1000) {
    Listed listed;
    std::uint64_t position = 0;
    for (std::size_t taken = 1; taken > 0;) {
      taken = 0;
      const auto done = tree().list(
          folder, position, [&](std::string_view name, const NodeStatus& node, std::uint64_t next) {
            if (taken == at_a_time) return false;
            ++taken;
            CHECK(listed.names.emplace(name, node).second);
            position = next;
            return true;
          });
      if (!done) listed.is_incomplete = true;
    }
    return listed;
  }

  MemoryTree memory;
  MountTreeOptions options;
  std::vector<StoredSnapshot> snapshots;
  std::unique_ptr<MountTree> made;
  bool is_away = false;     // the storage
  std::size_t refused = 0;  // what it was asked for since
};

TEST_CASE("an entry is what was saved, to the last attribute") {
  Mounted mounted;
  Entry file = mounted.memory.chunked_file("file", {"begin", "", "end"});
  file.mode = 04751;
  file.uid = 1000;
  file.gid = 100;
  file.mtime = -5;
  file.mtime_ns = 123;
  file.atime = 17;
  file.flags = 0x40;
  file.project = 11;
  file.xattrs = {{"user.a", "value", {}}, {"user.long", "", {}}};
  file.xattrs[1].slices = {
      {mounted.memory.chunks.put(ChunkKind::data, as_bytes("long value")), 5, 5}};
  Entry link;
  link.name = "link";
  link.kind = EntryKind::symlink;
  link.link_target = "../target";
  Entry device;
  device.name = "device";
  device.kind = EntryKind::block_device;
  device.rdev_major = 7;
  device.rdev_minor = 300;
  mounted.add({file, link, device, mounted.memory.folder("empty", {})});

  const NodeStatus found = mounted.find("ids/01000000/file");
  CHECK(found.status.st_mode == (S_IFREG | 04751));
  CHECK(found.status.st_uid == 1000);
  CHECK(found.status.st_gid == 100);
  CHECK(found.status.st_size == 100'008);
  CHECK(found.status.st_blocks == 1);
  CHECK(found.status.st_nlink == 1);
  CHECK(found.status.st_mtim.tv_sec == -5);
  CHECK(found.status.st_mtim.tv_nsec == 123);
  CHECK(found.status.st_atim.tv_sec == 17);
  CHECK(found.is_lasting);
  CHECK(found.is_name_lasting);
  CHECK(mounted.find("ids/01000000").is_lasting);
  CHECK(!mounted.find("ids/01000000").is_name_lasting);
  CHECK(mounted.content(found.id) == "begin" + std::string(100'000, '\0') + "end");
  CHECK(*mounted.tree().seek(found.id, 6, ContentMap::Kind::data) == 100'005);
  CHECK(*mounted.tree().seek(found.id, 100'008, ContentMap::Kind::hole) == std::nullopt);
  CHECK(*mounted.tree().xattr_names(found.id) == std::vector<std::string>{"user.a", "user.long"});
  CHECK(*mounted.tree().xattr(found.id, "user.a") == "value");
  CHECK(*mounted.tree().xattr(found.id, "user.long") == "value");
  CHECK(*mounted.tree().xattr(found.id, "user.none") == std::nullopt);
  CHECK(mounted.tree().inode_flags(found.id)->flags == 0x40);
  CHECK(mounted.tree().inode_flags(found.id)->project == 11);

  CHECK(!mounted.tree().may_have_acl(found.id));

  const NodeStatus symlink = mounted.find("ids/01000000/link");
  CHECK(symlink.status.st_size == 9);
  CHECK(*mounted.tree().link_target(symlink.id) == "../target");
  CHECK(!mounted.tree().link_target(found.id));
  CHECK(mounted.find("ids/01000000/device").status.st_rdev == makedev(7, 300));
  CHECK(mounted.list(mounted.find("ids/01000000/empty").id).names.empty());
  CHECK(!mounted.has(mounted.find("ids/01000000").id, "missing"));
  CHECK(mounted.tree().lookup(found.id, "below").value() == std::nullopt);
}

TEST_CASE("who asks for an access control list is told when there is none beside it either") {
  Mounted mounted;
  Entry with = file_entry("with", "a");
  with.xattrs = {{"system.posix_acl_access", "list", {}}};
  mounted.add(
      {with, file_entry("beside", "b"), mounted.memory.folder("x", {file_entry("far", "c")})});
  CHECK(mounted.tree().may_have_acl(mounted.find("ids/01000000/with").id));
  CHECK(mounted.tree().may_have_acl(mounted.find("ids/01000000/beside").id));
  CHECK(!mounted.tree().may_have_acl(mounted.find("ids/01000000/x/far").id));
}

TEST_CASE("what several snapshots have alike is one file, folders are never one") {
  Mounted mounted;
  const auto folder = [&](const std::string& content) {
    return mounted.memory.folder("home",
                                 {file_entry("same", "same"), file_entry("other", content)});
  };
  mounted.add({folder("1")});
  mounted.add({folder("2")});
  mounted.add({folder("1")}, "another host");
  const auto id = [&](const std::string& path) { return mounted.find(path).id; };
  CHECK(id("ids/01000000/home/same") == id("ids/02000000/home/same"));
  CHECK(id("ids/01000000/home/same") ==
        id("versions/home/same/1970-01-01T00.00.00~" +
           mounted.list(id("versions/home/same")).names.begin()->first.substr(20)));
  CHECK(id("ids/01000000/home/same") != id("ids/03000000/home/same"));
  CHECK(id("ids/01000000/home/other") != id("ids/02000000/home/other"));
  CHECK(id("ids/01000000/home") != id("ids/02000000/home"));
  CHECK(id("ids/01000000/home") != id("snapshots/1970-01-01T00:00:01+00:00/home"));
  CHECK(mounted.content(id("ids/02000000/home/other")) == "2");

  // Another mount says the same numbers.
  const NodeId before = id("ids/01000000/home");
  const NodeId file = id("ids/02000000/home/other");
  mounted.made.reset();
  mounted.show();
  CHECK(id("ids/01000000/home") == before);
  CHECK(id("ids/02000000/home/other") == file);
}

TEST_CASE("hard links are one node that knows how many names it has") {
  Mounted mounted;
  const auto linked = [](const char* name) {
    Entry entry = file_entry(name, "linked");
    entry.hardlink = 99;
    return entry;
  };
  mounted.add({linked("a"), mounted.memory.folder("inner", {linked("b"), linked("c")})});
  mounted.add({linked("a")});
  const NodeStatus a = mounted.find("ids/01000000/a");
  CHECK(a.status.st_nlink == 3);
  CHECK(mounted.find("ids/01000000/inner/b").id == a.id);
  CHECK(mounted.list(mounted.find("ids/01000000/inner").id).names.at("c").id == a.id);
  CHECK(mounted.tree().status(a.id)->status.st_nlink == 3);
  // With fewer names it is not the same.
  CHECK(mounted.find("ids/02000000/a").status.st_nlink == 1);
  CHECK(mounted.find("ids/02000000/a").id != a.id);
}

TEST_CASE("a large folder is listed in parts of any size, every name once") {
  Mounted mounted;
  std::vector<Entry> entries;
  for (int i = 0; i < 4000; ++i) entries.push_back(file_entry(fmt::format("name{:05}", i), "x"));
  mounted.add({mounted.memory.folder("large", entries)});
  const NodeId folder = mounted.find("ids/01000000/large").id;
  for (const std::size_t at_a_time : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
    const Listed listed = mounted.list(folder, at_a_time);
    CHECK(listed.names.size() == 4000);
    CHECK(!listed.is_incomplete);
  }
}

TEST_CASE("a node lives as long as somebody holds a reference, and not longer") {
  Mounted mounted;
  mounted.add({mounted.memory.folder("home", {file_entry("a", "a"), file_entry("b", "b")})});
  CHECK(mounted.tree().nodes() == 0);
  const NodeId home = mounted.find("ids/01000000/home").id;
  const NodeId a = mounted.find("ids/01000000/home/a").id;
  const Listed listed = mounted.list(home);
  CHECK(mounted.tree().nodes() == 3);
  mounted.tree().forget(home, 2);
  mounted.tree().forget(a, 1);
  CHECK(mounted.content(a) == "a");
  mounted.tree().forget(a, 1);
  CHECK(mounted.tree().status(a).error().code == ErrorCode::not_found);
  mounted.tree().forget(listed.names.at("b").id, 1);
  CHECK(mounted.tree().nodes() == 0);
  CHECK(mounted.tree().list(home, 0, {}).error().code == ErrorCode::not_found);
}

TEST_CASE("damage is an error where it is, told in the log, and passed over in lists") {
  Mounted mounted;
  std::vector<Entry> entries;
  for (int i = 0; i < 3000; ++i) entries.push_back(file_entry(fmt::format("name{:05}", i), "x"));
  const Entry lost = mounted.memory.folder("lost", {file_entry("a", "a")});
  mounted.add({mounted.memory.folder("large", entries), lost,
               mounted.memory.chunked_file("file", {"good", "bad"})});
  auto& chunks = mounted.memory.chunks.chunks;
  chunks.erase(MemoryChunks::id_of(ChunkKind::data, as_bytes("bad")));
  chunks.erase(*lost.subtree.id);
  const NodeId file = mounted.find("ids/01000000/file").id;
  CHECK(mounted.tree().read(file, 0, 4));
  CHECK(mounted.tree().read(file, 4, 4).error().code == ErrorCode::io);
  CHECK(mounted.tree().errors().find("/file: at byte 4") != std::string::npos);
  const NodeId folder = mounted.find("ids/01000000/lost").id;
  CHECK(mounted.tree().lookup(folder, "a").error().code == ErrorCode::io);
  CHECK(mounted.tree().errors().find("/lost/a: ") != std::string::npos);
  CHECK(mounted.content(mounted.find(".lagan/errors").id) == mounted.tree().errors());

  TreeReader reader(mounted.memory.source, 1000);
  const Subtree large = mounted.memory.subtree(entries);
  const auto leaves = reader.leaves(*large.id);
  REQUIRE(leaves);
  const auto leaf = reader.leaf((*leaves)->leaves[1]);
  chunks.erase(MemoryChunks::id_of(ChunkKind::directory, (*leaf)->bytes));
  mounted.made.reset();
  mounted.show();
  const Listed listed = mounted.list(mounted.find("ids/01000000/large").id);
  CHECK(listed.is_incomplete);
  CHECK(listed.names.size() == 3000 - (*leaf)->entries.size());

  // It is told to each who lists, also when another begins meanwhile.
  const NodeId folder_id = mounted.find("ids/01000000/large").id;
  std::uint64_t end = 0;
  const auto to_the_end = [&](std::string_view, const NodeStatus&, std::uint64_t next) {
    end = next;
    return true;
  };
  const auto not_one = [](std::string_view, const NodeStatus&, std::uint64_t) { return false; };
  CHECK(mounted.tree().list(folder_id, 0, to_the_end));
  CHECK(mounted.tree().list(folder_id, 0, not_one));
  CHECK_FALSE(mounted.tree().list(folder_id, end, to_the_end));
}

TEST_CASE("a storage that is away is asked once, and what it then says is all there is") {
  Mounted mounted;
  std::vector<Entry> entries;
  for (int i = 0; i < 3000; ++i) entries.push_back(file_entry(fmt::format("name{:05}", i), "x"));
  Entry linked = file_entry("linked", "x"), also = file_entry("also", "x");
  linked.hardlink = also.hardlink = 7;
  const Entry large = mounted.memory.folder("large", entries);
  const Entry inner = mounted.memory.folder("inner", {file_entry("a", "a")});
  mounted.add({large, linked, mounted.memory.folder("folder", {also, inner})});
  mounted.add({large, mounted.memory.folder("folder", {inner})});
  mounted.add({large, file_entry("new", "x")});
  const NodeId root = mounted.find("ids/01000000").id;
  const NodeId folder = mounted.find("ids/01000000/large").id;
  const NodeId versions = mounted.find("versions").id;
  std::uint64_t position = 0;
  std::size_t count = 0;
  const auto take = [&](std::string_view, const NodeStatus&, std::uint64_t next) {
    position = next;
    ++count;
    return true;
  };
  // Its first leaf is known from then on.
  REQUIRE(mounted.tree().list(folder, 0, [](auto, const auto&, auto) { return false; }));
  const auto refused_once = [&](const auto& result) {
    CHECK(mounted.refused == 1);
    mounted.refused = 0;
    return !result && result.error().code == ErrorCode::io;
  };

  mounted.is_away = true;
  CHECK(refused_once(mounted.tree().list(folder, 0, take)));
  const std::size_t first = count;
  CHECK(first > 0);
  CHECK(refused_once(mounted.tree().list(folder, position, take)));
  CHECK(count == first);
  CHECK(refused_once(mounted.tree().lookup(root, "linked")));
  CHECK(refused_once(mounted.tree().lookup(versions, "folder")));
  CHECK(refused_once(mounted.tree().list(versions, 0, take)));
  CHECK(mounted.tree().errors().find("/large: nobody answers") != std::string::npos);

  mounted.is_away = false;
  CHECK(mounted.tree().list(folder, position, take));
  CHECK(count == entries.size());
  CHECK(mounted.find("ids/01000000/linked").status.st_nlink == 2);
  const Listed listed = mounted.list(mounted.find("versions/folder").id);
  CHECK_FALSE(listed.is_incomplete);
  CHECK(listed.names.size() == 2);
}

TEST_CASE("names that could lead astray are never shown") {
  Mounted mounted;
  mounted.add({file_entry("good", "g")});
  // An entry's name is its first field: a tag, a length and the bytes.
  std::string forged = encode(file_entry("1234", "x"));
  const auto node_of = [&](std::string_view name) {
    forged.replace(forged.find("1234"), 4, name);
    std::string node = "\x0a";
    node.push_back(static_cast<char>(forged.size()));
    return node + std::exchange(forged, encode(file_entry("1234", "x")));
  };
  std::string node;
  for (const std::string_view name : {std::string_view("../x"), std::string_view("a/bc"),
                                      std::string_view("n\0ul", 4), std::string_view("okay")})
    node += node_of(name);
  Entry folder = mounted.memory.folder("hostile", {});
  folder.subtree.id = mounted.memory.chunks.put(ChunkKind::directory, as_bytes(node));
  mounted.add({folder});
  const NodeId hostile = mounted.find("ids/02000000/hostile").id;
  const Listed listed = mounted.list(hostile);
  REQUIRE(listed.names.size() == 1);
  CHECK(listed.names.begin()->first == "okay");
  CHECK(listed.is_incomplete);
  for (const std::string_view name : {std::string_view("../x"), std::string_view("a/bc"),
                                      std::string_view("n\0ul", 4), std::string_view("..")})
    CHECK(!mounted.has(hostile, name));
}

TEST_CASE("snapshots come and go while it is open") {
  Mounted mounted;
  mounted.add({file_entry("a", "1")});
  const NodeId ids = mounted.find("ids").id;
  CHECK(!mounted.find("ids").is_lasting);
  CHECK(!mounted.has(ids, "02000000"));
  mounted.add({file_entry("a", "2")});
  CHECK(mounted.find("ids").id == ids);
  CHECK(mounted.content(mounted.find("ids/02000000/a").id) == "2");
  CHECK(*mounted.tree().link_target(mounted.find("latest").id) == "ids/02000000");
  CHECK(mounted.list(mounted.find("versions/a").id).names.size() == 2);
  CHECK(mounted.tree().totals().bytes == 2000);
  mounted.snapshots.erase(mounted.snapshots.begin());
  mounted.show();
  CHECK(!mounted.has(ids, "01000000"));
  CHECK(mounted.list(mounted.find("versions/a").id).names.size() == 1);
}

TEST_CASE("a file tells how it is, and says the same as long as it is read") {
  MountTreeOptions options;
  options.repository = "5d8f21ac";
  Mounted mounted(options);
  mounted.show();
  const NodeStatus empty = mounted.find(".lagan/status.json");
  std::string text = mounted.content(empty.id);
  CHECK(text.size() == static_cast<std::size_t>(empty.status.st_size));
  CHECK(text.find("\"snapshots\": 0,\n  \"newest\": null,") != std::string::npos);
  CHECK(text.find("\"errors\": 0,") != std::string::npos);
  mounted.add({mounted.memory.chunked_file("file", {"content"})});
  mounted.tree().note("trouble");
  CHECK(mounted.content(empty.id) == text);
  const NodeStatus file = mounted.find("ids/01000000/file");
  CHECK(mounted.content(file.id) == "content");
  const NodeStatus full = mounted.find(".lagan/status.json");
  text = mounted.content(full.id);
  CHECK(text.size() == static_cast<std::size_t>(full.status.st_size));
  // Whoever asked before it said more may read it now.
  CHECK(full.status.st_size == empty.status.st_size);
  CHECK(text.ends_with(" \n"));
  CHECK(text.find("\"repository\": \"5d8f21ac\"") != std::string::npos);
  CHECK(text.find("\"newest\": \"01000000") != std::string::npos);
  CHECK(text.find("\"changed\": \"1970-01-01T00:00:01Z\"") != std::string::npos);
  CHECK(text.find("\"errors\": 1,") != std::string::npos);
  CHECK(text.find("\"nodes\": 1,") != std::string::npos);
  CHECK(text.find("\"contents\": {\"bytes\": 0,") == std::string::npos);
}

TEST_CASE("one snapshot alone is the root itself") {
  MountTreeOptions options;
  options.is_single = true;
  options.own_xattrs = true;
  options.owner_root = true;
  Mounted mounted(options);
  Entry file = file_entry("a", "1");
  file.uid = 7;
  mounted.add({file, mounted.memory.folder("home", {file_entry("b", "2")})});
  CHECK(mounted.list(MountTree::kRoot).names.size() == 2);
  const NodeStatus a = mounted.find("a");
  CHECK(a.status.st_uid == 0);
  CHECK(*mounted.tree().xattr(a.id, "user.lagan.host") == "attic");
  const NodeId b = mounted.find("home/b").id;
  CHECK(*mounted.tree().xattr(b, "user.lagan.path") == "/home/b");
  CHECK(*mounted.tree().xattr(b, "user.lagan.snapshot") ==
        std::string("01") + std::string(30, '0'));
  CHECK(mounted.tree().xattr_names(b)->size() == 5);
  CHECK(mounted.content(mounted.find(".lagan/errors").id).empty());
}

}  // namespace
}  // namespace lagan
