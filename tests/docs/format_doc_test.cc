// SPDX-License-Identifier: Apache-2.0

// docs/format.md against the code: every ```hex block is what our encoders make of the secrets that
// the document states, every ```values block is what our decoders find in it, and whoever cites a
// section of a document by name finds it there. New hex: print_examples.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "repo/limits.h"
#include "repo/padding.h"
#include "storage/memory.h"
#include "tests/docs/examples.h"
#include "util/coding.h"

namespace lagan::examples {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot = LAGAN_SOURCE_DIR;

std::string text_of(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

std::string bytes_of_hex(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  std::string bytes(text.size() / 2, '\0');
  const bool is_hex = from_hex(text, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
  INFO(text);
  REQUIRE(is_hex);
  return bytes;
}

// A ```values block: a name and what it is said to be, sorted by name.
using Values = std::map<std::string, std::string>;

std::string shown(const Values& values) {
  std::string out;
  for (const auto& [name, value] : values) out += fmt::format("{} = {}\n", name, value);
  return out;
}

// The fenced blocks of format.md that have a name.
struct Blocks {
  std::map<std::string, std::string> hex;
  std::map<std::string, Values> values;
};

Values parse_values(const std::string& text) {
  Values values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    REQUIRE(space != line.npos);
    const std::string name = line.substr(0, space);
    REQUIRE(values.emplace(name, line.substr(line.find_first_not_of(' ', space))).second);
  }
  return values;
}

const Blocks& document() {
  static const Blocks blocks = [] {
    Blocks found;
    std::istringstream lines(text_of(kRoot / "docs/format.md"));
    std::string line, kind, name, body;
    while (std::getline(lines, line)) {
      if (line == "```") {
        if (kind == "hex") REQUIRE(found.hex.emplace(name, bytes_of_hex(body)).second);
        if (kind == "values") REQUIRE(found.values.emplace(name, parse_values(body)).second);
        kind.clear();
      } else if (line.starts_with("```")) {
        std::istringstream(line.substr(3)) >> kind >> name;
        body.clear();
      } else {
        body += line + "\n";
      }
    }
    return found;
  }();
  return blocks;
}

ByteSpan hex(const std::string& name) {
  REQUIRE(document().hex.contains(name));
  return as_bytes(document().hex.at(name));
}

std::string stated(const std::string& name) {
  REQUIRE(document().values.contains(name));
  return shown(document().values.at(name));
}

std::string file(const std::string& name) {
  return bytes_of_hex(text_of(kRoot / "docs/examples" / (name + ".hex")));
}

std::string number(auto value) { return fmt::format("{}", value); }
std::string big_endian(auto value) { return fmt::format("{:0{}x}", value, 2 * sizeof value); }

Values key_values(const std::string& header, const SecretKey& object_key) {
  const ObjectKey key = ObjectKey::from_secret(object_key);
  return {{"header", header},
          {"okey", to_hex(object_key.span())},
          {"commitment", to_hex(key.commitment)},
          {"key", to_hex(key.aead.span())},
          {"nonce_key", to_hex(key.nonce.span())}};
}

SecretKey derived(std::string_view label, std::initializer_list<ByteSpan> parts) {
  std::string material;
  for (const ByteSpan part : parts) material += as_text(part);
  return derive_key(label, as_bytes(material));
}

std::string slices_text(const std::vector<Slice>& slices) {
  std::string out;
  for (const Slice& slice : slices) {
    if (!out.empty()) out += " ";
    out += slice.id ? fmt::format("{}+{}:{}", slice.id->short_hex(), slice.offset, slice.length)
                    : fmt::format("hole:{}", slice.length);
  }
  return out;
}

Entry decoded_entry(const std::string& name) {
  auto entry = decode_entry(hex(name));
  REQUIRE(entry);
  CHECK(is_known_kind(*entry));
  return *std::move(entry);
}

}  // namespace

TEST_CASE("the hex in the format document is what the encoders write") {
  const auto made = in_document();
  for (const auto& block : document().hex) {
    CAPTURE(block.first);
    REQUIRE(made.contains(block.first));
    CHECK(as_hex_lines(block.second) == as_hex_lines(made.at(block.first)));
  }
  CHECK(document().hex.size() == made.size());
}

TEST_CASE("the example files are what the encoders write, and the document names each") {
  const auto made = in_files();
  const std::string text = text_of(kRoot / "docs/format.md");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "docs/examples")) {
    const std::string name = entry.path().stem();
    CAPTURE(name);
    ++files;
    REQUIRE(made.contains(name));
    CHECK(as_hex_lines(file(name)) == as_hex_lines(made.at(name)));
    CHECK(text.find("(examples/" + name + ".hex)") != text.npos);
  }
  CHECK(files == made.size());
}

