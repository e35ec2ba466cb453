// SPDX-License-Identifier: Apache-2.0

// Repositories written by earlier versions must restore for ever (tests/data/README.md). The folder
// is listed, so that none is skipped.

#include <doctest/doctest.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>

#include "repo/index_loader.h"
#include "repo/snapshots.h"
#include "src/engine/restore.h"
#include "storage/open.h"
#include "tests/data/manifest.h"
#include "tests/util/temporary_folder.h"

namespace lagan::golden {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> golden_folders() {
  std::vector<fs::path> found;
  for (const auto& format : fs::directory_iterator(LAGAN_SOURCE_DIR "/tests/data")) {
    if (!format.is_directory()) continue;
    for (const auto& entry : fs::directory_iterator(format.path())) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

std::unique_ptr<Repository> open_with(const fs::path& folder, const Credential& credential) {
  std::shared_ptr<Storage> storage = *open_storage(fs::path(folder / "repository").string());
  auto repository = Repository::open(storage, credential, OpenOptions());
  INFO((repository ? "" : repository.error().message));
  REQUIRE(repository);
  CHECK((*repository)->warnings().empty());
  return *std::move(repository);
}

std::unique_ptr<Repository> open_golden(const fs::path& folder) {
  return open_with(folder, Credential::password("golden"));
}

bool has_user_xattrs(const fs::path& folder) {
  return ::lsetxattr(folder.c_str(), "user.probe", "", 0, 0) == 0;
}

// Without the lines of attributes.
std::string without_xattrs(const std::string& manifest) {
  std::string kept;
  for (std::size_t at = 0; at < manifest.size();) {
    const std::size_t end = manifest.find('\n', at) + 1;
    if (manifest[at] != ' ') kept += manifest.substr(at, end - at);
    at = end;
  }
  return kept;
}

struct Listener : Observer {
  void trouble(const std::string& path, const Error& error) override {
    told += path + ": " + error.message + "\n";
  }
  std::string told;
};

std::string restored_manifest(const Repository& repository, const StoredSnapshot& stored,
                              const std::string& target, std::string& told) {
  LocalIndex index = *LocalIndex::open("", repository.id());
  const auto loaded = load_index(repository, index);
  REQUIRE(loaded);
  CHECK(loaded->damaged.empty());
  RestoreOptions options;
  options.target = target;
  options.path_in_snapshot = stored.snapshot.paths.at(0);
  Listener listener;
  REQUIRE(restore(repository, index, stored.snapshot, options, listener));
  told = listener.told;
  return Manifest::of(target);
}

}  // namespace

TEST_CASE("every snapshot of every golden repository restores to what was saved") {
  const auto folders = golden_folders();
  REQUIRE(folders.size() >= 2);
  for (const fs::path& folder : folders) {
    CAPTURE(folder.string());
    const auto repository = open_golden(folder);
    const auto list = list_snapshots(*repository);
    REQUIRE(list);
    CHECK(list->damaged.empty());
    REQUIRE(list->snapshots.size() == 2);
    for (std::size_t i = 0; i < list->snapshots.size(); ++i) {
      CAPTURE(i);
      const TemporaryFolder target;
      const bool with_xattrs = has_user_xattrs(target.path());
      const auto expected = read_file(folder / fmt::format("manifest-{}.txt", i + 1), 1 << 20);
      REQUIRE(expected);
      std::string told;
      const std::string restored =
          restored_manifest(*repository, list->snapshots[i], target / "restored", told);
      if (with_xattrs) CHECK(told == "");
      const std::string wanted(as_text(*expected));
      CHECK((with_xattrs ? restored : without_xattrs(restored)) ==
            (with_xattrs ? wanted : without_xattrs(wanted)));

      struct stat sparse {};
      REQUIRE(::stat((target / "restored/sparse").c_str(), &sparse) == 0);
      CHECK(sparse.st_blocks * 512 < sparse.st_size / 2);
    }
  }
}

TEST_CASE("golden snapshots are known by tag and trusted, and the forgotten one is hidden") {
  for (const fs::path& folder : golden_folders()) {
    CAPTURE(folder.string());
    const auto list = list_snapshots(*open_golden(folder));
    REQUIRE(list);
    REQUIRE(list->snapshots.size() == 2);
    CHECK(list->snapshots[0].snapshot.tags == std::vector<std::string>{"one"});
    CHECK(list->snapshots[1].snapshot.tags == std::vector<std::string>{"two"});
    for (const StoredSnapshot& stored : list->snapshots) CHECK(stored.verified);
  }
}

TEST_CASE("a golden repository opens with its recovery code, and with nothing else") {
  const Bytes code = Bytes::copy_of(as_bytes("golden recovery code of 32 bytes"));
  for (const fs::path& folder : golden_folders()) {
    CAPTURE(folder.string());
    CHECK(open_with(folder, Credential::code(code))->id() == open_golden(folder)->id());
    std::shared_ptr<Storage> storage = *open_storage(fs::path(folder / "repository").string());
    const auto wrong = Repository::open(storage, Credential::password("Golden"), OpenOptions());
    REQUIRE(!wrong);
    CHECK(wrong.error().code == ErrorCode::wrong_key);
  }
}

}  // namespace lagan::golden
