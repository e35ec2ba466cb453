// SPDX-License-Identifier: Apache-2.0

// Makes the golden repositories of this version: make_golden FOLDER writes FOLDER/<name>/ for each,
// a repository with two snapshots and a manifest of each (tests/data/README.md). Run by hand, once
// a release; not by the tests. Needs a file system with holes and user attributes below /tmp.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <mutex>

#include "repo/body.h"
#include "repo/index_loader.h"
#include "repo/names.h"
#include "src/engine/backup.h"
#include "storage/open.h"
#include "tests/data/manifest.h"
#include "util/coding.h"

namespace lagan::golden {
namespace {

namespace fs = std::filesystem;

// The path that the snapshots name.
const std::string kSource = "/tmp/golden";
constexpr std::int64_t kTime = 1'700'000'000;

template <typename T>
T need(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "make_golden: {}\n", result.error().message);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void need(bool done, const std::string& what) {
  if (done) return;
  std::perror(what.c_str());
  std::exit(1);
}

// Bytes that look random and are the same on every run.
Random repeatable_random(const std::string& seed) {
  struct State {
    std::mutex mutex;
    std::uint64_t calls = 0;
  };
  return [seed, state = std::make_shared<State>()](MutableByteSpan out) {
    const std::lock_guard lock(state->mutex);
    std::string material = seed;
    append_le(material, state->calls++);
    derive_key("golden random", as_bytes(material), out);
  };
}

// Text that compresses well and repeats nowhere.
std::string some_text(std::size_t size, const std::string& seed) {
  static constexpr const char* kWords[] = {
      "salmon ", "weir ",  "river ", "\n",     "upstream ", "leap ", "tide ",   "estuary ",
      "gravel ", "spawn ", "the ",   "lagan ", "of ",       "and ",  "silver ", "return "};
  Bytes dice(size);
  derive_key("golden text", as_bytes(seed), dice.span());
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += kWords[std::to_integer<std::size_t>(dice.span()[i]) % std::size(kWords)];
  text.resize(size);
  return text;
}

std::string at(const std::string& name) { return kSource + "/" + name; }

void set_time(const std::string& path, std::int64_t seconds, long nanoseconds) {
  const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  need(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, path);
}

void write_file(const std::string& name, std::string_view content, mode_t mode = 0644) {
  const std::string path = at(name);
  {
    const File file = need(open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
    need(write_all(file.descriptor(), as_bytes(content)));
    need(::fchmod(file.descriptor(), mode) == 0, path);
  }
  set_time(path, kTime, 123'456'789);
}

void set_xattr(const std::string& name, const char* attribute, std::string_view value) {
  need(::lsetxattr(at(name).c_str(), attribute, value.data(), value.size(), 0) == 0, name);
}

void make_folder(const std::string& name, mode_t mode = 0755) {
  need(::mkdir(at(name).c_str(), 0700) == 0 && ::chmod(at(name).c_str(), mode) == 0, name);
}

void make_files() {
  make_folder("files");
  write_file("files/empty", "");
  write_file("files/hello", "hello");
  write_file("files/256 bytes, the longest inline", some_text(256, "256"));
  write_file("files/257 bytes, the shortest chunk", some_text(257, "257"));
  write_file("files/private", "secret\n", 0600);
  write_file("files/setuid", "#!/bin/true\n", 04711);
  write_file("files/read-only", "do not write\n", 0444);
  write_file("files/one-chunk", some_text(8000, "one chunk"));
  write_file("files/-begins-with-a-dash", "-");
  write_file("files/line\nbreak", "n");
  write_file("files/not-utf8-\xff\xfe", "bytes");
  write_file("files/gr\xc3\xbc\xc3\x9f dich", "UTF-8");
  write_file("files/" + std::string(200, 'n'), "long name");
  write_file("files/before-1970", "old");
  set_time(at("files/before-1970"), -2, 500'000'000);
  write_file("files/attributes", "look at my attributes");
  set_xattr("files/attributes", "user.empty", "");
  set_xattr("files/attributes", "user.long", some_text(2000, "attribute"));
  set_xattr("files/attributes", "user.short", "short\n");
  write_file("files/changes", "before");
  write_file("files/vanishes", "gone tomorrow");
}

void make_links() {
  make_folder("links");
  write_file("links/first", some_text(1000, "hard links"));
  for (const char* other : {"links/second", "files/third"})
    need(::link(at("links/first").c_str(), at(other).c_str()) == 0, other);
  const std::pair<std::string, std::string> targets[] = {{"links/relative", "../files/hello"},
                                                         {"links/dangling", "/nowhere/at all"},
                                                         {"links/long", std::string(300, 'l')}};
  for (const auto& [name, target] : targets) {
    need(::symlink(target.c_str(), at(name).c_str()) == 0, name);
    set_time(at(name), kTime - 1000, 1);
  }
}

void make_specials() {
  make_folder("specials", 01777);
  need(::mknod(at("specials/fifo").c_str(), S_IFIFO | 0640, 0) == 0, "fifo");
  need(::mknod(at("specials/socket").c_str(), S_IFSOCK | 0755, 0) == 0, "socket");
  for (const char* name : {"specials/fifo", "specials/socket"}) {
    need(::chmod(at(name).c_str(), 0640) == 0, name);
    set_time(at(name), kTime, 0);
  }
  make_folder("empty folder", 02750);
}

void make_deep() {
  std::string path = "deep";
  make_folder(path);
  for (int i = 0; i < 30; ++i) make_folder(path += fmt::format("/{}", i));
  write_file(path + "/bottom", "reached");
}

void make_sparse() {
  const File file = need(open_file(at("sparse"), O_WRONLY | O_CREAT));
  for (const std::uint64_t offset : {std::uint64_t{1} << 20, std::uint64_t{3} << 20}) {
    need(write_all_at(file.descriptor(), as_bytes(some_text(5000, "sparse")), offset));
  }
  need(::ftruncate(file.descriptor(), 5 << 20) == 0, "sparse");
  set_time(at("sparse"), kTime, 0);
}

// The folders' own times, once nothing more changes in them.
void settle_folders() {
  std::vector<std::string> folders = {kSource};
  for (const auto& entry : fs::recursive_directory_iterator(kSource))
    if (!entry.is_symlink() && entry.is_directory()) folders.push_back(entry.path());
  std::ranges::sort(folders, std::greater());
  for (const std::string& folder : folders) set_time(folder, kTime + 1, 7);
}

void change_source() {
  write_file("files/changes", "after, and longer");
  need(::unlink(at("files/vanishes").c_str()) == 0, "vanishes");
  write_file("files/appears", some_text(3000, "new"));
  need(::rename(at("links/relative").c_str(), at("links/renamed").c_str()) == 0, "renamed");
  std::string big = some_text(300'000, "big");
  big.insert(150'000, "a few words more in the middle");
  write_file("big", big);
  settle_folders();
}

class Teller : public Observer {
 public:
  void trouble(const std::string& path, const Error& error) override {
    fmt::print(stderr, "make_golden: {}: {}\n", path, error.message);
    std::exit(1);
  }
};

struct Kind {
  std::string name;
  Suite suite;
  bool small_chunks;
};

class Maker {
 public:
  Maker(const std::string& folder, const Kind& kind)
      : folder_(folder + "/" + kind.name), kind_(kind), random_(repeatable_random(kind.name)) {}

  void run();

 private:
  void make_source() const;
  SnapshotId save(const Repository& repository, const std::string& tag);
  void replace_sessions(const Repository& repository, const std::vector<SnapshotId>& snapshots);
  void fence_and_verify(const Repository& repository, const SnapshotId& snapshot);
  void forget(const Repository& repository, const SnapshotId& snapshot);
  void merge_index(const Repository& repository);
  ObjectName random_name(std::string_view folder) {
    RepositoryId id;
    random_(id.bytes);
    return names::random_name(folder, id);
  }

  const std::string folder_;
  const Kind kind_;
  const Random random_;
  Nanoseconds now_ = kTime * 1'000'000'000;
};

void Maker::make_source() const {
  fs::remove_all(kSource);
  need(::mkdir(kSource.c_str(), 0755) == 0, kSource);
  make_files();
  make_links();
  make_specials();
  make_deep();
  make_sparse();
  // With usual chunks a list node, with small ones three and one above them.
  write_file("big", some_text(kind_.small_chunks ? 300'000 : 700'000, "big"));
  make_folder("many");
  for (int i = 0; i < (kind_.small_chunks ? 1500 : 100); ++i)
    write_file(fmt::format("many/{:04}", i), fmt::format("{}\n", i));
  settle_folders();
}

SnapshotId Maker::save(const Repository& repository, const std::string& tag) {
  Teller teller;
  BackupOptions options;
  options.paths = {kSource};
  options.host = "golden";
  options.user = "golden";
  options.tags = {tag};
  options.label = "made by make_golden";
  options.readers = 1;
  options.writer.workers = 1;
  now_ += 3600 * std::int64_t{1'000'000'000};
  return need(backup(repository, options, teller)).snapshot.value();
}

// The engine's registrations tell of this machine; these do not.
void Maker::replace_sessions(const Repository& repository,
                             const std::vector<SnapshotId>& snapshots) {
  for (const SnapshotId& id : snapshots) {
    SessionMessage message;
    message.session = id;
    message.created = now_;
    message.host = "golden";
    message.program = "lagan";
    message.machine = std::string(16, 'm');
    message.boot = std::string(16, 'b');
    message.pid = 4711;
    message.pid_started = 815;
    message.pid_namespace = 4'026'531'836;
    for (const std::uint32_t beat : {0U, 1U}) {
      message.beat = beat;
      const ObjectName name = beat == 0 ? names::session(id) : names::heartbeat(id, beat);
      need(repository.storage().remove(name));
      need(repository.put_body(ObjectKind::session, name, encode(message)));
    }
  }
}

void Maker::fence_and_verify(const Repository& repository, const SnapshotId& snapshot) {
  const Mark mark{snapshot, now_, "golden", "lagan", false};
  need(repository.put_body(ObjectKind::fence, names::fence(snapshot), encode(mark)));
  need(repository.put_body(ObjectKind::verified, names::verified(snapshot), encode(mark)));
}

void Maker::forget(const Repository& repository, const SnapshotId& snapshot) {
  const Forgotten forgotten{{snapshot}, "by hand", now_, "golden", false};
  need(repository.put_signed(ObjectKind::forgotten, random_name(names::kForgotten),
                             encode(forgotten)));
}

// What a collector leaves behind: a signed segment with everything, the old ones still there, and a
// log that condemns a pack nobody has.
void Maker::merge_index(const Repository& repository) {
  LocalIndex index = need(LocalIndex::open("", repository.id()));
  Segment merged;
  merged.supersedes = need(load_index(repository, index)).live;
  merged.created = now_;
  random_(merged.session.bytes);
  need(index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    merged.packs.push_back(need(index.pack_entry(pack.name)));
    return {};
  }));
  PackId gone;
  random_(gone.bytes);
  merged.dropped = {gone};
  const std::string message =
      sign_message(repository.sealing(), ObjectKind::index_segment, "", encode(merged));
  const SealedObject object =
      seal_body(repository.sealing(), ObjectKind::index_segment, "", message);
  need(repository.put(names::segment(SegmentId{hash(object.span())}), object));

  const Condemned condemned{{gone}, {}, now_, "golden", false};
  need(repository.put_signed(ObjectKind::condemned, random_name(names::kCondemned),
                             encode(condemned)));
}

void Maker::run() {
  fs::remove_all(folder_);
  need(make_directories(folder_, 0755));
  make_source();
  std::shared_ptr<Storage> storage = need(open_storage(folder_ + "/repository"));
  CreateOptions create;
  create.suite = kind_.suite;
  create.cost = {.memory_kib = 64, .passes = 1};
  create.label = "golden";
  create.random = random_;
  create.clock = [this] { return now_; };
  if (kind_.small_chunks)
    create.chunker = {.prefilter_bits = 4, .classes = {{.below = 0, .sizes = {64, 256, 1024}}}};
  OpenOptions open;
  open.random = create.random;
  open.clock = create.clock;
  const auto repository =
      need(Repository::create(storage, Credential::password("golden"), create, open));
  const Bytes code = Bytes::copy_of(as_bytes("golden recovery code of 32 bytes"));
  need(repository->add_key(Credential::code(code), {0, 0}, "recovery"));

  std::vector<SnapshotId> snapshots;
  const auto keep_manifest = [&](int number) {
    const std::string text = Manifest::of(kSource);
    const std::string path = fmt::format("{}/manifest-{}.txt", folder_, number);
    need(replace_file(path, as_bytes(text)));
    need(::chmod(path.c_str(), 0644) == 0, path);
  };
  snapshots.push_back(save(*repository, "one"));
  keep_manifest(1);
  change_source();
  snapshots.push_back(save(*repository, "two"));
  keep_manifest(2);
  snapshots.push_back(save(*repository, "forgotten"));
  replace_sessions(*repository, snapshots);
  fence_and_verify(*repository, snapshots[1]);
  forget(*repository, snapshots[2]);
  merge_index(*repository);
  for (const auto& entry : fs::recursive_directory_iterator(folder_))
    fs::permissions(entry.path(), entry.is_directory() ? fs::perms(0755) : fs::perms(0644));
  fs::remove_all(kSource);
}

}  // namespace
}  // namespace lagan::golden

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: make_golden FOLDER\n");
    return 2;
  }
  using lagan::golden::Kind;
  const Kind kinds[] = {{"aes256-gcm", lagan::Suite::aes256_gcm, false},
                        {"chacha20-poly1305-small-chunks", lagan::Suite::chacha20_poly1305, true}};
  for (const Kind& kind : kinds) lagan::golden::Maker(argv[1], kind).run();
}
