# SPDX-License-Identifier: Apache-2.0
"""Making a repository and opening it: locations, passwords, exit codes 10 and 12, global flags."""

import json
import os
import unittest

from helpers import QUICK_KEY, Fresh, Repository, read, write

WRONG = "not the password"


class Init(Repository):
    def setUp(self):
        self.prepare_folder()

    def test_makes_a_repository_and_says_where(self):
        output = self.run_lagan("init", *QUICK_KEY)
        self.assertRegex(output, rf"\Acreated repository [0-9a-f]{{8}} at {self.repository}\n")
        self.assertIn("Without the password nothing can be restored", output)
        self.assertEqual(self.json("snapshots"), [])

    def test_says_it_in_json(self):
        message = self.json("init", *QUICK_KEY)
        self.assertEqual(message["message_type"], "initialized")
        self.assertEqual(message["repository"], self.repository)
        self.assertRegex(message["id"], r"\A[0-9a-f]{32}\Z")
        self.assertNotIn("recovery_code", message)

    def test_a_second_one_at_the_same_place_is_refused(self):
        self.run_lagan("init", *QUICK_KEY)
        before = self.stored()
        self.refuse("init", *QUICK_KEY,
                    saying=f"there is a repository at {self.repository} already")
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.json("snapshots"), [])

    def test_nothing_is_left_when_it_is_refused(self):
        self.refuse("init", "--kdf-memory", "1", saying="--kdf-memory")
        self.refuse("init", "--cipher", "rot13", saying="--cipher")
        self.refuse("init", *QUICK_KEY, env={"LAGAN_PASSWORD": ""}, saying="password is empty")
        self.assertFalse(os.path.exists(self.repository))

    def test_the_recovery_code_opens_it(self):
        code = self.json("init", *QUICK_KEY, "--recovery")["recovery_code"]
        self.assertEqual(self.json("snapshots", env={"LAGAN_PASSWORD": code}), [])
        shouted = code.upper().replace("-", " ")
        self.assertEqual(self.json("snapshots", env={"LAGAN_PASSWORD": shouted}), [])

    def test_each_cipher_works(self):
        os.mkdir(self.source)
        write(self.path("file"), os.urandom(10_000))
        for cipher in ("aes256-gcm", "chacha20-poly1305"):
            here = {"LAGAN_REPOSITORY": os.path.join(self.folder, cipher)}
            self.run_lagan("init", *QUICK_KEY, "--cipher", cipher, env=here)
            self.backup(env=here)
            self.run_lagan("check", "--read-data", env=here)
            restored = self.restore(env=here)
            self.assertEqual(read(restored + "/file"), read(self.path("file")))

    def test_an_empty_password_must_be_asked_for(self):
        self.run_lagan("init", *QUICK_KEY, "--insecure-no-password")
        self.assertEqual(self.json("snapshots", "--insecure-no-password"), [])
        self.run_lagan("snapshots", code=12)
        self.refuse("snapshots", env={"LAGAN_PASSWORD": ""}, saying="--insecure-no-password")


