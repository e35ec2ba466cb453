# SPDX-License-Identifier: Apache-2.0
"""The cache may be damaged or full at any time, at no cost but speed.

Runs the built program (environment variable LAGAN).
"""

import json
import os
import shutil
import subprocess
import unittest

from helpers import IS_ROOT, Repository, settle, tree, write


def files_below(folder):
    return sorted(os.path.join(here, name) for here, _, names in os.walk(folder) for name in names)


class TestDamagedCache(Repository):
    """After each bit that a bad disk flips, every command answers as if nothing had happened."""

    @classmethod
    def setUpClass(cls):
        cls.prepare()
        os.mkdir(cls.source)
        for number in range(300):
            folder = os.path.join(cls.source, f"folder-{number % 7}")
            os.makedirs(folder, exist_ok=True)
            write(os.path.join(folder, f"file-{number}"), os.urandom(3000))
        settle()
        cls.backup()
        cls.run_lagan("check")
        cls.cache = cls.environment["LAGAN_CACHE_DIR"]
        cls.whole = os.path.join(cls.folder, "whole-cache")
        shutil.copytree(cls.cache, cls.whole)

    def flip(self, name, at):
        """The cache as it was, but for one bit."""
        shutil.rmtree(self.cache)
        shutil.copytree(self.whole, self.cache)
        path = os.path.join(self.cache, os.path.relpath(name, self.whole))
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 4]))

    def after_each_flip(self, look):
        for name in files_below(self.whole):
            size = os.path.getsize(name)
            for at in sorted({size // 20, size // 2, size - 1}):
                if at not in range(size):
                    continue
                with self.subTest(file=os.path.relpath(name, self.whole), at=at):
                    self.flip(name, at)
                    look()
                    self.assertEqual(self.errors, "")

    def test_a_restore_is_whole(self):
        expected = tree(self.source)

        def look():
            target = self.restore()
            self.assertEqual(tree(target), expected)
            shutil.rmtree(target)

        self.after_each_flip(look)

    def test_a_backup_finds_all_that_is_there(self):
        before = self.stored()

        def look():
            summary = json.loads(
                self.run_lagan("backup", "--json", "--dry-run", self.source).splitlines()[-1])
            self.assertEqual(summary["data_blobs"], 0)
            self.assertEqual(self.stored(), before)

        self.after_each_flip(look)

    def test_what_goes_through_the_index_sees_all_of_it(self):
        for words in (("stats", "--mode", "raw-data"), ("list", "blobs"), ("prune", "--dry-run"), ("check",)):
            expected = sorted(self.run_lagan(*words).splitlines())
            self.after_each_flip(
                lambda: self.assertEqual(sorted(self.run_lagan(*words).splitlines()), expected))


@unittest.skipUnless(IS_ROOT, "mounts a small file system")
class TestFullCache(Repository):
    """A disk that is full under the cache."""

    def test_commands_go_on(self):
        self.prepare()
        os.mkdir(self.source)
        for number in range(2000):
            write(self.path(f"file-{number}"), os.urandom(600))
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        self.environment["LAGAN_CACHE_DIR"] = small
        self.backup()
        self.backup()
        self.assertEqual(tree(self.restore()), tree(self.source))
        self.run_lagan("check", "--read-data")

        # More segments than an index has files open.
        for number in range(70):
            write(self.path("changed"), str(number))
            self.backup(env={"LAGAN_CACHE_DIR": os.path.join(self.folder, "large")})
        self.assertEqual(tree(self.restore()), tree(self.source))


if __name__ == "__main__":
    unittest.main()
