// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/install.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/schedule/samples.h"
#include "util/file.h"

namespace lagan {

TEST_CASE("a profile becomes a time machine in its own file, which stays what it is") {
  const Folder folder;
  std::filesystem::create_directory(folder.path() + "/dotfiles");
  const std::string real = folder.path() + "/dotfiles/home";
  folder.write("dotfiles/home", "# mine\n[profiles.home]  # and hers\nrepository = '/r'\n");
  std::filesystem::create_symlink("dotfiles/home", folder.path() + "/home.toml");
  REQUIRE(::chmod(real.c_str(), 0640) == 0);
  if (::geteuid() == 0) REQUIRE(::chown(real.c_str(), 1234, 1235) == 0);
  struct stat before {};
  REQUIRE(::stat(real.c_str(), &before) == 0);
  const Configuration loaded = folder.load();
  REQUIRE(add_time_machine(*loaded.find("home")));
  CHECK(as_text(*read_file(real, 1000)) ==
        "# mine\n[profiles.home]  # and hers\ntime-machine = true\nrepository = '/r'\n");
  CHECK(std::filesystem::is_symlink(folder.path() + "/home.toml"));
  struct stat after {};
  REQUIRE(::stat(real.c_str(), &after) == 0);
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_uid == before.st_uid);
  CHECK(after.st_gid == before.st_gid);
}

TEST_CASE("who has said that a profile is no time machine takes it back himself") {
  const Folder folder;
  const std::string text =
      "[profiles.home]\nrepository = '/r'\nsources = '/home'\ntime-machine = false\n";
  folder.write("home.toml", text);
  const auto added = add_time_machine(*folder.load().find("home"));
  REQUIRE_FALSE(added);
  CHECK(added.error().message ==
        folder.path() + "/home.toml:4: time-machine = false stands here: make it true");
  CHECK(as_text(*read_file(folder.path() + "/home.toml", 1000)) == text);
  SUBCASE("but not who inherits it") {
    folder.write("home.toml", text + "[profiles.work]\ninherit = 'home'\n");
    REQUIRE(add_time_machine(*folder.load().find("work")));
    CHECK(folder.load().problems.empty());
    CHECK(folder.load().find("work")->flag("time-machine"));
    CHECK_FALSE(folder.load().find("home")->flag("time-machine"));
  }
}

}  // namespace lagan