TEST_CASE("the stated secrets are those in the example bundle") {
  const auto decoded = decode_bundle(hex("bundle"));
  REQUIRE(decoded);
  CHECK(decoded->created == kCreated);
  CHECK(decoded->chunker == default_chunker_params());
  CHECK(decoded->inline_max == 256);
  const MasterKeys& keys = decoded->keys;
  CHECK(stated("secrets") == shown({{"id_key", to_hex(keys.id_key.span())},
                                    {"chunk_key", to_hex(keys.chunk_key.span())},
                                    {"sign_seed", to_hex(keys.sign_seed.span())},
                                    {"owner_pk", to_hex(keys.owner_public)},
                                    {"data_sk", to_hex(keys.epoch.data_secret.span())},
                                    {"data_pk", to_hex(keys.epoch.data_public)},
                                    {"meta_sk", to_hex(keys.epoch.meta_secret.span())},
                                    {"meta_pk", to_hex(keys.epoch.meta_public)},
                                    {"psk", to_hex(keys.epoch.shared.span())},
                                    {"index_key", to_hex(keys.epoch.index_key.span())}}));
}

TEST_CASE("the example headers decode as stated and their keys are derived as stated") {
  const EpochKeys& epoch = bundle().keys.epoch;
  const auto symmetric = Header::decode(hex("header-session"));
  REQUIRE(symmetric);
  CHECK(stated("header-session") == shown({{"kind", number(static_cast<int>(symmetric->kind()))},
                                           {"suite", number(static_cast<int>(symmetric->suite()))},
                                           {"epoch", number(symmetric->epoch())},
                                           {"repository", symmetric->repository().hex()},
                                           {"salt", to_hex(symmetric->salt())},
                                           {"commitment", to_hex(symmetric->commitment())}}));
  CHECK(stated("object-key-session") ==
        shown(key_values("header-session",
                         derived("symmetric", {epoch.index_key.span(), symmetric->bound()}))));
  CHECK(open_object(*symmetric, kRepository, epoch));

  const auto sealed = Header::decode(hex("header-data-pack"));
  REQUIRE(sealed);
  PublicKey ephemeral;
  std::ranges::copy(sealed->salt(), ephemeral.begin());
  const auto shared = exchange_secret(epoch.data_secret, ephemeral);
  REQUIRE(shared);
  Values values = key_values(
      "header-data-pack",
      derived("sealed", {shared->span(), epoch.shared.span(), epoch.data_public, sealed->bound()}));
  values["shared"] = to_hex(shared->span());
  CHECK(stated("object-key-data-pack") == shown(values));
  CHECK(open_object(*sealed, kRepository, epoch));
}

TEST_CASE("the stated nonces and paddings are ours") {
  const FinishedPack whole = pack();
  const auto directory_tail = array_of<8>(document().values.at("pack").at("directory_tail"));
  CHECK(stated("nonces") == shown({{"frame_0_of_2", to_hex(make_nonce(0, std::uint64_t{0}))},
                                   {"frame_1_of_2", to_hex(make_nonce(1, std::uint64_t{1}))},
                                   {"directory", to_hex(make_nonce(0xffffffff, directory_tail))}}));
  REQUIRE(document().values.contains("round6"));
  for (const auto& [size, rounded] : document().values.at("round6"))
    CHECK(rounded == number(round6(std::stoull(size))));
}

