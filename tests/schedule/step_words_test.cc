// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/step_words.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/schedule/samples.h"

namespace lagan {
namespace {

using Words = std::vector<std::string>;

std::vector<Words> words(const Profile& profile, Step step, const std::string& repository = "") {
  const auto orders =
      step_orders(profile, repository, step, "attic", some_flags(), some_environment());
  REQUIRE_MESSAGE(orders, (orders ? "" : orders.error().message));
  std::vector<Words> all;
  for (const StepOrder& order : *orders) all.push_back(order.words);
  return all;
}

}  // namespace

TEST_CASE("a backup has the flags of the profile, its tag and its sources") {
  const Profile home = sample_profile(R"(
[profiles.home]
repository = "/r"
password-file = "/p"
sources = ["/home", "/etc"]
exclude = ["*.o", "!a.o"]
exclude-caches = true
tag = "mine"
limits.limit-upload = 500
retention.keep-daily = 3
)");
  CHECK(words(home, Step::backup) ==
        std::vector<Words>{{"backup", "--exclude=*.o", "--exclude=!a.o", "--exclude-caches",
                            "--tag=mine", "--tag=profile=home", "--password-file=/p",
                            "--limit-upload=500", "--", "/home", "/etc"}});
  SUBCASE("a policy judges only what the profile saved on this machine") {
    CHECK(words(home, Step::forget) ==
          std::vector<Words>{{"forget", "--keep-daily=3", "--tag=profile=home", "--host=attic",
                              "--password-file=/p", "--limit-upload=500"}});
  }
  SUBCASE("who has no policy forgets nothing") {
    const Profile other = sample_profile("[profiles.a]\nrepository = '/r'\nsources = '/'\n");
    CHECK(words(other, Step::forget).empty());
  }
}

TEST_CASE("each repository has what is said for it, else what is said for all") {
  const Profile home = sample_profile(R"(
[profiles.home]
sources = "/home"
password-file = "/p"
limit-upload = 500
[profiles.home.repositories.disk]
repository = "/r"
[profiles.home.repositories.cloud]
repository = "s3:x"
limit-upload = 100
environment.AWS_ACCESS_KEY_ID = "me"
)");
  CHECK(words(home, Step::prune, "disk") ==
        std::vector<Words>{{"prune", "--password-file=/p", "--limit-upload=500"}});
  CHECK(words(home, Step::prune, "cloud") ==
        std::vector<Words>{{"prune", "--password-file=/p", "--limit-upload=100"}});
  const auto orders =
      step_orders(home, "cloud", Step::prune, "attic", some_flags(), some_environment());
  CHECK(orders->front().variables ==
        Variables{{"LAGAN_REPOSITORY", "s3:x"}, {"AWS_ACCESS_KEY_ID", "me"}});
}

TEST_CASE("patterns keep the order of their lines, inherited ones before own ones") {
  const Profile home = sample_profile(R"(
[profiles.base]
iexclude = ["*.tmp"]
exclude = ["base"]
[profiles.home]
inherit = "base"
repository = "/r"
sources = "/home"
iexclude = ["!keep.tmp"]
)",
                                      "home");
  const Words all = words(home, Step::backup).front();
  CHECK(Words(all.begin(), all.begin() + 3) ==
        Words{"backup", "--exclude=base", "--iexclude=!keep.tmp"});
}

TEST_CASE("each dump of a database is a snapshot of its own, before the files") {
  const Profile db = sample_profile(R"(
[profiles.db]
repository = "/r"
sources = "/etc"
tag = ["mine"]
[profiles.db.dumps.shop]
command = "pg_dump shop | cat"
filename = "shop.sql"
)");
  const auto all = words(db, Step::backup);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == Words{"backup", "--tag=profile=db", "--stdin-from-command",
                        "--stdin-filename=shop.sql", "--tag=mine", "--", "/bin/sh", "-c",
                        "pg_dump shop | cat"});
  CHECK(all[1].back() == "/etc");
}

TEST_CASE("each step may take as long as is said of it, else of all") {
  const Profile db = sample_profile(R"(
[profiles.db]
repository = "/r"
sources = "/etc"
limits.timeout = "5h"
retention.keep-daily = 1
check.timeout = "0"
[profiles.db.dumps.shop]
command = "pg_dump shop"
timeout = "90s"
[profiles.db.dumps.stock]
command = "pg_dump stock"
)");
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const auto timeouts = [&](const Profile& profile, Step step) {
    const auto orders = step_orders(profile, "", step, "attic", some_flags(), some_environment());
    REQUIRE(orders);
    std::vector<Nanoseconds> all;
    for (const StepOrder& order : *orders) all.push_back(order.timeout / kSecond);
    return all;
  };
  using Times = std::vector<Nanoseconds>;
  CHECK(timeouts(db, Step::backup) == Times{90, 5 * 3600, 5 * 3600});
  CHECK(timeouts(db, Step::forget) == Times{5 * 3600});
  CHECK(timeouts(db, Step::prune) == Times{5 * 3600});
  CHECK(timeouts(db, Step::check) == Times{0});
  const Profile patient = sample_profile("[profiles.a]\nrepository = '/r'\nsources = '/'\n");
  CHECK(timeouts(patient, Step::backup) == Times{0});
}

