# SPDX-License-Identifier: Apache-2.0
"""A mirror of a repository: whole at every moment, whatever happens to it and to the source."""

import os
import signal
import time
import unittest

from helpers import QUICK_KEY, Repository, tree, write


class TestReplicate(Repository):
    @classmethod
    def setUpClass(cls):
        cls.prepare()
        os.mkdir(cls.source)

    def setUp(self):
        self.mirror = os.path.join(self.folder, self.id().rpartition(".")[2])

    def objects(self, place):
        found = set()
        for here, _, names in os.walk(place):
            found.update(os.path.relpath(os.path.join(here, name), place) for name in names
                         if not name.startswith("."))
        return {name for name in found if not name.startswith("sessions/")}

    def check_mirror(self):
        """Nothing in it is missing or damaged, if it is a repository yet."""
        if os.path.exists(os.path.join(self.mirror, "lagan.repo")):
            self.run_lagan("check", "--read-data", "--no-cache", "-r", self.mirror)

    def test_a_mirror_is_the_same_repository(self):
        write(self.path("a"), os.urandom(300_000))
        first = self.backup()
        # No password, on either side.
        said = self.run_lagan("replicate", self.mirror, env={"LAGAN_PASSWORD": ""})
        self.assertIn("snapshots", said)
        self.assertEqual(self.objects(self.mirror), self.objects(self.repository))
        self.check_mirror()
        self.assertEqual(tree(self.restore(first, "-r", self.mirror)), tree(self.source))

        write(self.path("b"), "b")
        self.backup()
        again = self.json("replicate", self.mirror)
        self.assertGreater(again["objects_copied"], 2)
        self.assertLess(again["bytes_copied"], 200_000)
        self.assertEqual(self.json("replicate", self.mirror)["objects_copied"], 0)

    def test_deletions_are_asked_for(self):
        write(self.path("gone"), os.urandom(100_000))
        self.backup()
        self.run_lagan("replicate", self.mirror)
        os.remove(self.path("gone"))
        write(self.path("new"), os.urandom(10_000))
        last = self.backup()
        self.run_lagan("forget", "--keep-last", "1")
        for _ in range(2):
            self.run_lagan("prune", "--undelete-window", "0", "--max-unused", "0")
        self.refuse("replicate", self.mirror, code=1, saying="--delete")
        self.check_mirror()
        would = self.json("replicate", "--delete", "-n", self.mirror)
        self.assertGreater(would["objects_removed"], 2)
        self.check_mirror()
        self.run_lagan("replicate", "--delete", self.mirror)
        self.assertEqual(self.objects(self.mirror), self.objects(self.repository))
        self.check_mirror()
        self.assertEqual(tree(self.restore(last, "-r", self.mirror)), tree(self.source))

    def test_another_repository_is_not_overwritten(self):
        self.run_lagan("init", *QUICK_KEY, "-r", self.mirror)
        before = self.objects(self.mirror)
        self.refuse("replicate", "--delete", self.mirror, code=1, saying="another repository")
        self.assertEqual(self.objects(self.mirror), before)
        self.refuse("replicate", self.mirror, "-r", os.path.join(self.folder, "nothing"), code=10)

    def test_a_place_is_left_as_it_was_when_it_was_tried(self):
        before = sorted(os.listdir(self.repository))
        self.run_lagan("storage", "test", self.repository)
        self.assertEqual(sorted(os.listdir(self.repository)), before)

    def test_a_mirror_is_another_place(self):
        """Else whoever looks at what it says believes in a second copy."""
        link = os.path.join(self.folder, "link")
        os.symlink(self.repository, link)
        for mirror in (self.repository, f"file://{self.repository}/", link, self.repository + "/mirror",
                       self.folder, f"hotcold:?hot={self.mirror}&cold={link}"):
            with self.subTest(mirror):
                self.refuse("replicate", mirror, code=1, saying="name another place")
        self.refuse("replicate", "mem://x", "-r", "mem://x", code=1, saying="name another place")
        self.assertFalse(os.path.exists(self.mirror))

    def test_killed_at_any_time_while_the_source_is_written_and_pruned(self):
        for number in range(12):
            write(self.path(f"large-{number}"), os.urandom(1_500_000))
        self.backup(self.source, "--pack-size", "4")
        writers = []
        for round_number in range(16):
            # Some of it changes with each backup, and the older snapshots go.
            write(self.path(f"large-{round_number % 12}"), os.urandom(1_500_000))
            writers.append(self.start("backup", "-q", "--pack-size", "4", self.source))
            if round_number % 2 == 1:
                self.run_lagan("forget", "-q", "--keep-last", "1")
                writers.append(self.start("prune", "-q", "--undelete-window", "0", "--max-unused", "0"))
            with self.start("replicate", "-q", "--delete", self.mirror) as process:
                time.sleep(0.02 * (round_number % 8))
                process.send_signal(signal.SIGKILL)
                process.communicate()
            self.check_mirror()
            if round_number % 4 == 3:
                self.end_all(writers)
        self.end_all(writers)
        self.run_lagan("replicate", "--delete", self.mirror)
        self.assertEqual(self.objects(self.mirror), self.objects(self.repository))
        self.check_mirror()
        self.assertEqual(tree(self.restore("latest", "-r", self.mirror)), tree(self.source))

    def end_all(self, writers):
        for process in writers:
            process.communicate()
        writers.clear()


if __name__ == "__main__":
    unittest.main()