TEST_CASE("the signature of the example config holds, and only for its name and bytes") {
  const std::string_view message = as_text(hex("config"));
  const Sealing with = sealing(Suite::aes256_gcm);
  const auto covered = check_signature(with, ObjectKind::config, kConfigName, message);
  REQUIRE(covered);
  CHECK(!check_signature(with, ObjectKind::config, "config/00", message));
  CHECK(!check_signature(with, ObjectKind::forgotten, kConfigName, message));
  const auto decoded = decode_config(as_bytes(*covered));
  REQUIRE(decoded);
  std::string bound = "\x03" + std::string(as_text(kRepository.span()));
  bound += static_cast<char>(kConfigName.size());
  bound += kConfigName;
  bound += *covered;
  CHECK(stated("config") == shown({{"name", kConfigName},
                                   {"signed_bytes", number(covered->size())},
                                   {"digest", to_hex(hash(as_bytes(bound)))},
                                   {"revision", number(decoded->revision)},
                                   {"suite", number(decoded->suite)},
                                   {"data_pack_target", number(decoded->data_pack_target)},
                                   {"tree_pack_target", number(decoded->tree_pack_target)},
                                   {"created", number(decoded->created)}}));
}

TEST_CASE(
    "the example bodies open under their names and hold the messages that the document shows") {
  const Sealing with = sealing(Suite::aes256_gcm);
  const auto session = open_body(with, ObjectKind::session, names::session(kSession).text(),
                                 as_bytes(file("session")), limits::kSmallBodyBytes);
  REQUIRE(session);
  CHECK(as_bytes(*session).size() == hex("session").size());
  CHECK(*session == as_text(hex("session")));
  const auto snapshot = open_body(with, ObjectKind::snapshot, names::snapshot(kSession).text(),
                                  as_bytes(file("snapshot")), limits::kSnapshotBytes);
  REQUIRE(snapshot);
  CHECK(*snapshot == as_text(hex("snapshot")));
  const auto segment = open_body(with, ObjectKind::index_segment, "",
                                 as_bytes(file("index-segment")), limits::kSegmentBytes);
  REQUIRE(segment);
  CHECK(*segment == as_text(hex("segment")));
}

TEST_CASE("the example pack opens from its own end, and its block holds the stated chunks") {
  const std::string bytes = file("data-pack");
  const PackId name{hash(as_bytes(bytes))};
  const Sealing with = sealing(Suite::aes256_gcm);
  const auto nothing = make_memory_storage();  // the whole pack is at hand
  const auto entry = read_pack_directory(with, *nothing, ObjectKind::data_pack, name, bytes.size(),
                                         as_bytes(bytes));
  REQUIRE(entry);
  CHECK(encode(entry->directory) == as_text(hex("pack-directory")));
  REQUIRE(entry->directory.blocks.size() == 1);
  const Block& block = entry->directory.blocks[0];
  REQUIRE(block.ids.size() == 2);
  const ByteSpan sealed = as_bytes(bytes).subspan(kHeaderSize, block.stored);
  CHECK(to_hex(sealed) == to_hex(hex("pack-block")));
  auto opener = PackOpener::open(with, entry->header);
  REQUIRE(opener);
  const auto plain = opener->open_block(0, block.nonce_tail, block.codec, block.raw, sealed);
  REQUIRE(plain);

  const auto trailer_key = open_object(entry->header, kRepository, bundle().keys.epoch);
  REQUIRE(trailer_key);
  Aead aead(entry->header.suite(), trailer_key->aead);
  const ByteSpan trailer = as_bytes(bytes).last(144);
  std::array<std::byte, 24> where;
  REQUIRE(aead.open(make_nonce(0xfffffffe, trailer.first<8>()), entry->header.bytes,
                    trailer.subspan(8, 40), where));
  CHECK(stated("pack") ==
        shown({{"name", name.hex()},
               {"size", number(bytes.size())},
               {"directory_offset", number(load_le<std::uint64_t>(where.data()))},
               {"directory_length", number(load_le<std::uint32_t>(where.data() + 8))},
               {"directory_tail", to_hex(ByteSpan(where).subspan(16))},
               {"block_offset", number(kHeaderSize)},
               {"stored", number(block.stored)},
               {"raw", number(block.raw)},
               {"codec", number(static_cast<int>(block.codec))},
               {"kind", number(static_cast<int>(block.kind))},
               {"chunk_0", block.ids[0].hex()},
               {"chunk_1", block.ids[1].hex()},
               {"length_0", number(block.lengths[0])},
               {"length_1", number(block.lengths[1])},
               {"plaintext", to_hex(*plain)}}));
}