class Passwords(Fresh):
    """The repository's password is `first`."""

    def setUp(self):
        super().setUp()
        del self.environment["LAGAN_PASSWORD"]
        self.right = os.path.join(self.folder, "right")
        self.wrong = os.path.join(self.folder, "wrong")
        write(self.right, "first\n")
        write(self.wrong, WRONG + "\n")
        # From what wins to what loses, each with the right password and with a wrong one.
        self.sources = [
            (self.flags("--password-command", "echo first"),
             self.flags("--password-command", f"echo {WRONG}")),
            (self.flags("--password-file", self.right), self.flags("-p", self.wrong)),
            (self.variable("LAGAN_PASSWORD_COMMAND", f"cat {self.right}"),
             self.variable("LAGAN_PASSWORD_COMMAND", f"cat {self.wrong}")),
            (self.variable("LAGAN_PASSWORD_FILE", self.right),
             self.variable("LAGAN_PASSWORD_FILE", self.wrong)),
            (self.variable("LAGAN_PASSWORD", "first"), self.variable("LAGAN_PASSWORD", WRONG)),
        ]

    @staticmethod
    def flags(*words):
        return words, {}

    @staticmethod
    def variable(name, value):
        return (), {name: value}

    def open_with(self, given, code):
        words = [word for flags, _ in given for word in flags]
        variables = {name: value for _, env in given for name, value in env.items()}
        self.run_lagan("snapshots", *words, env=variables, code=code)

    def test_each_source_opens(self):
        for right, wrong in self.sources:
            self.open_with([right], code=0)
            self.open_with([wrong], code=12)

    def test_command_wins_over_file_over_environment(self):
        for i, (right, wrong) in enumerate(self.sources):
            self.open_with([right] + [loser for _, loser in self.sources[i + 1:]], code=0)
            self.open_with([wrong] + [loser for loser, _ in self.sources[i + 1:]], code=12)

    def test_one_line_end_is_stripped(self):
        for content, code in (("first", 0), ("first\n", 0), ("first\r\n", 0), ("first\n\n", 12),
                              ("first \n", 12), ("\nfirst\n", 12)):
            write(self.right, content)
            self.run_lagan("snapshots", "-p", self.right, code=code)

    def test_a_wrong_one_is_told_in_one_sentence(self):
        self.refuse("snapshots", code=12, env={"LAGAN_PASSWORD": WRONG}, saying="wrong password")
        self.assertNotIn(WRONG, self.errors)
        self.run_lagan("snapshots", "--json", code=12, env={"LAGAN_PASSWORD": WRONG})
        message = json.loads(self.errors)
        self.assertEqual((message["message_type"], message["code"]), ("exit_error", 12))

    def test_a_wrong_one_reads_and_writes_nothing(self):
        before = self.stored()
        for words in (("backup", self.source), ("restore", "latest", "-t", self.folder + "/out"),
                      ("check",), ("ls", "latest")):
            self.refuse(*words, code=12, env={"LAGAN_PASSWORD": WRONG}, saying="wrong password")
        self.assertEqual(self.stored(), before)
        self.assertFalse(os.path.exists(self.folder + "/out"))

    def test_empty_ones_are_refused_wherever_they_come_from(self):
        write(self.right, "\n")
        for given in (self.flags("--password-command", "true"), self.flags("-p", self.right),
                      self.variable("LAGAN_PASSWORD", "")):
            words, variables = given
            self.refuse("snapshots", *words, env=variables, saying="password is empty")

    def test_what_cannot_be_had_is_told(self):
        self.refuse("snapshots", "--password-command", "exit 3", saying="status 3")
        self.refuse("snapshots", "-p", self.folder + "/none", saying=self.folder + "/none")
        write(self.right, "x" * 65_537)
        self.refuse("snapshots", "-p", self.right, saying="64 KiB")

    def test_without_a_terminal_nobody_is_asked(self):
        self.refuse("snapshots", start_new_session=True, saying="LAGAN_PASSWORD_FILE")