TEST_CASE("a list of files is as good as sources, beside dumps too") {
  const Profile db = sample_profile(R"(
[profiles.db]
repository = "/r"
files-from = "/list"
dumps.shop.command = "pg_dump shop"
)");
  const auto all = words(db, Step::backup);
  REQUIRE(all.size() == 2);
  CHECK(all[1] == Words{"backup", "--files-from=/list", "--tag=profile=db", "--"});
  SUBCASE("and dumps alone save no files") {
    const Profile alone =
        sample_profile("[profiles.db]\nrepository = '/r'\ndumps.shop.command = 'pg_dump'\n");
    CHECK(words(alone, Step::backup).size() == 1);
  }
}

TEST_CASE("what is said of one repository leaves nothing of what is said of all") {
  const Profile home = sample_profile(R"(
[profiles.home]
repository = "/main"
password-command = "pass main"
environment.A_TOKEN.command = "exit 1"
[profiles.home.repositories.offsite]
repository-file = "/location"
password-file = "/p"
environment.A_TOKEN.command = "echo own"
)");
  const auto access = repository_access(home, "offsite", some_flags(), some_environment());
  REQUIRE_MESSAGE(access, (access ? "" : access.error().message));
  CHECK(access->words == Words{"--repository-file=/location", "--password-file=/p"});
  CHECK(access->variables == Variables{{"A_TOKEN", "own"}});
}

TEST_CASE("what a profile says itself leaves nothing of what it inherits") {
  const std::string base = R"(
[profiles.base]
repository = "/main"
insecure-no-password = true
environment.A_TOKEN.file = "/nowhere"
environment.B_TOKEN.command = "exit 1"
)";
  const auto access_of = [](const Profile& profile) {
    const auto access = repository_access(profile, "", some_flags(), some_environment());
    REQUIRE_MESSAGE(access, (access ? "" : access.error().message));
    return *access;
  };
  const Profile home = sample_profile(base + R"(
[profiles.home]
inherit = "base"
repository-file = "/location"
password-file = "/p"
environment.A_TOKEN.command = "echo own"
environment.B_TOKEN = "plain"
insecure-inline-secrets = true
)",
                                      "home");
  const Access own = access_of(home);
  CHECK(own.words == Words{"--repository-file=/location", "--password-file=/p"});
  CHECK(own.variables == Variables{{"A_TOKEN", "own"}, {"B_TOKEN", "plain"}});
  SUBCASE("a flag that is taken back says nothing else") {
    const Profile again = sample_profile(
        "[profiles.base]\nrepository = '/main'\npassword-file = '/p'\n[profiles.home]\ninherit = "
        "'base'\ninsecure-no-password = false\n",
        "home");
    CHECK(access_of(again).words == Words{"--password-file=/p"});
  }
}

TEST_CASE("a password in a profile is the one that counts, whatever the environment says") {
  const Profile home = sample_profile(
      "[profiles.home]\nrepository = '/r'\npassword = 'x'\ninsecure-inline-secrets = true\n");
  const auto access = repository_access(home, "", some_flags(), some_environment());
  REQUIRE(access);
  CHECK(access->variables == Variables{{"LAGAN_REPOSITORY", "/r"},
                                       {"LAGAN_PASSWORD", "x"},
                                       {"LAGAN_PASSWORD_FILE", ""},
                                       {"LAGAN_PASSWORD_COMMAND", ""}});
}

TEST_CASE("secrets come from files, commands and credentials of systemd") {
  const Folder folder;
  std::ofstream(folder.path() + "/token") << "geheim\n";
  const Profile home = sample_profile(
      "[profiles.home]\nrepository = '/r'\nsources = '/home'\npassword-credential = 'pass'\n"
      "environment.A_TOKEN.file = '" +
      folder.path() +
      "/token'\nenvironment.B_TOKEN.command = 'echo $((6 * 7))'\n"
      "environment.C_TOKEN.credential = 'token'\n");
  const std::string path = folder.path();
  const auto with = [&](const std::string& name) -> const char* {
    return name == "CREDENTIALS_DIRECTORY" ? path.c_str() : nullptr;
  };
  const auto orders = step_orders(home, "", Step::prune, "attic", some_flags(), with);
  REQUIRE(orders);
  CHECK(orders->front().words == Words{"prune", "--password-file=" + folder.path() + "/pass"});
  CHECK(orders->front().variables == Variables{{"LAGAN_REPOSITORY", "/r"},
                                               {"A_TOKEN", "geheim"},
                                               {"B_TOKEN", "42"},
                                               {"C_TOKEN", "geheim"}});
  SUBCASE("what cannot be had is told") {
    const auto none = step_orders(home, "", Step::prune, "attic", some_flags(), some_environment());
    REQUIRE_FALSE(none);
    CHECK(none.error().message.starts_with("credential pass: systemd has given none"));
  }
}

}  // namespace lagan
