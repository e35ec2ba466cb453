# SPDX-License-Identifier: Apache-2.0
"""Trees with every kind of entry and attribute come back equal, on every file system there is here;
and what a target cannot represent is told."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

import compare_trees
import random_trees
from helpers import IS_ROOT, Fresh, OrdinaryUser, read, write

MIB = 1 << 20


def make_holes(folder):
    for name, size, pieces in (("middle", 12 * MIB, ((MIB, 70_000), (5 * MIB, 8192))),
                               ("terabytes", 5 << 40, ((4 << 40, 4096),)),
                               ("only a hole", 1 << 30, ()),
                               ("many", 800 * 1024, [(i * 8192, 4096) for i in range(100)])):
        with open(os.path.join(folder, name), "wb") as file:
            try:
                file.truncate(size)
            except OSError:  # larger than this file system's files
                continue
            for at, length in pieces:
                file.seek(at)
                file.write(os.urandom(length))


def make_deep(folder, depth):
    """Deeper than any path may be long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("deep", dir_fd=here)
        inner = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def unprotect(folder):
    subprocess.run(["chattr", "-R", "-f", "-i", "-a", folder], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class RoundTrip(Fresh):
    """Source and target on one file system; subclasses say which."""

    ignored = ()

    def setUp(self):
        super().setUp()
        self.addCleanup(unprotect, self.folder)
        self.place = self.make_place()

    def make_place(self):
        return self.folder

    def check_round_trip(self, seed):
        source, target = (os.path.join(self.place, f"{name}{seed}") for name in ("from", "to"))
        os.mkdir(source)
        random_trees.Grower(random.Random(seed)).grow(source)
        make_holes(source)
        make_deep(source, 1200)
        expected = compare_trees.tree(source)
        self.backup(source)
        self.run_lagan("restore", "latest:" + source, "-t", target)
        told = compare_trees.differences(expected, compare_trees.tree(target), self.ignored)
        self.assertEqual(told, [], f"seed {seed}")
        self.assertEqual(self.errors, "")
        self.run_lagan("restore", "latest:" + source, "-t", target, "--delete", "--verify")
        told = compare_trees.differences(expected, compare_trees.tree(target), self.ignored)
        self.assertEqual(told, [], f"seed {seed}, restored twice")
        unprotect(target)
        for folder in (source, target):
            unprotect(folder)
            subprocess.run(["rm", "-rf", folder], check=True)

    def test_what_dice_made_comes_back_equal(self):
        for seed in (1, 2):
            self.check_round_trip(seed)


class OnTmpfs(RoundTrip):
    def make_place(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("no /dev/shm here")
        folder = tempfile.mkdtemp(prefix="lagan-e2e-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.addCleanup(unprotect, folder)
        return folder


@unittest.skipUnless(IS_ROOT, "only root mounts")
class OnLoopDevice(RoundTrip):
    program_of_file_system = "mkfs.ext4"
    # Kernels without quota do not mount the first.
    ways = (("-q", "-F", "-O", "project,quota"), ("-q", "-F"))

    def make_place(self):
        if shutil.which(self.program_of_file_system) is None:
            print(f"skipped: there is no {self.program_of_file_system} here")
            self.skipTest(f"no {self.program_of_file_system} here")
        image, folder = self.folder + "/image", self.folder + "/mounted"
        os.mkdir(folder)
        for words in self.ways:
            with open(image, "wb") as file:
                file.truncate(512 * MIB)
            subprocess.run([self.program_of_file_system, *words, image], check=True,
                           stdout=subprocess.DEVNULL)
            mounted = subprocess.run(["mount", "-o", "loop", image, folder], check=False,
                                     capture_output=True, text=True)
            if mounted.returncode == 0:
                break
        else:
            print(f"skipped: {mounted.stderr.strip()}")
            self.skipTest("cannot mount this here")
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        self.addCleanup(unprotect, folder)
        return folder


class OnXfs(OnLoopDevice):
    program_of_file_system = "mkfs.xfs"
    ways = (("-q", "-f"),)


class OnBtrfs(OnLoopDevice):
    program_of_file_system = "mkfs.btrfs"
    ways = (("-q", "-f"),)


class ByOrdinaryUser(OrdinaryUser):
    def setUp(self):
        super().setUp()
        if self.user is not None:
            os.chown(self.source, self.user, self.user)

    def test_what_dice_made_comes_back_equal(self):
        code = ("import sys, random, random_trees; random_trees.IS_ROOT = False; "
                "random_trees.Grower(random.Random(3)).grow(sys.argv[1])")
        options = {} if self.user is None else {"user": self.user, "group": self.user,
                                                "extra_groups": []}
        # The user may not look into the folder that this file lies in.
        here = os.path.dirname(os.path.abspath(__file__))
        for name in os.listdir(here):
            if name.endswith(".py"):
                shutil.copy(os.path.join(here, name), self.folder)
        subprocess.run(["python3", "-c", code, self.source], check=True, cwd=self.folder,
                       **options)
        expected = compare_trees.tree(self.source)
        self.backup()
        told = compare_trees.differences(expected, compare_trees.tree(self.restore()))
        self.assertEqual(told, [])
        self.assertEqual(self.errors, "")

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_owners_that_only_root_can_give_are_told_and_no_error(self):
        write(self.path("roots"), "x")
        os.chmod(self.path("roots"), 0o644)
        self.backup()
        restored = self.restore()
        self.assertEqual(read(restored + "/roots"), b"x")
        self.assertRegex(self.errors, r"owners of 1 entries could not be represented here: /roots")
        self.restore("latest", "--no-ownership")
        self.assertEqual(self.errors, "")


class Report(Fresh):
    def test_birth_times_are_told_once_and_only_who_asks_for_more(self):
        for name in "abc":
            write(self.path(name), name)
        self.backup()
        node = json.loads(self.run_lagan("ls", "latest", "--json").splitlines()[-1])
        if "btime" not in node:
            self.skipTest("this file system has no birth times")
        self.assertIn("btime", node["captured"])
        output = self.run_lagan("restore", "latest:" + self.source, "-t", self.folder + "/a", "-v")
        self.assertEqual(output.count("birth times of 4 entries"), 1)
        self.restore()
        self.assertEqual(self.errors, "")
        summary = self.json_lines("restore", "latest:" + self.source, "-t", self.folder + "/b")[-1]
        (loss,) = [each for each in summary["not_represented"] if each["trait"] == "btime"]
        self.assertEqual((loss["entries"], loss["examples"][0]), (4, {"path": "/a"}))

    def test_what_the_target_cannot_hold_is_told_and_is_no_error(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("no /dev/shm here")
        write(self.path("file"), "x")
        synchronous = 0x8  # chattr +S: no flag of tmpfs
        try:
            random_trees.set_flags(self.path("file"), synchronous)
        except OSError:
            self.skipTest("nothing here that tmpfs lacks")
        self.backup()
        target = tempfile.mkdtemp(prefix="lagan-e2e-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, target)
        told = self.run_lagan("restore", "latest:" + self.source, "-t", target) + self.errors
        self.assertRegex(told, "inode flags.*/file")
        self.assertEqual(read(target + "/file"), b"x")

    def test_a_requirement_that_cannot_be_met_stops_before_anything_is_written(self):
        write(self.path("file"), "x")
        self.backup()
        target = os.path.join(self.folder, "none/such")
        self.refuse("restore", "latest", "-t", target, "--require", "xattr,btime",
                    saying="birth times")
        self.assertFalse(os.path.exists(self.folder + "/none"))
        self.refuse("restore", "latest", "-t", target, "--require", "colour", saying="selinux")
        before = sorted(os.listdir(self.folder))
        self.run_lagan("restore", "latest:" + self.source, "-t", target, "--require",
                       "times,holes,hardlink,symlink,fifo,socket")
        self.assertEqual(read(target + "/file"), b"x")
        self.assertEqual(sorted(os.listdir(self.folder)), sorted([*before, "none"]))
        self.assertEqual(os.listdir(target), ["file"])


class Thorough(Fresh):
    def test_verify_reads_back_and_finds_what_the_disk_changed(self):
        write(self.path("file"), os.urandom(3_000_000))
        write(self.path("small"), "small")
        self.backup()
        self.restore("latest", "--verify")
        target = self.restore()
        found = os.stat(target + "/file")
        with open(target + "/file", "r+b") as file:
            file.seek(1_000_000)
            file.write(b"rotten")
        os.utime(target + "/file", ns=(found.st_mtime_ns, found.st_mtime_ns))
        words = ("restore", "latest:" + self.source, "-t", target, "--overwrite", "if-changed")
        self.run_lagan(*words)  # believes the time
        self.run_lagan(*words, "--verify", code=1)
        self.assertRegex(self.errors, r"/file: reads back otherwise.*; missing: bytes \d+-\d+ of 3000000")
        self.assertNotIn("/small", self.errors)

    def test_sparse_turns_zeros_into_holes(self):
        with open(self.path("zeros"), "wb") as file:
            file.write(os.urandom(5000) + bytes(8_000_000) + os.urandom(5000))
        self.backup()
        plain, sparse = self.restore(), self.restore("latest", "--sparse")
        self.assertEqual(read(sparse + "/zeros"), read(self.path("zeros")))
        self.assertGreater(os.stat(plain + "/zeros").st_blocks * 512, 8_000_000)
        self.assertLess(os.stat(sparse + "/zeros").st_blocks * 512, 100_000)
        self.run_lagan("restore", "latest:" + self.source, "-t", plain, "--sparse", "--overwrite",
                       "always")
        self.assertEqual(read(plain + "/zeros"), read(self.path("zeros")))

    @unittest.skipUnless(IS_ROOT, "only root mounts")
    def test_too_little_room_is_told_before_anything_is_written(self):
        write(self.path("large"), os.urandom(5 * MIB))
        os.link(self.path("large"), self.path("linked"))
        with open(self.path("hole"), "wb") as file:
            file.truncate(1 << 30)
        self.backup()
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "lagan-test", small],
                              check=False, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(subprocess.run, ["umount", small], check=False)
        self.refuse("restore", "latest:" + self.source, "-t", small, saying="5.0 MiB are to be")
        self.assertEqual(os.listdir(small), [])
        self.run_lagan("restore", "latest:" + self.source, "-t", small, "-i", "hole")
        self.run_lagan("restore", "latest:" + self.source, "-t", small, "--force", code=1)
        self.assertIn("No space left", self.errors)
        subprocess.run(["mount", "-o", "remount,size=16m", small], check=True)
        self.run_lagan("restore", "latest:" + self.source, "-t", small)
        self.assertEqual(read(small + "/large"), read(self.path("large")))
        # What lies there already needs no room.
        subprocess.run(["mount", "-o", "remount,size=7m", small], check=True)
        self.run_lagan("restore", "latest:" + self.source, "-t", small)


class PatternFiles(Fresh):
    def test_they_hold_a_pattern_a_line(self):
        for name in ("a.txt", "b.LOG", "c.log"):
            write(self.path(name), name)
        self.backup()
        patterns = os.path.join(self.folder, "patterns")
        write(patterns, "# logs\n\n*.log \r\n")
        for flag, expected in (("--include-file", ["c.log"]), ("--exclude-file", ["a.txt", "b.LOG"]),
                               ("--iinclude-file", ["b.LOG", "c.log"]),
                               ("--iexclude-file", ["a.txt"])):
            self.assertEqual(sorted(os.listdir(self.restore("latest", flag, patterns))), expected)
        self.refuse("restore", "latest", "-t", "x", "--include-file", patterns, "-e", "a",
                    saying="cannot be used together")
        write(patterns, "[\n")
        self.refuse("restore", "latest", "-t", "x", "--exclude-file", patterns, saying=patterns)
        write(patterns, "# nothing\n")
        self.refuse("restore", "latest", "-t", "x", "--include-file", patterns, saying="no pattern")
        self.refuse("restore", "latest", "-t", "x", "--include-file", patterns + "x",
                    saying=patterns + "x")


if __name__ == "__main__":
    unittest.main()
