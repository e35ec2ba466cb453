# SPDX-License-Identifier: Apache-2.0
"""Trees with every kind of entry and attribute that this user and file system allow, from dice."""

import array
import fcntl
import os
import socket
import struct

from compare_trees import FS_IOC_FSGETXATTR, FS_IOC_GETFLAGS

FS_IOC_SETFLAGS = 0x40086602
FS_IOC_FSSETXATTR = 0x401c5820
IMMUTABLE, APPEND, NODUMP, NOATIME = 0x10, 0x20, 0x40, 0x80
NAMES = (b"a", b"b", b"c", b"d", b"e", b"not\xffutf8", "\u00e9".encode(), b"new\nline", b"n" * 255,
         b" ", b"-rf", b"f", b"g", b"h")
IS_ROOT = os.geteuid() == 0


def try_to(change, *words, **options):
    """What this file system or user does not allow is left out."""
    try:
        change(*words, **options)
    except OSError:
        pass


def set_flags(path, flags):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        buffer = array.array("l", [0])
        fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, buffer)
        buffer[0] |= flags
        fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, buffer)
    finally:
        os.close(descriptor)


def set_project(path, project):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        extended = bytearray(28)
        fcntl.ioctl(descriptor, FS_IOC_FSGETXATTR, extended)
        struct.pack_into("=I", extended, 12, project)
        fcntl.ioctl(descriptor, FS_IOC_FSSETXATTR, bytes(extended))
    finally:
        os.close(descriptor)


def acl(*entries):
    """The kernel's form of an access control list from (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY_ID = 0xffffffff
ACCESS = acl((1, 6, NOBODY_ID), (2, 7, 4321), (4, 4, NOBODY_ID), (16, 7, NOBODY_ID),
             (32, 0, NOBODY_ID))
CAPABILITY = bytes.fromhex("01000002" "00200000" + "00000000" * 3)


class Grower:
    def __init__(self, dice, largest=3_000_000):
        self.dice = dice
        self.largest = largest
        self.files = []
        self.protected = []

    def grow(self, folder, depth=3):
        """Fills a folder, which exists. What is immutable becomes so at the end."""
        self._fill(os.fsencode(folder), depth)
        for path, flags in self.protected:
            try_to(set_flags, path, flags)

    def _fill(self, folder, depth):
        for name in self.dice.sample(NAMES, self.dice.randrange(2, len(NAMES))):
            path = folder + b"/" + name
            kinds = ["file"] * 4 + ["link", "pipe", "socket", "hard", "hole"] + ["folder"] * 2 * depth
            if IS_ROOT:
                kinds += ["device"]
            getattr(self, self.dice.choice(kinds))(path, depth)
        self._attributes(folder, is_folder=True)

    def folder(self, path, depth):
        os.mkdir(path)
        self._fill(path, depth - 1)

    def file(self, path, _):
        size = self.dice.choice((0, 1, 100, 256, 257, 5000, 70_000, self.dice.randrange(self.largest)))
        # Few seeds, so that trees share content and files differ in parts only.
        block = bytes(self.dice.choices(range(256), k=64)) * (size // 64 // 4 + 1)
        with open(path, "wb") as file:
            for _ in range(4):
                file.write(block[:size // 4] if self.dice.random() < 0.7
                           else self.dice.randbytes(size // 4))
            file.write(b"x" * (size % 4))
        self.files.append(path)
        self._attributes(path)

    def hole(self, path, _):
        with open(path, "wb") as file:
            file.truncate(self.dice.choice((8192, 1_000_000, 1 << 40)))
            for _ in range(self.dice.randrange(4)):
                file.seek(self.dice.randrange(900_000) if os.path.getsize(path) > 8192 else 0)
                file.write(self.dice.randbytes(self.dice.randrange(1, 100_000)
                                               if os.path.getsize(path) > 8192 else 100))
        self.files.append(path)
        self._attributes(path)

    def link(self, path, _):
        os.symlink(self.dice.choice((b"a", b"../b", b"/no/such", b"not\xffutf8", b"x" * 1000, b".")),
                   path)
        if IS_ROOT:
            try_to(os.setxattr, path, "trusted.link", b"l", follow_symlinks=False)
        self._owner_and_time(path)

    def pipe(self, path, _):
        os.mkfifo(path, self.dice.choice((0o600, 0o644)))
        self._owner_and_time(path)

    def socket(self, path, _):
        here = os.open(".", os.O_RDONLY)
        folder, name = os.path.split(path)
        os.chdir(folder)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(name[:90])
        except OSError:
            pass
        finally:
            os.fchdir(here)
            os.close(here)

    def device(self, path, _):
        kind = self.dice.choice((0o20000, 0o60000))
        os.mknod(path, kind | 0o640, os.makedev(7, self.dice.randrange(300)))
        self._owner_and_time(path)

    def hard(self, path, depth):
        if not self.files:
            self.file(path, depth)
        else:
            os.link(self.dice.choice(self.files), path)

    def _owner_and_time(self, path):
        if IS_ROOT and self.dice.random() < 0.3:
            os.chown(path, self.dice.choice((0, 1, 12345)), self.dice.choice((0, 54321)),
                     follow_symlinks=False)
        when = self.dice.choice((-1_500_000_001, 1, 4_500_000_000 * 10**9 + 999_999_999,
                                 1_600_000_000_123_456_789))
        os.utime(path, ns=(when, when), follow_symlinks=False)

    def _attributes(self, path, is_folder=False):
        dice = self.dice
        if dice.random() < 0.3:
            try_to(os.setxattr, path, "user.small", dice.randbytes(3))
        if dice.random() < 0.2:
            try_to(os.setxattr, path, b"user.not\xffutf8", dice.randbytes(dice.choice((0, 600, 3000))))
        if dice.random() < 0.2:
            try_to(os.setxattr, path, "system.posix_acl_access", ACCESS)
        if is_folder and dice.random() < 0.2:
            try_to(os.setxattr, path, "system.posix_acl_default", ACCESS)
        if IS_ROOT and dice.random() < 0.3:
            os.chown(path, dice.choice((0, 1, 12345)), dice.choice((0, 54321)))
        usual = (0o755, 0o2755, 0o1777, 0o700) if is_folder else (0o644, 0o600, 0o4755, 0o2711, 0o444)
        os.chmod(path, dice.choice(usual))
        if IS_ROOT and not is_folder and dice.random() < 0.1:
            try_to(os.setxattr, path, "security.capability", CAPABILITY)
        if IS_ROOT and dice.random() < 0.1:
            try_to(set_project, path, dice.choice((1, 4711)))
        if dice.random() < 0.1:
            try_to(set_flags, path, dice.choice((NODUMP, NOATIME, NODUMP | NOATIME)))
        if IS_ROOT and dice.random() < 0.07:
            self.protected.append((path, dice.choice((IMMUTABLE, APPEND))))
        self._owner_and_time(path) if not is_folder else os.utime(path, ns=(5, 1_500_000_000_000_000_001))
