# SPDX-License-Identifier: Apache-2.0
"""Every kind of entry comes back with every attribute, and holes where they were."""

import os
import socket
import subprocess
import unittest

from helpers import IS_ROOT, Fresh, OrdinaryUser, read, tree, write


def data_ranges(path):
    """Where the file system holds data of a file; all else is holes."""
    ranges = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        at = 0
        while at < size:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
            end = os.lseek(descriptor, at, os.SEEK_HOLE)
            ranges.append((at, end))
            at = end
    except OSError:  # no more data
        pass
    finally:
        os.close(descriptor)
    return size, ranges


class Entries(Fresh):
    """Every kind of entry with every attribute."""

    def check_round_trip(self):
        before = tree(self.source)
        self.backup()
        self.assertEqual(tree(self.restore()), before)
        self.assertEqual(tree(self.source), before)

    def test_times_to_the_nanosecond(self):
        for name, nanoseconds in (("past", -1_500_000_001), ("start", 0), ("future", 2**33 * 10**9),
                                  ("now", 1_600_000_000_123_456_789)):
            write(self.path(name), name)
            os.utime(self.path(name), ns=(nanoseconds, nanoseconds))
        os.makedirs(self.path("folder/inner"))
        write(self.path("folder/inner/file"))
        os.utime(self.path("folder/inner"), ns=(5, 1_500_000_000_000_000_001))
        os.utime(self.path("folder"), ns=(5, 1_400_000_000_999_999_999))
        self.check_round_trip()

    def test_modes(self):
        for mode in (0o000, 0o400, 0o644, 0o755, 0o4755, 0o2755, 0o1777):
            write(self.path(f"file-{mode:o}"), "x")
            os.chmod(self.path(f"file-{mode:o}"), mode)
            os.mkdir(self.path(f"folder-{mode:o}"))
            os.chmod(self.path(f"folder-{mode:o}"), mode | 0o500)
        if not IS_ROOT:
            os.chmod(self.path("file-0"), 0o400)
        self.check_round_trip()

    def test_links_and_pipes_and_sockets(self):
        write(self.path("file"), "x")
        for name, target in (("link", "file"), ("dangling", "/no/such/file"), ("loop", "loop"),
                             ("long", "x" * 1000), ("bytes", b"\xff\n")):
            os.symlink(target, self.path(name) if isinstance(target, str)
                       else os.fsencode(self.path(name)))
        os.utime(self.path("link"), ns=(1, 1_000_000_001), follow_symlinks=False)
        os.mkfifo(self.path("pipe"), 0o640)
        with socket.socket(socket.AF_UNIX) as listener:
            here = os.getcwd()
            os.chdir(self.source)
            listener.bind("socket")
            os.chdir(here)
        self.check_round_trip()

    @unittest.skipUnless(IS_ROOT, "only root makes devices and gives files away")
    def test_owners_and_devices(self):
        for name in ("file", "run"):
            write(self.path(name), "x")
            os.chown(self.path(name), 12345, 54321)
        os.chmod(self.path("run"), 0o6755)
        os.symlink("file", self.path("link"))
        os.lchown(self.path("link"), 1, 2)
        os.mknod(self.path("null"), 0o20666, os.makedev(1, 3))
        os.mknod(self.path("disk"), 0o60600, os.makedev(7, 300))
        self.check_round_trip()

    def test_extended_attributes(self):
        write(self.path("file"), "x")
        os.mkdir(self.path("folder"))
        try:
            os.setxattr(self.path("file"), "user.bytes", bytes(range(256)))
        except OSError as error:
            self.skipTest(f"no extended attributes here: {error}")
        os.setxattr(self.path("file"), "user.empty", b"")
        os.setxattr(self.path("file"), "user.large", os.urandom(2000))
        os.setxattr(self.path("folder"), "user.folder", b"f")
        if IS_ROOT:
            os.symlink("file", self.path("link"))
            os.setxattr(self.path("link"), "trusted.link", b"l", follow_symlinks=False)
        self.check_round_trip()

    def test_names_of_any_bytes(self):
        for name in (b"not\xffutf8", b"new\nline", b"\x1b[31m", b" ", b"-rf", b"*", b"%s", b"a\\b",
                     b"n" * 255, "é".encode(), "e\u0301".encode()):
            write(os.fsencode(self.source) + b"/" + name, name)
        folder = os.fsencode(self.source) + b"/\xfe folder"
        os.mkdir(folder)
        write(folder + b"/file", b"x")
        self.check_round_trip()

    def test_hard_links(self):
        os.mkdir(self.path("sub"))
        write(self.path("b"), os.urandom(100_000))
        write(self.path("tiny"), "t")
        os.mkfifo(self.path("pipe"))
        for first, second in (("b", "a"), ("b", "sub/c"), ("tiny", "sub/tiny"), ("pipe", "pipe2")):
            os.link(self.path(first), self.path(second))
        self.check_round_trip()
        restored = self.restore()
        inodes = {name: os.lstat(os.path.join(restored, name)).st_ino
                  for name in ("a", "b", "sub/c", "tiny", "sub/tiny", "pipe", "pipe2")}
        self.assertEqual(inodes["a"], inodes["b"])
        self.assertEqual(inodes["a"], inodes["sub/c"])
        self.assertEqual(inodes["tiny"], inodes["sub/tiny"])
        self.assertEqual(inodes["pipe"], inodes["pipe2"])
        self.assertEqual(len(set(inodes.values())), 3)
        without_first = self.restore("latest", "-e", "/a")
        self.assertEqual(read(without_first + "/b"), read(self.path("b")))
        self.assertEqual(os.stat(without_first + "/b").st_nlink, 2)


