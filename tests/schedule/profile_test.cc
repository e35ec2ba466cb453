// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/profile.h"

#include <doctest/doctest.h>

#include <map>

#include "tests/schedule/samples.h"

namespace lagan {

TEST_CASE("a profile has its values and knows where each stands") {
  Folder folder;
  folder.write("home.toml", R"(
[profiles.home]
repository = "/srv/backup"
sources = ["/home/anna", "/etc"]
schedule = "hourly"
limit-upload = 500
retention.keep-daily = 30
)");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  const Profile* home = loaded.find("home");
  REQUIRE(home != nullptr);
  CHECK(home->text("repository") == "/srv/backup");
  CHECK(home->list("sources") == std::vector<std::string>{"/home/anna", "/etc"});
  CHECK(home->text("limit-upload") == "500");
  CHECK(home->text("retention.keep-daily") == "30");
  CHECK(home->find("retention.keep-daily")->origin.line == 7);
  CHECK(home->schedule()->text() == "hourly");
  CHECK(home->is_complete());
  SUBCASE("who has a retention is pruned once a week") {
    CHECK(home->schedule("prune.schedule")->text() == "weekly");
    CHECK(home->find("prune.schedule")->origin.text() == "default");
    CHECK_FALSE(home->schedule("check.schedule"));
  }
}

TEST_CASE("a profile has what it inherits, and the last word") {
  Folder folder;
  folder.write("base.toml", R"(
[profiles.base]
repository = "/srv/backup"
exclude = ["*.o"]
tag = "base"
)");
  folder.write("home.toml", R"(
[profiles.home]
inherit = "base"
sources = "/home"
tag = ["mine"]
)");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  const Profile& home = *loaded.find("home");
  CHECK(home.text("repository") == "/srv/backup");
  CHECK(home.list("tag") == std::vector<std::string>{"mine"});
  CHECK(home.find("exclude")->profile == "base");
  CHECK(home.find("exclude")->origin.line == 4);
  SUBCASE("but not of itself") {
    folder.write("base.toml", "[profiles.base]\ninherit = 'home'\n");
    const Configuration circle = folder.load();
    REQUIRE(circle.problems.size() >= 1);
    CHECK(circle.problems[0].find("inherits from itself") != std::string::npos);
  }
}

TEST_CASE("variables of the environment are replaced, but not in commands") {
  Folder folder;
  folder.write("home.toml", R"(
[profiles.home]
sources = ["${HOME}/documents", "${OTHER:-/srv}", "/a$$b$c", "~/x"]
password-command = "pass ${HOME}"
repository = "/r"
)");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  CHECK(loaded.find("home")->list("sources") ==
        std::vector<std::string>{"/home/anna/documents", "/srv", "/a$b$c", "/home/anna/x"});
  CHECK(loaded.find("home")->text("password-command") == "pass ${HOME}");
}