class Location(Fresh):
    def test_where_nothing_is_the_code_is_10(self):
        nowhere = {"LAGAN_REPOSITORY": os.path.join(self.folder, "nowhere")}
        for words in (("snapshots",), ("backup", self.source), ("check",), ("key", "list"),
                      ("restore", "latest", "-t", self.folder + "/out")):
            self.refuse(*words, code=10, env=nowhere,
                        saying="there is no repository at " + nowhere["LAGAN_REPOSITORY"])
        self.assertFalse(os.path.exists(nowhere["LAGAN_REPOSITORY"]))
        self.run_lagan("snapshots", "--json", code=10, env=nowhere)
        self.assertEqual(json.loads(self.errors)["code"], 10)

    def test_flags_win_over_the_environment(self):
        right, wrong = (os.path.join(self.folder, name) for name in ("right", "wrong"))
        write(right, self.repository + "\n")
        write(wrong, self.folder + "/nowhere\n")
        nowhere = self.folder + "/nowhere"
        for words, variables in (
                (("-r", self.repository, "--repository-file", wrong),
                 {"LAGAN_REPOSITORY": nowhere, "LAGAN_REPOSITORY_FILE": wrong}),
                (("--repository-file", right),
                 {"LAGAN_REPOSITORY": nowhere, "LAGAN_REPOSITORY_FILE": wrong}),
                ((), {"LAGAN_REPOSITORY": self.repository, "LAGAN_REPOSITORY_FILE": wrong}),
                ((), {"LAGAN_REPOSITORY": "", "LAGAN_REPOSITORY_FILE": right})):
            self.run_lagan("snapshots", *words, env=variables)

    def test_it_has_several_spellings(self):
        for location in ("local:" + self.repository, "file://" + self.repository,
                         self.repository + "/", os.path.relpath(self.repository)):
            self.run_lagan("snapshots", "-r", location)

    def test_it_must_be_named_and_of_a_known_kind(self):
        self.refuse("snapshots", env={"LAGAN_REPOSITORY": ""}, saying="LAGAN_REPOSITORY")
        self.refuse("snapshots", "-r", "gopher://example.org/x", saying="gopher")
        self.refuse("snapshots", "-r", "file://host/path", saying="file:///path")

    def change_boot_record(self, change):
        path = os.path.join(self.repository, "lagan.repo")
        os.chmod(path, 0o600)
        write(path, change(read(path)))

    def test_a_newer_format_is_refused_by_name(self):
        self.change_boot_record(lambda old: old.replace(b"format 1\n", b"format 2\n"))
        before = self.stored()
        for words in (("snapshots",), ("backup", self.source), ("check",)):
            self.refuse(*words, saying="newer format")
        self.refuse("init", saying="already")
        self.assertEqual(self.stored(), before)

    def test_a_damaged_boot_record_is_refused(self):
        self.change_boot_record(lambda old: old[:-1] + bytes([old[-1] ^ 1]))
        self.refuse("snapshots", saying="lagan.repo")


class GlobalFlags(Fresh):
    def test_they_stand_before_and_behind_the_command(self):
        place = ("-r", self.repository)
        here = {"LAGAN_REPOSITORY": self.folder + "/nowhere"}
        self.assertEqual(self.run_lagan(*place, "snapshots", "--json", env=here), "[]\n")
        self.assertEqual(self.run_lagan("--json", "snapshots", *place, env=here), "[]\n")
        self.assertEqual(self.run_lagan("-q", "backup", self.source, *place, env=here), "")
        self.assertEqual(self.run_lagan("backup", self.source, "-q", *place, env=here), "")
        self.assertEqual(len(self.snapshots()), 2)

    def test_what_is_not_understood_is_told_with_a_way_out(self):
        for words in (("frobnicate",), ("backup", "--nonsense"), ("backup", "--tag"),
                      ("restore",)):
            self.refuse(*words, saying="--help")
        self.refuse("--pack-size", "many", "snapshots", saying="whole number")
        self.run_lagan("backup", "--json", "--nonsense", code=1)
        self.assertEqual(json.loads(self.errors)["message_type"], "exit_error")

    def test_version_and_help_need_no_repository(self):
        nothing = {"LAGAN_REPOSITORY": "", "LAGAN_PASSWORD": ""}
        self.assertRegex(self.run_lagan("--version", env=nothing), r"\Alagan \d+\.\d+\.\d+")
        self.assertIn("backup", self.run_lagan("--help", env=nothing))
        self.assertIn("--exclude-caches", self.run_lagan("backup", "--help", env=nothing))

    def test_restics_words_for_locks_are_accepted(self):
        self.run_lagan("--no-lock", "--retry-lock", "5m", "snapshots")
        self.assertIn("no locks", self.run_lagan("unlock"))


if __name__ == "__main__":
    unittest.main()