class Holes(Fresh):
    def sparse(self, name, size, *pieces):
        with open(self.path(name), "wb") as file:
            file.truncate(size)
            for at, content in pieces:
                file.seek(at)
                file.write(content)

    def check_holes(self):
        self.backup()
        restored = self.restore()
        for name in os.listdir(self.source):
            self.assertEqual(data_ranges(f"{restored}/{name}"), data_ranges(self.path(name)), name)
            if os.path.getsize(self.path(name)) < 100_000_000:
                self.assertEqual(read(f"{restored}/{name}"), read(self.path(name)), name)

    def test_they_are_where_they_were(self):
        noise = os.urandom(70_000)
        self.sparse("middle", 12 << 20, (1 << 20, noise), (5 << 20, noise[:8192]))
        self.sparse("only a hole", 1 << 30)
        self.sparse("hole at the end", 1 << 20, (0, noise))
        self.sparse("hole at the beginning", 1 << 20, ((1 << 20) - 10, noise[:10]))
        self.sparse("many", 800 * 1024, *((i * 8192, noise[:4096]) for i in range(100)))
        self.sparse("zeros, no holes", 1 << 20, (0, bytes(1 << 20)))
        self.check_holes()

    def test_room_reserved_beyond_the_end_does_not_hide_them(self):
        self.sparse("file", 1 << 20, (0, b"x" * 4096))
        done = subprocess.run(["fallocate", "--keep-size", "--offset", str(1 << 20), "--length",
                               str(2 << 20), self.path("file")], check=False)
        if done.returncode != 0:
            self.skipTest("cannot reserve room here")
        self.check_holes()


class ForOrdinaryUsers(OrdinaryUser):
    def test_what_they_may_have_comes_back_without_an_error(self):
        os.makedirs(self.path("read-only/sub"))
        write(self.path("read-only/file"), "x")
        write(self.path("read-only/sub/file"), "y")
        os.chmod(self.path("read-only/file"), 0o444)
        os.chmod(self.path("read-only/sub"), 0o555)
        os.chmod(self.path("read-only"), 0o555)
        self.addCleanup(self.unlock, self.source)
        self.backup()
        restored = self.restore()
        self.addCleanup(self.unlock, restored)
        # Who cannot give files away is told, and only that.
        told = [] if not IS_ROOT else ["owners of 5 entries"]
        self.assertEqual(len(self.errors.splitlines()), len(told))
        for words in told:
            self.assertIn(words, self.errors)
        for name in ("read-only", "read-only/file", "read-only/sub", "read-only/sub/file"):
            there, here = os.stat(os.path.join(restored, name)), os.stat(self.path(name))
            self.assertEqual((there.st_mode, there.st_mtime_ns), (here.st_mode, here.st_mtime_ns))

    @staticmethod
    def unlock(folder):
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


if __name__ == "__main__":
    unittest.main()