TEST_CASE("a mistake is told with file, line, key and what was expected") {
  Folder folder;
  const struct {
    const char* text;
    const char* problem;
  } cases[] = {
      {"[profiles.home]\nexlude = ['a']\n",
       "p.toml:2: profiles.home.exlude: there is no such key; did you mean 'exclude'?"},
      {"[profiles.home]\n\nkeep-daily = 3\n",
       "p.toml:3: profiles.home.keep-daily: there is no such key; did you mean "
       "'retention.keep-daily'?"},
      {"[profiles.home.retention]\nkeep-daly = 3\n",
       "p.toml:2: profiles.home.retention.keep-daly: there is no such key; did you mean "
       "'retention.keep-daily'?"},
      {"[profiles.home.retention]\nkeep-daily = 'x'\n",
       "p.toml:2: profiles.home.retention.keep-daily: expected a number, not 'x'"},
      {"[profiles.home]\nrepository = 3\n",
       "p.toml:2: profiles.home.repository: expected a text in quotes, not '3'"},
      {"[profiles.home]\nlimit-upload = true\n",
       "p.toml:2: profiles.home.limit-upload: expected a text in quotes or a number, not 'true'"},
      {"[profiles.home]\nrepository = ['a', 'b']\n",
       "p.toml:2: profiles.home.repository: expected a text in quotes, not a list"},
      {"[profiles.home]\ntime-machine = 'yes'\n",
       "p.toml:2: profiles.home.time-machine: expected true or false, not 'yes'"},
      {"[profiles.home]\nrepository = '${NO}'\n",
       "p.toml:2: profiles.home.repository: the environment has no NO; set it, or write "
       "${NO:-something}"},
      {"[profiles.home]\nrepository = '${NO'\n",
       "p.toml:2: profiles.home.repository: '${' has no '}'; a dollar is written $$"},
      {"[profiles.home]\npassword = 'x'\n",
       "p.toml:2: profiles.home.password: expected no password in this file: use password-file, "
       "password-command or password-credential, or allow it with insecure-inline-secrets = true"},
      {"[profiles.home.environment]\nAWS_SECRET_ACCESS_KEY = 'x'\n",
       "p.toml:2: profiles.home.environment.AWS_SECRET_ACCESS_KEY: expected no secret in this "
       "file: use environment.AWS_SECRET_ACCESS_KEY.file, "
       "environment.AWS_SECRET_ACCESS_KEY.command "
       "or environment.AWS_SECRET_ACCESS_KEY.credential, or allow it with insecure-inline-secrets "
       "= "
       "true"},
      {"[profiles.home.environment]\nRCLONE_CONFIG_BOX_PASS = 'x'\n",
       "p.toml:2: profiles.home.environment.RCLONE_CONFIG_BOX_PASS: expected no secret in this "
       "file: use environment.RCLONE_CONFIG_BOX_PASS.file, "
       "environment.RCLONE_CONFIG_BOX_PASS.command or "
       "environment.RCLONE_CONFIG_BOX_PASS.credential, or allow it with insecure-inline-secrets = "
       "true"},
      {"[profiles.home]\nsources = '/'\n",
       "p.toml:1: profiles.home.repository: expected the location of a repository"},
      {"[profiles.home]\nrepository = '/r'\nschedule = 'hourly'\n",
       "p.toml:1: profiles.home.sources: expected what to back up"},
      {"[profiles.home]\ninherit = 'nobody'\n",
       "p.toml:2: profiles.home.inherit: there is no profile 'nobody'"},
      {"[profiles.home]\nsources = 'documents'\nrepository = '/r'\n",
       "p.toml:2: profiles.home.sources: expected a path that begins with / or ~/, not "
       "'documents'"},
      {"[profiles.home.limits]\nnice = 20\n",
       "p.toml:2: profiles.home.limits.nice: expected -20 to 19, not 20"},
      {"[profiles.home.hooks]\non-failure = 'cry'\n",
       "p.toml:2: profiles.home.hooks.on-failure: expected one of stop, continue, not 'cry'"},
      {"[home]\nrepository = 'a'\n", "p.toml:1: 'home': expected only tables like [profiles.home]"},
      {"profiles.home = 3\n", "p.toml:1: profiles.home: expected a table [profiles.home]"},
      {"[profiles.home]\nwhen = 12:00:00\n",
       "p.toml:2: profiles.home.when: expected a text in quotes, a whole number, true or false, or "
       "a list of these"},
      {"[profiles.'a.b']\n", "p.toml:1: 'a.b': names consist of letters, digits, '-' and '_'"},
      {"[profiles.home]\nsources = [['a']]\n",
       "p.toml:2: profiles.home.sources: expected a text in quotes, a whole number, true or false, "
       "or a list of these"},
      {"[profiles.home]\nrepository-file = '/l'\nrepository = '/r'\n",
       "p.toml:2: profiles.home.repository-file: expected only one of repository and "
       "repository-file"},
      {"[profiles.home.environment]\nX.file = '/x'\nX.command = 'x'\n",
       "p.toml:2: profiles.home.environment.X.file: expected only one of environment.X.command and "
       "environment.X.file"},
      {"[profiles.home]\nsources = '/'\ninsecure-inline-secrets = []\nrepository = '/r'\n",
       "p.toml:3: profiles.home.insecure-inline-secrets: expected true or false, not a list"},
      {"[profiles.home]\ndumps.shop.command = 'x'\n",
       "p.toml:1: profiles.home.repository: expected the location of a repository"},
      {"[profiles.home]\ntag = \"a\\u0000b\"\n",
       "p.toml:2: profiles.home.tag: a text cannot hold a NUL"},
      {"[profiles.home]\ntag = ''\n",
       "p.toml:2: profiles.home.tag: expected a text that is not empty"},
      {"[profiles.home]\nexclude = ['*.o', '${NONE:-}']\n",
       "p.toml:2: profiles.home.exclude: expected a text that is not empty"},
      {"[profiles.home]\nretention.keep-daily = ''\n",
       "p.toml:2: profiles.home.retention.keep-daily: expected a text that is not empty"},
      {"[profiles.home]\nrepository = '${NONE:-}'\n",
       "p.toml:2: profiles.home.repository: expected a text that is not empty"},
      {"[profiles.home]\nrepositories.a.repository = 'davs://anna:x@h/p'\n",
       "p.toml:2: profiles.home.repositories.a.repository: expected no password in this location: "
       "use repository-file, or the variables that its service takes, or allow it with "
       "insecure-inline-secrets = true"},
      {"[profiles.home]\nnotify.url = 'hc.example.com/geheim'\n",
       "p.toml:2: profiles.home.notify.url: expected a URL that begins with https:// or http://"},
      {"[profiles.home]\nnotify.url = 'https:///geheim'\n",
       "p.toml:2: profiles.home.notify.url: expected a URL that begins with https:// or http://"},
      {"[profiles.home]\nnotify.mail = ''\n",
       "p.toml:2: profiles.home.notify.mail: expected a text that is not empty"},
      {"[profiles.home]\nretention.keep-daily = 0\n",
       "p.toml:1: profiles.home.retention: expected something to keep, as keep-daily = 7"},
  };
  for (const auto& each : cases) {
    INFO(std::string(each.text));
    folder.write("p.toml", each.text);
    CHECK(folder.problem() == each.problem);
  }
  folder.write("p.toml", "[profiles.home]\nrepository = 'a\n");
  CHECK(folder.problem().starts_with("p.toml:2: this is no TOML: "));
}

