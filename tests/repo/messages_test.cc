// SPDX-License-Identifier: Apache-2.0
#include "repo/messages.h"

#include <doctest/doctest.h>

#include "repo/limits.h"
#include "repo/wire.h"
#include "tests/repo/hostile.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

// What the decoder makes of what the encoder wrote gives the same bytes again, and no damage to
// them does harm.
template <typename Message, typename Decode>
void survives_the_round_trip(const Message& message, const Decode& decode) {
  const auto encoded = encode(message);
  ByteSpan bytes;
  if constexpr (std::is_same_v<decltype(encoded), const std::string>)
    bytes = as_bytes(encoded);
  else
    bytes = encoded.span();
  const auto decoded = decode(bytes);
  REQUIRE_MESSAGE(decoded, decoded.error().message);
  const auto again = encode(*decoded);
  if constexpr (std::is_same_v<decltype(encoded), const std::string>)
    CHECK(to_hex(as_bytes(again)) == to_hex(bytes));
  else
    CHECK(to_hex(again.span()) == to_hex(bytes));
  survives_damage(as_text(bytes), decode);
}

template <typename Result>
ErrorCode code_of(const Result& result) {
  REQUIRE(!result);
  return result.error().code;
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

Result<PackDirectory> decode_with(const Block& block) {
  PackDirectory directory = samples::directory(ChunkKind::data);
  directory.blocks = {block};
  return decode_pack_directory(as_bytes(encode(directory)));
}

Result<Segment> decode_with(const PackEntry& pack) {
  Segment segment = samples::segment();
  segment.packs = {pack};
  return decode_segment(as_bytes(encode(segment)));
}

TEST_CASE("every message survives the round trip with all fields set") {
  survives_the_round_trip(samples::boot(), decode_boot);
  survives_the_round_trip(samples::config(), decode_config);
  survives_the_round_trip(samples::directory(ChunkKind::data), decode_pack_directory);
  survives_the_round_trip(samples::directory(ChunkKind::root_record), decode_pack_directory);
  survives_the_round_trip(samples::segment(), decode_segment);
  survives_the_round_trip(samples::session(), decode_session);
  survives_the_round_trip(samples::mark(), decode_mark);
  survives_the_round_trip(samples::condemned(), decode_condemned);
  survives_the_round_trip(samples::forgotten(), decode_forgotten);
  survives_the_round_trip(samples::snapshot(), decode_snapshot);
}

TEST_CASE("every message survives the round trip with nothing set") {
  survives_the_round_trip(Boot{}, decode_boot);
  survives_the_round_trip(Config{}, decode_config);
  survives_the_round_trip(PackDirectory{}, decode_pack_directory);
  survives_the_round_trip(Segment{}, decode_segment);
  survives_the_round_trip(SessionMessage{}, decode_session);
  survives_the_round_trip(Mark{}, decode_mark);
  survives_the_round_trip(Condemned{}, decode_condemned);
  survives_the_round_trip(Forgotten{}, decode_forgotten);
  survives_the_round_trip(Snapshot{}, decode_snapshot);
}

TEST_CASE("values come out of the field they went into") {
  const Config config = decode_config(as_bytes(encode(samples::config()))).value();
  CHECK(config.revision == 9);
  CHECK(config.replaces == std::vector<std::string>{"config/01", "config/02"});
  CHECK(config.features[1].name == "news");
  CHECK(config.features[0].forbids == 6);
  CHECK(config.suite == 1);
  CHECK(config.tree_pack_target == 1 << 22);
  CHECK(config.undelete_seconds == std::uint64_t{0});

  const Segment segment = decode_segment(as_bytes(encode(samples::segment()))).value();
  REQUIRE(segment.packs.size() == 2);
  CHECK(segment.packs[0].name == samples::id<PackId>(0x30));
  CHECK(segment.packs[1].kind == ObjectKind::tree_pack);
  CHECK(segment.packs[1].header == samples::header(ObjectKind::tree_pack));
  const Block& block = segment.packs[0].directory.blocks[0];
  CHECK(block.codec == Codec::zstd);
  CHECK(block.nonce_tail == 0x0123456789abcdef);
  CHECK(block.ids[1] == samples::id<ChunkId>(2));
  CHECK(block.lengths == std::vector<std::uint32_t>{500, 1000});
  CHECK(segment.dropped == std::vector{samples::id<PackId>(3)});

  const SessionMessage session = decode_session(as_bytes(encode(samples::session()))).value();
  CHECK(session.purpose == 4);
  CHECK(session.machine == std::string(16, 'm'));
  CHECK(session.pid_namespace == 4026531836);

  const Snapshot snapshot = decode_snapshot(as_bytes(encode(samples::snapshot()))).value();
  CHECK(snapshot.utc_offset_minutes == -210);
  CHECK(snapshot.tags == std::vector<std::string>{"weekly", ""});
  CHECK(snapshot.original == samples::id<SnapshotId>(0x62));
  CHECK(snapshot.summary.tree_chunks == 12);
  CHECK(snapshot.root.content_bytes == 12345);
  CHECK(snapshot.partial);
}

TEST_CASE("absent fields of a config have their defaults") {
  const Config config = decode_config({}).value();
  CHECK(config.suite == 2);
  CHECK(config.data_pack_target == std::uint64_t{32} << 20);
  CHECK(!config.undelete_seconds);
  // A zero is the same as nothing on the wire.
  CHECK(decode_config(as_bytes(number_field(5, 0)))->data_pack_target == config.data_pack_target);
}

TEST_CASE("a key bundle survives the round trip") {
  const Bundle bundle = samples::bundle();
  const SecretBytes encoded = encode(bundle);
  const Bundle decoded = decode_bundle(encoded.span()).value();
  CHECK(to_hex(encode(decoded).span()) == to_hex(encoded.span()));
  CHECK(to_hex(decoded.keys.id_key.span()) == to_hex(bundle.keys.id_key.span()));
  CHECK(to_hex(decoded.keys.epoch.index_key.span()) == to_hex(bundle.keys.epoch.index_key.span()));
  CHECK(decoded.chunker == bundle.chunker);
  CHECK(decoded.inline_max == 300);
  CHECK(decoded.revision == 5);
}

TEST_CASE("a damaged key bundle does no harm") {
  const SecretBytes encoded = encode(samples::bundle());
  std::string message(as_text(encoded.span()));
  for (std::size_t size = 0; size < message.size(); ++size)
    if (size != message.size() - 2)  // only the last field, the revision, may be missing
      CHECK(!decode_exactly(std::string_view(message).substr(0, size), decode_bundle));
  for (char& byte : message) {
    byte = static_cast<char>(byte ^ 0x10);
    (void)decode_exactly(message, decode_bundle);
    byte = static_cast<char>(byte ^ 0x10);
  }
}

TEST_CASE("a key bundle with a public key of somebody else is refused") {
  Bundle bundle = samples::bundle();
  SUBCASE("owner") { bundle.keys.owner_public[0] ^= std::byte{1}; }
  SUBCASE("data") { bundle.keys.epoch.data_public[31] ^= std::byte{1}; }
  SUBCASE("meta") { bundle.keys.epoch.meta_public[5] ^= std::byte{1}; }
  CHECK(code_of(decode_bundle(encode(bundle).span())) == ErrorCode::corrupt);
}

TEST_CASE("bundles and boot records of a later version are unsupported, not corrupt") {
  Bundle bundle = samples::bundle();
  SUBCASE("format") { bundle.format = 2; }
  SUBCASE("role") { bundle.role = 2; }
  SUBCASE("no role") { bundle.role = 0; }
  SUBCASE("epoch") { bundle.keys.epoch.number = 2; }
  CHECK(code_of(decode_bundle(encode(bundle).span())) == ErrorCode::unsupported);

  Boot boot = samples::boot();
  boot.format = 2;
  CHECK(code_of(decode_boot(as_bytes(encode(boot)))) == ErrorCode::unsupported);
}

TEST_CASE("a bundle with impossible chunk sizes is corrupt") {
  Bundle bundle = samples::bundle();
  SUBCASE("no class") { bundle.chunker.classes.clear(); }
  SUBCASE("max below min") { bundle.chunker.classes[0].sizes.max = 1; }
  CHECK(code_of(decode_bundle(encode(bundle).span())) == ErrorCode::corrupt);
}

TEST_CASE("a block that breaks a rule is corrupt") {
  Block block = samples::block(ChunkKind::data, 1);
  REQUIRE(decode_with(block));
  SUBCASE("no chunks") { block.ids.clear(), block.lengths.clear(), block.raw = 0; }
  SUBCASE("fewer lengths than ids") { block.lengths = {1500}; }
  SUBCASE("more lengths than ids") { block.lengths = {500, 500, 500}; }
  SUBCASE("an empty chunk") { block.lengths = {0, 1500}; }
  SUBCASE("a sum that differs") { block.raw = 1501; }
  SUBCASE("a sum that wraps to the right value") {
    block.ids.push_back(samples::id<ChunkId>(9));
    block.lengths = {500, 1001, 0xffffffff};
  }
  SUBCASE("a chunk too large") {
    block.ids.resize(1), block.lengths = {limits::kChunkBytes + 1};
    block.raw = block.lengths[0];
  }
  SUBCASE("a block too large") {
    block.lengths = {limits::kChunkBytes, 1};
    block.raw = limits::kBlockRawBytes + 1;
  }
  SUBCASE("stored larger than raw") { block.stored = 1517; }
  SUBCASE("stored without content") { block.stored = 16; }
  SUBCASE("raw with another size") { block.codec = Codec::raw; }
  SUBCASE("an unknown codec") { block.codec = static_cast<Codec>(2); }
  SUBCASE("an unknown kind") { block.kind = static_cast<ChunkKind>(5); }
  SUBCASE("no kind") { block.kind = static_cast<ChunkKind>(0); }
  CHECK(code_of(decode_with(block)) == ErrorCode::corrupt);
}

TEST_CASE("ids that are not joined in whole are corrupt") {
  const std::string block = number_field(1, 17) + number_field(2, 1) + number_field(4, 1) +
                            bytes_field(6, std::string(33, 'x')) + bytes_field(7, "\x01");
  const std::string session = bytes_field(2, std::string(16, 's'));
  CHECK(!decode_pack_directory(as_bytes(bytes_field(1, block) + session)));
}

TEST_CASE("lengths may come one to a field, as protobuf allows") {
  const std::string block = number_field(1, 18) + number_field(2, 3) + number_field(3, 1) +
                            number_field(4, 1) + bytes_field(6, std::string(64, 'x')) +
                            number_field(7, 1) + number_field(7, 2);
  const std::string session = bytes_field(2, std::string(16, 's'));
  const auto directory = decode_pack_directory(as_bytes(bytes_field(1, block) + session));
  REQUIRE_MESSAGE(directory, directory.error().message);
  CHECK(directory->blocks[0].lengths == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("counts beyond the limits are refused") {
  const std::string session = bytes_field(2, std::string(16, 's'));
  SUBCASE("chunks of a block") {
    const std::string block = bytes_field(7, std::string(limits::kChunksPerBlock + 1, '\1'));
    const auto directory = decode_pack_directory(as_bytes(bytes_field(1, block) + session));
    REQUIRE(!directory);
    CHECK(directory.error().message.find("too many chunks") != std::string::npos);
  }
  SUBCASE("blocks of a pack") {
    Block tiny{.stored = 17, .raw = 1, .ids = {samples::id<ChunkId>(1)}, .lengths = {1}};
    PackDirectory directory{
        .blocks = std::vector<Block>(limits::kBlocksPerPack, tiny), .session = {}, .created = 0};
    CHECK(decode_pack_directory(as_bytes(encode(directory))));
    directory.blocks.push_back(tiny);
    CHECK(!decode_pack_directory(as_bytes(encode(directory))));
  }
  SUBCASE("chunks of a pack") {
    Block full;
    full.raw = 65'536;
    full.stored = full.raw + 16;
    full.ids.resize(65'536);
    full.lengths.assign(65'536, 1);
    PackDirectory directory{.blocks = std::vector<Block>(4, full), .session = {}, .created = 0};
    CHECK(decode_pack_directory(as_bytes(encode(directory))));
    directory.blocks.push_back(samples::block(ChunkKind::data, 1));
    CHECK(!decode_pack_directory(as_bytes(encode(directory))));
  }
}

TEST_CASE("a pack's blocks must fit into it") {
  PackEntry pack = samples::pack(ObjectKind::data_pack);
  REQUIRE(decode_with(pack));
  SUBCASE("smaller than its blocks") {
    pack.directory.blocks[1].lengths = {2000, 2000};
    pack.directory.blocks[1].raw = 4000;
    pack.directory.blocks[1].stored = 4016;
  }
  SUBCASE("smaller than a pack") { pack.size = 4095; }
  SUBCASE("larger than a pack") { pack.size = limits::kPackBytesMax + 1; }
  SUBCASE("so large that sums wrap") { pack.size = ~std::uint64_t{0}; }
  CHECK(code_of(decode_with(pack)) == ErrorCode::corrupt);
}

TEST_CASE("what a pack holds must fit its kind") {
  PackEntry pack = samples::pack(ObjectKind::data_pack);
  SUBCASE("trees in a data pack") { pack.directory = samples::directory(ChunkKind::directory); }
  SUBCASE("data in a tree pack") {
    pack.kind = ObjectKind::tree_pack;
    pack.header = samples::header(ObjectKind::tree_pack);
  }
  SUBCASE("both") { pack.directory.blocks[1].kind = ChunkKind::list; }
  SUBCASE("the header of a tree pack") { pack.header = samples::header(ObjectKind::tree_pack); }
  SUBCASE("the header of a snapshot") {
    pack.kind = ObjectKind::snapshot;
    pack.header = samples::header(ObjectKind::snapshot);
  }
  SUBCASE("no header at all") { pack.header = Header{}; }
  CHECK(code_of(decode_with(pack)) == ErrorCode::corrupt);
}

TEST_CASE("tree packs may mix directories, lists and root records") {
  PackEntry pack = samples::pack(ObjectKind::tree_pack);
  pack.directory.blocks[0].kind = ChunkKind::directory;
  pack.directory.blocks[1].kind = ChunkKind::root_record;
  CHECK(decode_with(pack));
}

TEST_CASE("condemned packs and forgotten snapshots come out sorted") {
  Condemned condemned = samples::condemned();
  std::swap(condemned.data_packs[0], condemned.data_packs[1]);
  CHECK(encode(condemned) == encode(samples::condemned()));
  const std::string unsorted =
      bytes_field(1, std::string(32, 'b') + std::string(32, 'a')) + bytes_field(2, "");
  const Condemned decoded = decode_condemned(as_bytes(unsorted)).value();
  CHECK(decoded.data_packs[0] < decoded.data_packs[1]);
  CHECK(decoded.tree_packs.empty());
}

TEST_CASE("fields of a later version are skipped, and noted where they matter") {
  const std::string later = number_field(77, 1) + bytes_field(78, "news");
  CHECK(decode_boot(as_bytes(encode(samples::boot()) + later)));
  CHECK(decode_config(as_bytes(encode(samples::config()) + later)));
  CHECK(decode_session(as_bytes(encode(samples::session()) + later)));
  CHECK(decode_mark(as_bytes(encode(samples::mark()) + later)));

  CHECK(!decode_condemned(as_bytes(encode(samples::condemned())))->unknown_fields);
  CHECK(decode_condemned(as_bytes(encode(samples::condemned()) + later))->unknown_fields);
  CHECK(!decode_forgotten(as_bytes(encode(samples::forgotten())))->unknown_fields);
  CHECK(decode_forgotten(as_bytes(encode(samples::forgotten()) + later))->unknown_fields);
  CHECK(!decode_segment(as_bytes(encode(samples::segment())))->unknown_fields);
  CHECK(decode_segment(as_bytes(encode(samples::segment()) + later))->unknown_fields);
}

TEST_CASE("an unknown field deep inside a segment is noted") {
  const std::string directory = encode(samples::directory(ChunkKind::data)) + number_field(9, 1);
  std::string pack;
  {
    StringWriter out(pack);
    out.bytes(1, samples::id<PackId>(1).span());
    out.u64(2, 4096);
    out.u64(3, 8);
    out.bytes(4, samples::header(ObjectKind::data_pack).bytes);
    out.bytes(5, directory);
  }
  const std::string message = bytes_field(1, pack) + bytes_field(4, std::string(16, 's'));
  const auto segment = decode_segment(as_bytes(message));
  REQUIRE_MESSAGE(segment, segment.error().message);
  CHECK(segment->unknown_fields);
}

TEST_CASE("a message that may be signed is refused when a field occurs twice") {
  CHECK(!decode_config(as_bytes(encode(samples::config()) + number_field(4, 2))));
  CHECK(!decode_condemned(as_bytes(encode(samples::condemned()) + bytes_field(1, ""))));
  CHECK(!decode_forgotten(as_bytes(encode(samples::forgotten()) + bytes_field(5, "x"))));
  const std::string session = bytes_field(4, std::string(16, 's'));
  CHECK(!decode_segment(as_bytes(encode(samples::segment()) + session)));
  // Deep inside as well.
  const std::string feature = number_field(2, 6) + number_field(2, 0);
  CHECK(!decode_config(as_bytes(bytes_field(3, feature))));
}

TEST_CASE("elsewhere the last of two counts") {
  const std::string message = encode(samples::mark()) + bytes_field(3, "cellar");
  CHECK(decode_mark(as_bytes(message))->host == "cellar");
}

TEST_CASE("ids must have their size and be there") {
  CHECK(code_of(decode_boot(as_bytes(number_field(1, 1)))) == ErrorCode::corrupt);
  CHECK(!decode_mark({}));
  CHECK(!decode_session({}));
  CHECK(!decode_snapshot({}));
  CHECK(!decode_segment({}));
  CHECK(!decode_pack_directory({}));
  for (const std::string_view wrong : {"", "fifteen bytes!!", "seventeen bytes!!"})
    CHECK(!decode_mark(as_bytes(bytes_field(1, wrong))));
}

TEST_CASE("a known field with another wire type is corrupt") {
  CHECK(!decode_mark(as_bytes(number_field(1, 1))));
  CHECK(!decode_mark(as_bytes(encode(samples::mark()) + bytes_field(5, "x"))));
}

TEST_CASE("a number that does not fit its field is corrupt") {
  const std::string session = encode(samples::session());
  CHECK(decode_session(as_bytes(session + number_field(10, 0xffffffff)))->pid == 0xffffffff);
  CHECK(!decode_session(as_bytes(session + number_field(10, 0x100000000))));
}

TEST_CASE("messages beyond their limit are refused unread") {
  const std::string huge(limits::kSmallBodyBytes + 1, '\0');
  CHECK(decode_mark(as_bytes(huge)).error().message == "mark: too long");
  CHECK(decode_boot(as_bytes(huge)).error().message == "boot record: too long");
  CHECK(decode_config(as_bytes(huge)).error().message == "config: too long");
}

TEST_CASE("a root record is the snapshot without the field that names it") {
  Snapshot snapshot = samples::snapshot();
  const std::string record = encode_root_record(snapshot);
  snapshot.root_record.reset();
  CHECK(record == encode(snapshot));
  CHECK(!decode_snapshot(as_bytes(record))->root_record);
}

TEST_CASE("a snapshot keeps fields of a later version in their place, but no signature") {
  std::string message;
  {
    StringWriter out(message);
    out.bytes(21, samples::id<SessionId>(1).span());
    out.bytes(40, "writer");
    out.u64(41, 7);
    out.bytes(100, std::string_view("signature"));
  }
  Snapshot snapshot = decode_snapshot(as_bytes(message)).value();
  snapshot.label = "new";
  snapshot.root_record = samples::id<ChunkId>(5);
  std::string expected;
  {
    StringWriter out(expected);
    out.bytes(13, std::string_view("new"));
    out.bytes(21, samples::id<SessionId>(1).span());
    out.bytes(22, samples::id<ChunkId>(5).span());
    out.bytes(40, std::string_view("writer"));
    out.u64(41, 7);
  }
  CHECK(to_hex(as_bytes(encode(snapshot))) == to_hex(as_bytes(expected)));
}

TEST_CASE("a root record fits into a chunk, whatever was named") {
  Snapshot snapshot;
  snapshot.session = samples::id<SessionId>(1);
  snapshot.root.id = samples::id<ChunkId>(2);
  snapshot.excludes = {"*.o"};
  for (int i = 0; i < 3000; ++i)
    snapshot.paths.push_back("/home/" + std::to_string(i) + std::string(3000, 'x'));
  const std::string record = encode_root_record(snapshot);
  CHECK(record.size() < 1000);
  const auto decoded = decode_snapshot(as_bytes(record));
  REQUIRE(decoded);
  CHECK(decoded->root.id == snapshot.root.id);
  CHECK(decoded->session == snapshot.session);
  CHECK(decoded->paths == std::vector<std::string>{"/home"});

  snapshot.paths.emplace_back("/var");
  CHECK(decode_snapshot(as_bytes(encode_root_record(snapshot)))->paths ==
        std::vector<std::string>{"/"});
  // A path may itself be the folder of all others, and others only look as if they lay in it.
  snapshot.paths.back() = "/home";
  CHECK(decode_snapshot(as_bytes(encode_root_record(snapshot)))->paths ==
        std::vector<std::string>{"/home"});
  snapshot.paths.emplace_back("/home!");
  CHECK(decode_snapshot(as_bytes(encode_root_record(snapshot)))->paths ==
        std::vector<std::string>{"/"});

  snapshot.paths.resize(2);
  CHECK(decode_snapshot(as_bytes(encode_root_record(snapshot)))->paths == snapshot.paths);
  snapshot.label = std::string(9 << 20, 'x');
  CHECK(encode_root_record(snapshot).empty());
}

}  // namespace
}  // namespace lagan