TEST_CASE("the stated chunk ids are ours") {
  Values values = {{"content", to_hex(as_bytes("hello"))}};
  for (const ChunkKind kind :
       {ChunkKind::data, ChunkKind::directory, ChunkKind::list, ChunkKind::root_record})
    values[fmt::format("kind_{}", static_cast<int>(kind))] = id_of("hello", kind).hex();
  CHECK(stated("chunk-ids") == shown(values));
}

TEST_CASE("the stated tables, thresholds and cuts are ours") {
  std::array<std::byte, ChunkerKey::kSeedSize> seed;
  derive_key("chunker", bundle().keys.chunk_key.span(), seed);
  const ChunkerKey key(seed);
  const ChunkSizes sizes = default_chunker_params().classes[0].sizes;
  __extension__ using Uint128 = unsigned __int128;
  const auto strict = static_cast<std::uint64_t>((Uint128{1} << 73) / (sizes.avg - sizes.min));
  CHECK(stated("cutting") == shown({{"A_0", big_endian(key.low[0])},
                                    {"B_0", big_endian(key.high[0])},
                                    {"c", big_endian(key.constant)},
                                    {"sip", to_hex(key.prf)},
                                    {"T_61", big_endian(key.table[0x61])},
                                    {"strict", big_endian(strict)},
                                    {"loose", big_endian(4 * strict)}}));

  const Bytes data = stream(262144);
  CHECK(to_hex(data.span().first(16)) == "a2128e02b6abef183421eaf27a3c2881");
  std::string ends;
  for (const std::size_t end : find_cuts(Chunker(key, sizes, 10), data, 1))
    ends += (ends.empty() ? "" : " ") + number(end);
  std::uint32_t window_hash = 0;
  for (std::size_t j = 0; j < 16; ++j)
    window_hash += std::uint32_t{key.table[std::to_integer<std::size_t>(data.span()[21140 - j])]}
                   << j;
  CHECK(stated("cuts") ==
        shown({{"ends", ends},
               {"h_21140", big_endian(static_cast<std::uint16_t>(window_hash))},
               {"x_21140", big_endian(siphash24(key.prf, data.span().subspan(21109, 32)))}}));
}

TEST_CASE("the stated hashes that split directories are ours") {
  PrfKey key;
  derive_key("split", bundle().keys.chunk_key.span(), key);
  Values values = {{"key", to_hex(key)}};
  for (const char* name : {"a.txt", "b", "name-201"})
    values[std::string("x_of_") + name] = big_endian(siphash24(key, as_bytes(name)));
  CHECK(stated("split") == shown(values));
  CHECK((siphash24(key, as_bytes("name-201")) & 0xff) == 0);
}

TEST_CASE("the example entries and nodes decode as stated") {
  const Entry small = decoded_entry("entry-inline");
  CHECK(stated("entry-inline") ==
        shown({{"name", small.name},
               {"kind", number(static_cast<int>(small.kind))},
               {"mode", fmt::format("{:04o}", small.mode)},
               {"uid", number(small.uid)},
               {"gid", number(small.gid)},
               {"user", small.user},
               {"group", small.group},
               {"mtime", fmt::format("{}.{:09}", small.mtime, small.mtime_ns)},
               {"size", number(small.size)},
               {"inline", to_hex(as_bytes(small.inline_content))}}));
  const Entry sliced = decoded_entry("entry-slices");
  REQUIRE(sliced.xattrs.size() == 1);
  CHECK(
      stated("entry-slices") ==
      shown({{"name", sliced.name},
             {"kind", number(static_cast<int>(sliced.kind))},
             {"mode", fmt::format("{:04o}", sliced.mode)},
             {"size", number(sliced.size)},
             {"slices", slices_text(sliced.slices)},
             {"hardlink", number(sliced.hardlink.value())},
             {"xattrs", sliced.xattrs[0].name + "=" + to_hex(as_bytes(sliced.xattrs[0].value))}}));
  const Entry folder = decoded_entry("entry-folder");
  CHECK(stated("entry-folder") == shown({{"name", folder.name},
                                         {"kind", number(static_cast<int>(folder.kind))},
                                         {"mode", fmt::format("{:04o}", folder.mode)},
                                         {"subtree", folder.subtree.id.value().hex()},
                                         {"files", number(folder.subtree.files)},
                                         {"dirs", number(folder.subtree.dirs)},
                                         {"content_bytes", number(folder.subtree.content_bytes)}}));

  const std::string_view node = as_text(hex("directory"));
  CHECK(id_of(node, ChunkKind::directory) == folder.subtree.id);
  const auto directory = decode_directory(as_bytes(node));
  REQUIRE(directory);
  CHECK(directory->canonical);
  REQUIRE(directory->entries.size() == 2);
  CHECK(directory->entries[0] == as_text(hex("entry-inline")));
  CHECK(directory->entries[1] == as_text(hex("entry-slices")));

  const auto list = decode_list(hex("list"));
  REQUIRE(list);
  CHECK(list->canonical);
  std::uint64_t bytes = 0;
  for (const Slice& slice : list->slices) bytes += slice.length;
  CHECK(stated("list") == shown({{"id", id_of(as_text(hex("list")), ChunkKind::list).hex()},
                                 {"level", number(list->level)},
                                 {"slices", number(list->slices.size())},
                                 {"bytes", number(bytes)}}));
}

