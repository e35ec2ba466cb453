# SPDX-License-Identifier: Apache-2.0
"""What people and scripts do that come from other tools, or have a bad day: words behind --, flags that
stand twice, variables that are empty, output that is asked for quietly."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from helpers import Fresh, Repository, read, tree, write


class Words(Fresh):
    def test_behind_two_dashes_all_are_plain(self):
        for name in ("first", "-q", "--json", "-n"):
            write(self.path(name), name)
        snapshot = self.backup("first", "--", "-q", "--json", "-n", cwd=self.source)
        self.assertEqual(tree(self.restore(snapshot)), tree(self.source))
        self.assertIn("/-q", self.run_lagan("find", "--snapshot", snapshot, "--", "-q"))
        self.refuse("backup", "--", saying="name a path")

    def test_of_a_flag_that_stands_twice_the_last_counts(self):
        write(self.path("file"), "x")
        self.backup()
        self.assertEqual(len(self.json("snapshots", "-r", "/nonexistent", "-r", self.repository)), 1)
        self.run_lagan("forget", "--keep-last=1", "--keep-last=5", "-n")

    def test_an_empty_value_is_no_value(self):
        self.refuse("snapshots", "-r", "", saying="--repo")
        self.refuse("backup", "--explain", "", self.source, saying="--explain")
        self.refuse("check", "--read-data-subset", "", saying="empty value")
        self.refuse("snapshots", "--latest", "", saying="--latest")
        self.assertEqual(self.snapshots(), [])

    def test_what_other_tools_have_is_explained(self):
        self.refuse("backup", "--parent", "abc", self.source, saying="from the cache")
        self.refuse("backup", "--with-atime", self.source, saying="access times are not kept")
        self.refuse("backup", "--group-by", "host", self.source, saying="groups snapshots")
        self.refuse("rebuild-index", saying="lagan repair index")
        self.refuse("prune", "--repack-small", saying="chooses")
        self.refuse("snapshots", env={"LAGAN_REPOSITORY": "", "RESTIC_REPOSITORY": "/x"},
                    saying="RESTIC_REPOSITORY is not read")

    def test_nonsense_is_refused(self):
        for words in (("snapshots", "--latest", "0"), ("snapshots", "--latest", "-3"),
                      ("backup", "--time", "2020-01-01 10:00:60", self.source)):
            self.run_lagan(*words, code=1)
            self.assertEqual(len(self.errors.splitlines()), 1, self.errors)


class Quiet(Repository):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prepare()
        os.mkdir(cls.source)
        write(cls.path("file"), "content")
        cls.snapshot = cls.backup(cls.source, "--description", "before the move")

    def test_what_was_asked_for_is_shown(self):
        for words in (("snapshots",), ("stats",), ("key", "list"), ("cache",)):
            self.assertEqual(self.run_lagan("-q", *words), self.run_lagan(*words), words)
            self.assertNotEqual(self.run_lagan("-q", *words), "")
        self.assertIn("before the move", self.run_lagan("snapshots"))

    def test_a_path_may_end_in_a_slash_or_be_relative(self):
        self.assertEqual(len(self.json("snapshots", "--path", self.source + "/")), 1)
        self.assertEqual(len(self.json("snapshots", "--path", ".", cwd=self.source)), 1)
        self.assertEqual(len(self.json("snapshots", "--path", self.source + "x")), 0)

    def test_the_cache_is_never_saved(self):
        cache = self.environment["LAGAN_CACHE_DIR"]
        self.refuse("backup", cache, saying="lagan's cache")
        os.makedirs(os.path.join(cache, "another"), exist_ok=True)
        self.refuse("backup", os.path.join(cache, "another"), saying="lagan's cache")

    def test_keys_go_by_their_label(self):
        write(os.path.join(self.folder, "new"), "another-password\n")
        for label in ("laptop", "twin", "twin"):
            self.run_lagan("key", "add", "--new-password-file", os.path.join(self.folder, "new"), "--label", label,
                           "--kdf-memory", "8", "--kdf-passes", "1")
        self.run_lagan("key", "remove", "laptop")
        self.refuse("key", "remove", "twin", saying="2 keys are called twin")
        self.assertEqual(sorted(key["label"].replace(os.uname().nodename, "attic") for key in self.json("key", "list")), ["attic", "twin", "twin"])
        self.assertRegex(self.json("key", "list")[0]["created"], r"^\d{4}-\d\d-\d\dT.*Z$")


class Forgetting(Fresh):
    def test_it_is_told_what_became_of_it(self):
        write(self.path("file"), "x")
        first = self.backup()
        self.run_lagan("forget", first)
        self.refuse("forget", first[:8], saying=f"undelete {first[:8]}")

    def test_a_policy_that_forgets_most_says_so_when_it_has(self):
        for number in range(4):
            write(self.path("file"), str(number))
            self.backup()
        self.json("forget", "--keep-last", "1", "-n")
        note = json.loads(self.errors)
        self.assertEqual(note["message_type"], "note")
        self.assertIn("3 of 4", note["message"])
        self.run_lagan("-q", "forget", "--keep-last", "1", "-n")
        self.assertEqual(self.errors, "")
        self.run_lagan("forget", "--keep-last", "1")
        self.assertIn("3 of 4", self.errors)

    def test_a_lost_snapshot_stops_the_collection_until_it_is_given_up(self):
        write(self.path("file"), "x" * 10_000)
        lost = self.backup()
        os.remove(os.path.join(self.repository, "snapshots", lost))
        self.run_lagan("prune", code=1)
        self.assertIn("lagan recover", self.errors)
        self.run_lagan("forget", lost)
        self.run_lagan("prune", "--undelete-window", "0")

    def test_so_do_snapshots_on_a_disk_that_is_not_mounted(self):
        write(self.path("file"), "x" * 10_000)
        snapshot = self.backup()
        there = os.path.join(self.repository, "snapshots")
        elsewhere = os.path.join(self.folder, "disk")
        os.rename(there, elsewhere)
        os.symlink(elsewhere, there)
        self.assertEqual(len(self.snapshots()), 1)
        os.rename(elsewhere, elsewhere + "-away")
        for words in (("snapshots",), ("prune",), ("backup", self.source)):
            self.run_lagan(*words, code=1)
            self.assertIn("is its disk mounted", self.errors)
        os.rename(elsewhere + "-away", elsewhere)
        self.assertEqual(read(os.path.join(self.restore(snapshot), "file")), b"x" * 10_000)


class Latest(Fresh):
    def test_a_clock_that_was_wrong_once_has_not_the_last_word(self):
        write(self.path("file"), "old")
        self.backup(self.source, "--time", "2036-01-01 00:00:00")
        self.assertEqual(read(os.path.join(self.restore(), "file")), b"old")  # there is no other
        write(self.path("file"), "new")
        self.backup()
        self.assertEqual(read(os.path.join(self.restore(), "file")), b"new")


class Commands(Fresh):
    def test_a_command_whose_output_nobody_wants_any_longer_is_ended(self):
        mark = os.path.join(self.folder, "pid")
        process = self.start("backup", "--stdin-from-command", "--", "sh", "-c", f"echo $$ > {mark}; exec sleep 1000")
        end = time.monotonic() + 30
        while not (os.path.exists(mark) and read(mark).strip()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        while os.path.exists(f"/proc/{int(read(mark))}"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_it_may_ask_the_terminal(self):
        """So it is in the group that the terminal listens to."""
        group = self.run_lagan("backup", "--stdin-from-command", "--", "sh", "-c", "ps -o pgid= -p $$ >&2; echo x")
        self.assertEqual(int(re.search(r"^\s*(\d+)\s*$", self.errors, re.M)[1]), os.getpgid(0), group)

    def test_a_terminal_that_goes_away_interrupts(self):
        process = self.start("backup", "--stdin", stdin=subprocess.PIPE)
        process.stdin.write(b"x")
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.snapshots(), [])


if __name__ == "__main__":
    unittest.main()