TEST_CASE("files that profiles name and that are not there are told, but are no mistake") {
  Folder folder;
  folder.write("list", "");
  folder.write("p.toml", "[profiles.base]\nfiles-from = ['" + folder.path() +
                             "/list', '-', '/no/list']\n" + "environment.A_TOKEN.file = '" +
                             folder.path() + "/list/token'\n" +
                             "log.file = '/no/log'\nrepository = '/r'\n" +
                             "[profiles.home]\ninherit = 'base'\nexclude = ['/no/such']\n");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  const std::string file = folder.path() + "/p.toml";
  CHECK(missing_files(loaded, some_flags()) ==
        std::vector<std::string>{
            file + ":3: profiles.base.environment.A_TOKEN.file: there is no file '" +
                folder.path() + "/list/token'",
            file + ":2: profiles.base.files-from: there is no file '/no/list'"});
}

TEST_CASE("two profiles of one name in one folder are a mistake") {
  Folder folder;
  folder.write("a.toml", "[profiles.home]\n");
  folder.write("b.toml", "\n[profiles.home]\n");
  CHECK(folder.problem().starts_with(
      "b.toml:2: profiles.home: there is another profile of this name at "));
}

TEST_CASE("secrets may stand in the file of somebody who says so") {
  Folder folder;
  folder.write("p.toml", "[profiles.home]\npassword = 'x'\ninsecure-inline-secrets = true\n");
  CHECK(folder.load().problems.empty());
}