TEST_CASE("the example boot record decodes as stated") {
  const auto boot = decode_boot_record(hex("boot-record"));
  REQUIRE(boot);
  CHECK(stated("boot-record") == shown({{"size", number(hex("boot-record").size())},
                                        {"format", number(boot->format)},
                                        {"repository", boot->repository.hex()},
                                        {"created", number(boot->created)}}));
}

TEST_CASE("the example key slot opens with the stated password to the stated secrets") {
  REQUIRE(document().values.contains("key-slot"));
  const Values& values = document().values.at("key-slot");
  const std::string slot = file("key-slot");
  const auto info = read_slot(as_bytes(slot));
  REQUIRE(info);
  PasswordSalt salt;
  std::ranges::copy(info->header.salt().first<16>(), salt.begin());
  const std::string password = values.at("password");
  const auto kek = stretch_password(as_bytes(password), salt, info->cost);
  REQUIRE(kek);
  const SecretKey okey =
      derived("slot", {kek->span(), info->header.bound(), as_bytes(slot).subspan(96, 16)});
  CHECK(to_hex(ObjectKey::from_secret(okey).commitment) == to_hex(info->header.commitment()));
  CHECK(stated("key-slot") == shown({{"name", kSlotName},
                                     {"size", number(slot.size())},
                                     {"method", number(static_cast<int>(info->kind))},
                                     {"memory", number(info->cost.memory_kib)},
                                     {"passes", number(info->cost.passes)},
                                     {"label", info->label},
                                     {"password", "golden"},
                                     {"salt", to_hex(salt)},
                                     {"kek", to_hex(kek->span())},
                                     {"okey", to_hex(okey.span())}}));
  const auto opened = open_slot(values.at("name"), as_bytes(slot), Credential::password(password));
  REQUIRE(opened);
  CHECK(as_text(encode(*opened).span()) == as_text(hex("bundle")));
}

TEST_CASE("the stated recovery code is written as ours are") {
  REQUIRE(document().values.contains("recovery-code"));
  const Bytes code = bytes_of(document().values.at("recovery-code").at("code"));
  CHECK(stated("recovery-code") ==
        shown({{"code", to_hex(code)}, {"text", format_recovery_code(code)}}));
}

