# SPDX-License-Identifier: Apache-2.0
"""Sources that are large in some way: a folder of a million entries; a system that runs afterwards."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import compare_trees
from helpers import IS_ROOT, Fresh

ENTRIES = 1_000_000
LIMIT_MIB = 150


class MillionEntries(Fresh):
    """Memory grows with a folder by its names alone."""

    @classmethod
    def prepare_folder(cls):
        super().prepare_folder()
        # Some file systems take minutes to make so many files soon after others were removed.
        if os.access("/dev/shm", os.W_OK):
            cls.source = tempfile.mkdtemp(prefix="lagan-e2e-", dir="/dev/shm")
            cls.addClassCleanup(shutil.rmtree, cls.source, ignore_errors=True)
            os.rmdir(cls.source)

    def most_memory(self, *words):
        """Output and the largest resident size in MiB."""
        log = os.path.join(self.folder, "memory")
        # A process of its own tells of its children alone.
        code = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[2:]);"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,"
                "file=open(sys.argv[1], 'w')); sys.exit(code)")
        output = self.run_lagan(*words, binary=True, before=("python3", "-c", code, log))
        with open(log, encoding="ascii") as file:
            return output, int(file.read()) / 1024

    def test_is_saved_and_listed_in_little_memory(self):
        if os.environ.get("ASAN_OPTIONS") or "asan" in os.path.realpath(self.program):
            self.skipTest("a sanitizer needs memory of its own")
        folder = os.open(self.source, os.O_RDONLY)
        for i in range(ENTRIES):
            os.mknod(f"entry{i:07}", 0o100644, dir_fd=folder)
        os.close(folder)
        _, backup = self.most_memory("backup", self.source, "--no-scan", "-q")
        _, again = self.most_memory("backup", self.source, "--no-scan", "-q")
        output, listing = self.most_memory("ls", "latest", "-l", "-R")
        self.assertEqual(output.count(b"/entry"), ENTRIES)
        print(f"{ENTRIES} entries: {backup:.0f} MiB to back up, {again:.0f} MiB to do it again, "
              f"{listing:.0f} MiB to list")
        for taken in (backup, again, listing):
            self.assertLess(taken, LIMIT_MIB)


def installed_packages(*names):
    """These and all that they depend on, as far as it is installed."""
    output = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Provides},${Pre-Depends},"
                             "${Depends}\n"], check=True, capture_output=True, text=True).stdout
    needs = {}
    for line in output.splitlines():
        package, rest = line.split("\t")
        needs[package] = {re.split(r"[ :(]", word.strip())[0]
                          for word in re.split(r"[,|]", rest) if word.strip()}
    chosen, waiting = set(), list(names)
    while waiting:
        package = waiting.pop()
        if package in needs and package not in chosen:
            chosen.add(package)
            waiting.extend(needs[package])
    return sorted(chosen)


@unittest.skipUnless(IS_ROOT, "only root makes a system and enters it")
class System(Fresh):
    """A root put together from this machine's packages runs after a round trip."""

    def make_root(self):
        if shutil.which("dpkg-query") is None or shutil.which("tar") is None:
            print("skipped: this is no Debian, so there are no packages to make a root of")
            self.skipTest("no Debian")
        packages = installed_packages("base-files", "bash", "coreutils", "dash", "dpkg", "findutils",
                                      "grep", "libc-bin", "login", "passwd", "perl-base", "sed",
                                      "tar", "util-linux")
        listed = subprocess.run(["dpkg-query", "-L", *packages], check=False, capture_output=True,
                                text=True).stdout
        paths = {line for line in listed.splitlines()
                 if line.startswith("/") and line != "/." and os.path.lexists(line)}
        # Where /lib is a link to /usr/lib, packages may still speak of /lib.
        links = {"/" + name for name in os.listdir("/") if os.path.islink("/" + name)}
        paths = {os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
                 for path in paths} | links | {"/etc/passwd", "/etc/group", "/etc/ld.so.cache"}
        names = "\0".join(sorted(path.lstrip("/") for path in paths if path.strip("/")))
        with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "-T", "-", "--acls",
                               "--xattrs", "--ignore-failed-read", "-c"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as pack:
            with subprocess.Popen(["tar", "-C", self.source, "--acls", "--xattrs", "-xp"],
                                  stdin=pack.stdout) as unpack:
                pack.stdin.write(names.encode())
                pack.stdin.close()
                unpack.wait()
        for name, mode in (("tmp", 0o1777), ("proc", 0o555), ("dev", 0o755)):
            os.makedirs(self.path(name), exist_ok=True)
            os.chmod(self.path(name), mode)
        if not os.path.lexists(self.path("dev/null")):
            os.mknod(self.path("dev/null"), 0o20666, os.makedev(1, 3))

    def run_in(self, root):
        script = ("set -e; ls -l /etc/passwd >/dev/null; echo a b | sed s/a/c/ | grep -q c;"
                  "perl -e 'print 6 * 7, \"\\n\"'; dpkg --version >/dev/null 2>/dev/null;"
                  "test -u /bin/su; find / -xdev | wc -l")
        return subprocess.run(["chroot", root, "/bin/sh", "-c", script], check=True,
                              capture_output=True, text=True).stdout

    def test_runs_after_a_round_trip(self):
        self.make_root()
        before = self.run_in(self.source)
        self.assertTrue(before.startswith("42\n"), before)
        expected = compare_trees.tree(self.source)
        self.backup()
        restored = self.restore()
        self.assertEqual(self.errors, "")
        self.assertEqual(compare_trees.differences(expected, compare_trees.tree(restored)), [])
        self.assertEqual(self.run_in(restored), before)


if __name__ == "__main__":
    unittest.main()
