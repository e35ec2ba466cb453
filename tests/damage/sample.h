// SPDX-License-Identifier: Apache-2.0
#pragma once

// A source folder that changes from backup to backup, and what a restore makes of it: shared by the
// damage and crash tests.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "repo/index_loader.h"
#include "src/engine/backup.h"
#include "src/engine/check.h"
#include "src/engine/restore.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"

namespace lagan {

// Everything below a folder by relative path: kind, mode, content, attribute.
using FolderContent = std::map<std::string, std::string>;

inline std::string file_content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string attribute_of(const std::filesystem::path& path) {
  std::string value(64, '\0');
  const ssize_t size = ::lgetxattr(path.c_str(), "user.note", value.data(), value.size());
  return size < 0 ? std::string() : value.substr(0, static_cast<std::size_t>(size));
}

inline FolderContent content_of(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  FolderContent content;
  if (!fs::exists(folder)) return content;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status {};
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    std::string text = fmt::format("{:o} ", status.st_mode);
    if (S_ISREG(status.st_mode)) {
      text += fmt::format("{} {} ", status.st_mtim.tv_sec, status.st_nlink);
      text += attribute_of(entry.path()) + ' ' + file_content(entry.path());
    }
    if (S_ISLNK(status.st_mode)) text += fs::read_symlink(entry.path()).string();
    content["/" + fs::relative(entry.path(), folder).string()] = text;
  }
  return content;
}

inline void write_file(const std::filesystem::path& path, std::size_t size, std::uint64_t seed) {
  std::filesystem::create_directories(path.parent_path());
  const Bytes bytes = random_content(size, seed);
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}

// The folder as it is at the `generation`th backup (from 0): nested folders, a file of many chunks,
// inline ones, links of both kinds, an attribute where the file system has them.
inline void write_source(const std::filesystem::path& folder, std::uint64_t generation) {
  namespace fs = std::filesystem;
  if (generation == 0) {
    for (std::uint64_t i = 0; i < 12; ++i) {
      write_file(folder / "many" / fmt::format("file{}", i), 500 + i * 1500, i);
      write_file(folder / "tiny" / fmt::format("note{}", i), i * 9, 100 + i);
    }
    write_file(folder / "a/b/c/d/deep", 3000, 200);
    write_file(folder / "big", 3'000'000, 201);
    write_file(folder / "twin1", 20'000, 202);
    fs::create_hard_link(folder / "twin1", folder / "twin2");
    fs::create_directories(folder / "empty");
    fs::create_symlink("a/b", folder / "link");
    std::ofstream(folder / "text") << std::string(30'000, 'x');
    static_cast<void>(::lsetxattr((folder / "text").c_str(), "user.note", "remember", 8, 0));
    return;
  }
  // Somewhere in the middle, so that most of it is still the same content.
  std::fstream big(folder / "big", std::ios::in | std::ios::out | std::ios::binary);
  big.seekp(static_cast<std::streamoff>(100'000 * generation));
  big << as_text(random_content(5000, 300 + generation));
  big.close();
  write_file(folder / "many" / fmt::format("new{}", generation), 9000, 310 + generation);
  write_file(folder / "a/b" / fmt::format("other{}", generation), 150, 320 + generation);
  fs::remove(folder / "tiny" / fmt::format("note{}", generation));
}

class Troubles final : public Observer {
 public:
  void trouble(const std::string& path, const Error& error) override {
    const MutexLock lock(mutex_);
    paths_.insert(path);
    text_ += path + ": " + error.message + "\n";
  }
  std::set<std::string> paths() const {
    const MutexLock lock(mutex_);
    return paths_;
  }
  std::string text() const {
    const MutexLock lock(mutex_);
    return text_;
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> paths_ GUARDED_BY(mutex_);
  std::string text_ GUARDED_BY(mutex_);
};

// Packs with little more room than a block needs, so that a little data makes several.
inline BackupOptions small_backup(const std::filesystem::path& source) {
  BackupOptions options;
  options.paths = {source};
  options.host = "attic";
  options.writer.data_pack_bytes = std::size_t{4} << 20;
  return options;
}

struct Checked {
  Result<CheckResult> result;
  std::vector<Finding> findings;

  bool is_clean() const { return result && result->errors == 0; }
  bool names(const std::string& object) const {
    return std::ranges::any_of(findings, [&](const Finding& finding) {
      return finding.severity != Severity::note &&
             (finding.where.find(object) != std::string::npos ||
              finding.what.find(object) != std::string::npos);
    });
  }
  std::string text() const {
    std::string text = result ? "" : result.error().message + "\n";
    for (const Finding& finding : findings) text += finding.where + ": " + finding.what + "\n";
    return text;
  }
};

inline Checked check_all(const Repository& repository, bool read_data = true) {
  CheckOptions options;
  options.read.kind = read_data ? ReadSubset::Kind::all : ReadSubset::Kind::none;
  Troubles observer;
  std::vector<Finding> findings;
  auto result = check(repository, options, observer,
                      [&](const Finding& finding) { findings.push_back(finding); });
  return {std::move(result), std::move(findings)};
}

// What restoring the folder `source` of a snapshot gives, and what was in trouble (paths below it).
struct Restored {
  FolderContent content;
  std::set<std::string> troubles;
  std::string text;
};

inline Restored restore_all(const Repository& repository, const Snapshot& snapshot,
                            const std::string& source) {
  Restored restored;
  const TemporaryFolder target;
  RestoreOptions options;
  options.target = target / "out";
  options.path_in_snapshot = source;
  options.threads = 2;
  Troubles observer;
  auto index = LocalIndex::open("", repository.id());
  REQUIRE(index);
  if (const auto loaded = load_index(repository, *index); !loaded) {
    restored.text = loaded.error().message;
    restored.troubles = {""};
    return restored;
  }
  const auto result = restore(repository, *index, snapshot, options, observer);
  restored.content = content_of(target / "out");
  restored.troubles = observer.paths();
  restored.text = observer.text();
  if (!result) {
    restored.text += result.error().message;
    restored.troubles.insert("");
  }
  return restored;
}

}  // namespace lagan