TEST_CASE("the example session, snapshot and segment decode as stated") {
  const auto session = decode_session(hex("session"));
  REQUIRE(session);
  CHECK(stated("session") == shown({{"session", session->session.hex()},
                                    {"purpose", number(session->purpose)},
                                    {"created", number(session->created)},
                                    {"host", session->host},
                                    {"program", session->program},
                                    {"pid", number(session->pid)},
                                    {"pid_started", number(session->pid_started)},
                                    {"pidns", number(session->pid_namespace)}}));
  const auto snapshot = decode_snapshot(hex("snapshot"));
  REQUIRE(snapshot);
  CHECK(stated("snapshot") == shown({{"root", snapshot->root.id.value().hex()},
                                     {"time", number(snapshot->time)},
                                     {"finished", number(snapshot->finished)},
                                     {"offset", number(snapshot->utc_offset_minutes)},
                                     {"host", snapshot->host},
                                     {"user", snapshot->user},
                                     {"paths", snapshot->paths.at(0)},
                                     {"tags", snapshot->tags.at(0)},
                                     {"program", snapshot->program},
                                     {"session", snapshot->session.hex()}}));
  const auto segment = decode_segment(hex("segment"));
  REQUIRE(segment);
  REQUIRE(segment->packs.size() == 1);
  const std::string object = file("index-segment");
  CHECK(stated("segment") == shown({{"name", to_hex(hash(as_bytes(object)))},
                                    {"size", number(object.size())},
                                    {"pack", segment->packs[0].name.hex()},
                                    {"pack_size", number(segment->packs[0].size)},
                                    {"pack_kind", number(static_cast<int>(segment->packs[0].kind))},
                                    {"session", segment->session.hex()}}));
}

TEST_CASE("every values block of the format document is compared with something above") {
  const std::string test = text_of(LAGAN_SOURCE_DIR "/tests/docs/format_doc_test.cc");
  for (const auto& block : document().values) {
    CAPTURE(block.first);
    CHECK(test.find("(\"" + block.first + "\")") != test.npos);
  }
}

namespace {

// Comment lines joined, so that a reference may break across lines.
std::string flattened(const std::string& source) {
  static const std::regex kBreak(R"(\n\s*(//|#)?\s*)");
  return std::regex_replace(source, kBreak, " ");
}

std::set<std::string> headings_of(const fs::path& document) {
  std::set<std::string> headings;
  std::istringstream lines(text_of(document));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with('#')) headings.insert(line.substr(line.find_first_not_of("# ")));
  return headings;
}

std::vector<fs::path> our_sources() {
  std::vector<fs::path> found;
  for (const char* module :
       {"util", "chunker", "crypto", "storage", "repo", "mount", "src", "tests"}) {
    if (!fs::exists(kRoot / module)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / module)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc" || extension == ".py") found.push_back(entry);
    }
  }
  return found;
}

// The anchor that readers of Markdown give a heading.
std::string anchor(const std::string& heading) {
  std::string out;
  for (const char c : heading) {
    if (c == ' ' || c == '-') out.push_back('-');
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

}  // namespace

TEST_CASE("whatever section of a document the sources cite is there") {
  static const std::regex kCited(
      R"re((docs/[a-z_-]+\.md)[,:]? \(?"([^"]+)"(?:(?: and|,) "([^"]+)")?)re");
  for (const fs::path& source : our_sources()) {
    const std::string text = flattened(text_of(source));
    for (auto it = std::sregex_iterator(text.begin(), text.end(), kCited);
         it != std::sregex_iterator(); ++it) {
      const auto headings = headings_of(kRoot / (*it)[1].str());
      for (const std::size_t group : {2U, 3U}) {
        if (!(*it)[group].matched) continue;
        INFO(source.string(), " cites ", (*it)[1].str(), ", ", (*it)[group].str());
        CHECK(headings.contains((*it)[group].str()));
      }
    }
  }
}

TEST_CASE("the links between the documents lead somewhere") {
  static const std::regex kLink(R"(\]\(([^):#]*)(#[^)]*)?\))");
  std::vector<fs::path> documents = {kRoot / "README.md", kRoot / "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs"))
    if (entry.path().extension() == ".md") documents.push_back(entry.path());
  for (const fs::path& from : documents) {
    const std::string text = text_of(from);
    for (auto it = std::sregex_iterator(text.begin(), text.end(), kLink);
         it != std::sregex_iterator(); ++it) {
      const fs::path to = (*it)[1].length() == 0 ? from : from.parent_path() / (*it)[1].str();
      INFO(from.string(), " links ", (*it)[0].str());
      REQUIRE(fs::exists(to));
      if (!(*it)[2].matched) continue;
      const auto headings = headings_of(to);
      CHECK(std::ranges::any_of(headings, [&](const std::string& heading) {
        return "#" + anchor(heading) == (*it)[2].str();
      }));
    }
  }
}

}  // namespace lagan::examples