TEST_CASE("a location is shown without the passwords in it") {
  for (const auto& [location, shown] : std::map<std::string, std::string>{
           {"/srv/a:b@c", "/srv/a:b@c"},
           {"sftp://anna@host/path", "sftp://anna@host/path"},
           {"davs://anna:x@y@host:80/a@b", "davs://anna:***@host:80/a@b"},
           {"s3:https://id:key@host/b", "s3:https://id:***@host/b"},
           {"s3+https://:key@host", "s3+https://:***@host"},
           {"s3+https://id:k%2Fe%40y@host/b", "s3+https://id:***@host/b"},
           {"hotcold:?hot=s3+https://a:b@h/p&cold=davs://c:d@h",
            "hotcold:?hot=s3+https://a:***@h/p&cold=davs://c:***@h"},
           {"hotcold:?hot=/a%2Fb&cold=davs%3A%2F%2Fc:d%40h",
            "hotcold:?hot=/a/b&cold=davs://c:***@h"},
           {"hotcold:?hot=/a%2Fb&cold=/c", "hotcold:?hot=/a%2Fb&cold=/c"}})
    CHECK(without_passwords(location) == shown);
}

TEST_CASE("a policy may take back what it inherits, if something is left") {
  Folder folder;
  folder.write("p.toml",
               "[profiles.base]\nretention.keep-daily = 7\n[profiles.home]\ninherit = 'base'\n"
               "retention.keep-daily = 0\nretention.keep-time-machine = true\n");
  CHECK(folder.load().problems.empty());
}

TEST_CASE("profiles whose metrics go into one file know of each other") {
  Folder folder;
  folder.write("p.toml",
               "[profiles.a]\nnotify.metrics-file = '/m'\n[profiles.b]\ninherit = 'a'\n"
               "[profiles.c]\nnotify.metrics-file = '/n'\n[profiles.d]\n");
  const Configuration loaded = folder.load();
  CHECK(loaded.sharing_metrics(*loaded.find("b")) == std::vector<std::string>{"a"});
  CHECK(loaded.sharing_metrics(*loaded.find("c")).empty());
  CHECK(loaded.sharing_metrics(*loaded.find("d")).empty());
}

TEST_CASE("the preset of a time machine stands behind what the profile says") {
  Folder folder;
  folder.write("p.toml",
               "[profiles.home]\nrepository = '/r'\nsources = '/home'\ntime-machine = true\n"
               "prune.schedule = '04:00'\n");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  const Profile& home = *loaded.find("home");
  CHECK(home.text("schedule") == "hourly");
  CHECK(home.flag("retention.keep-time-machine"));
  CHECK(home.text("prune.schedule") == "04:00");
  CHECK(home.find("schedule")->origin.text() == "time-machine");
}

TEST_CASE("a profile that nobody has is told with the one that was meant") {
  Folder folder;
  folder.write("p.toml", "[profiles.home]\n[profiles.server]\n");
  const Configuration loaded = folder.load();
  CHECK(loaded.get("hom").error().message == "no profile is called 'hom'; did you mean 'home'?");
  CHECK(loaded.get("quite else").error().message ==
        "no profile is called 'quite else'; there is home, server");
}

TEST_CASE("repositories and dumps are found by their tables") {
  Folder folder;
  folder.write("p.toml", R"(
[profiles.db.repositories.disk]
repository = "/r"
[profiles.db.repositories.cloud]
repository = "s3:x"
limit-upload = 100
[profiles.db.dumps.shop]
command = "pg_dump ${SHOP}"
)");
  const Configuration loaded = folder.load();
  CHECK(loaded.problems.empty());
  const Profile& db = *loaded.find("db");
  CHECK(db.repositories() == std::vector<std::string>{"cloud", "disk"});
  CHECK(db.tables("dumps") == std::vector<std::string>{"shop"});
  CHECK(db.is_complete());
}

}  // namespace lagan
