// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/timers.h"

#include <doctest/doctest.h>

#include "tests/schedule/samples.h"

namespace lagan {
namespace {

Profile with(const std::string& schedule, const std::string& more = "") {
  return sample_profile("[profiles.home]\nrepository = '/r'\nsources = '/home'\nschedule = '" +
                        schedule + "'\n" + more);
}

const TimerOptions kOptions = {"/usr/bin/lagan", "", false};

}  // namespace

TEST_CASE("a profile is woken each hour and at its own times") {
  using Lines = std::vector<std::string>;
  CHECK(crontab_lines(with("hourly"), kOptions) ==
        Lines{"0 * * * * /usr/bin/lagan --quiet run home"});
  CHECK(crontab_lines(with("03:00"), kOptions) ==
        Lines{"0 * * * * /usr/bin/lagan --quiet run home"});
  CHECK(crontab_lines(with("02:30", "check.schedule = 'sun 04:15'\n"), kOptions) ==
        Lines{"0 * * * * /usr/bin/lagan --quiet run home",
              "30 2 * * * /usr/bin/lagan --quiet run home",
              "15 4 * * 0 /usr/bin/lagan --quiet run home"});
}

TEST_CASE("words in a crontab and in a unit stay what they are") {
  const TimerOptions odd = {"/opt/my lagan", "/etc/100%'.toml", true};
  CHECK(crontab_lines(with("hourly"), odd).front() ==
        "0 * * * * '/opt/my lagan' --quiet --config '/etc/100'\\%''\\''.toml' run home");
  CHECK(systemd_units(with("hourly"), odd)[0].text.find(
            "ExecStart=\"/opt/my lagan\" \"--config\" \"/etc/100%%'.toml\" \"run\" \"home\"\n") !=
        std::string::npos);
}

TEST_CASE("what starts a profile has the variables that say where everything is") {
  const TimerOptions odd = {
      "/usr/bin/lagan", "", false, {{"XDG_CONFIG_HOME", "/a $b%"}, {"LAGAN_HOST", "attic"}}};
  CHECK(crontab_lines(with("hourly"), odd).front() ==
        "0 * * * * XDG_CONFIG_HOME='/a $b'\\%'' LAGAN_HOST=attic /usr/bin/lagan --quiet run home");
  CHECK(systemd_units(with("hourly"), odd)[0].text.find(
            "Environment=\"XDG_CONFIG_HOME=/a $b%%\"\nEnvironment=\"LAGAN_HOST=attic\"\n") !=
        std::string::npos);
}

TEST_CASE("units name their profile, make up for what was missed and are the same each time") {
  const auto units = systemd_units(with("every 15m"), kOptions);
  REQUIRE(units.size() == 2);
  CHECK(units[0].name == "lagan-home.service");
  CHECK(units[1].name == "lagan-home.timer");
  CHECK(units[0].text.find("SuccessExitStatus=3 11\n") != std::string::npos);
  CHECK(units[1].text.find("OnCalendar=*-*-* *:00:00\nOnCalendar=*-*-* *:00,15,30,45:00\n"
                           "Persistent=true\n") != std::string::npos);
  CHECK(systemd_units(with("every 15m"), kOptions)[1].text == units[1].text);
}

TEST_CASE("a crontab is changed only where it is ours") {
  const std::string others = "MAILTO=me\n5 4 * * * other\n";
  const auto edit = [](const std::string& text, const std::string& profile,
                       const std::vector<std::string>& lines) {
    const auto edited = edit_crontab(text, profile, lines);
    REQUIRE(edited);
    return *edited;
  };
  const std::string once = edit(others, "home", {"0 * * * * lagan"});
  CHECK(once == others + "# lagan begin home\n0 * * * * lagan\n# lagan end home\n");
  CHECK(edit(once, "home", {"0 * * * * lagan"}) == once);
  CHECK(crontab_profiles(once) == std::vector<std::string>{"home"});
  const std::string two = edit(once, "home2", {"1 * * * * lagan"});
  CHECK(edit(edit(two, "home", {}), "home2", {}) == others);
  CHECK(edit("", "home", {}) == "");
  SUBCASE("and not at all where it is not clear how far that goes") {
    const std::string open = "# lagan begin home\n0 * * * * lagan\n";
    for (const std::string& text :
         {open + others, open + once, open + others + "# lagan begin b\n# lagan end b\n"}) {
      INFO(text);
      const auto edited = edit_crontab(text, "home", {});
      REQUIRE_FALSE(edited);
      CHECK(edited.error().message ==
            "the crontab has '# lagan begin home', and no '# lagan end home' behind it: mend it "
            "with 'crontab -e'");
      CHECK(edit_crontab(text, "other", {}) == text);
    }
  }
}

}  // namespace lagan
