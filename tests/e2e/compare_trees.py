# SPDX-License-Identifier: Apache-2.0
"""Compares two trees attribute by attribute, asking the kernel for each: kind, mode, owner, times to
the nanosecond, extended attributes (ACLs, capabilities and labels are among them), inode flags,
project id, device numbers, link targets, hard links, content and where the holes are.

Also a program: compare_trees.py FOLDER FOLDER prints what differs.
"""

import array
import fcntl
import hashlib
import os
import stat
import struct
import sys

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_FSGETXATTR = 0x801c581f
# What chattr sets and a file system does not by itself: the flags every one may change, and no
# copy-on-write, no compression, journalled data, handed down project ids.
KEPT_FLAGS = 0x000380ff | 0x00800000 | 0x00000400 | 0x00004000 | 0x20000000
# A file so small lies in its entry and may lose its hole.
INLINE_BYTES = 256


def inode_flags(descriptor):
    """The flags of lsattr and the project id; None where there are none."""
    flags = project = None
    try:
        buffer = array.array("l", [0])
        fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, buffer)
        flags = buffer[0] & KEPT_FLAGS
    except OSError:
        pass
    try:
        extended = bytearray(28)
        fcntl.ioctl(descriptor, FS_IOC_FSGETXATTR, extended)
        project = struct.unpack_from("=IIII", extended)[3]
    except OSError:
        pass
    return flags, project


def data_ranges(descriptor, size):
    """Where the file system holds data; all else is holes."""
    ranges = []
    at = 0
    try:
        while at < size:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
            end = os.lseek(descriptor, at, os.SEEK_HOLE)
            ranges.append((at, end))
            at = end
    except OSError:  # no more data
        pass
    return tuple(ranges)


def content_hash(descriptor, ranges):
    """Of the data; all else is zeros."""
    found = hashlib.blake2b()
    for at, end in ranges:
        while at < end:
            piece = os.pread(descriptor, min(end - at, 1 << 20), at)
            if not piece:
                break
            found.update(piece)
            at += len(piece)
    return found.hexdigest()


def xattrs(path):
    try:
        return {name: os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)}
    except OSError:
        return {}


def describe(folder, name, status, holes=True):
    """One entry of an open folder as a dictionary of attributes."""
    path = b"/proc/self/fd/%d/%s" % (folder, name)
    found = {"kind": stat.S_IFMT(status.st_mode), "mode": stat.S_IMODE(status.st_mode),
             "owner": (status.st_uid, status.st_gid), "mtime": status.st_mtime_ns,
             "xattrs": xattrs(path)}
    if stat.S_ISLNK(status.st_mode):
        found["target"] = os.readlink(name, dir_fd=folder)
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        found["device"] = status.st_rdev
    elif stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except PermissionError:
            return found
        try:
            found["flags"], found["project"] = inode_flags(descriptor)
            if stat.S_ISREG(status.st_mode):
                found["size"] = status.st_size
                ranges = data_ranges(descriptor, status.st_size)
                if holes and status.st_size > INLINE_BYTES:
                    found["data"] = ranges
                    found["content"] = content_hash(descriptor, ranges)
                else:
                    found["content"] = content_hash(descriptor, ((0, status.st_size),))
        finally:
            os.close(descriptor)
    return found


def tree(folder, holes=True, one_file_system=True):
    """Everything below a folder, of whatever depth: relative path to attributes. "links" names the
    first of the paths that are one file."""
    found = {}
    firsts = {}
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    device = os.fstat(root).st_dev
    waiting = [(root, b"")]
    while waiting:
        here, path = waiting.pop()
        for name in sorted(os.fsencode(name) for name in os.listdir(here)):
            below = path + b"/" + name
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            entry = found[below] = describe(here, name, status, holes)
            if stat.S_ISDIR(status.st_mode):
                if one_file_system and status.st_dev != device:
                    continue
                try:
                    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                except PermissionError:
                    continue
                waiting.append((inner, below))
            elif status.st_nlink > 1:
                firsts.setdefault((status.st_dev, status.st_ino), []).append(below)
        os.close(here)
    for paths in firsts.values():
        for path in paths:
            found[path]["links"] = min(paths)
            # A file with a name elsewhere is no other than one without.
            if len(paths) == 1:
                del found[path]["links"]
    return found


def differences(expected, found, ignore=()):
    """Sentences; none if both are equal but for the attributes to ignore."""
    told = []
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            told.append(f"{path!r} is missing")
        elif path not in expected:
            told.append(f"{path!r} is too much")
        else:
            for key in sorted(expected[path].keys() | found[path].keys()):
                there, here = expected[path].get(key), found[path].get(key)
                if key not in ignore and there != here:
                    told.append(f"{path!r}: {key} {str(there)[:200]} became {str(here)[:200]}")
    return told


if __name__ == "__main__":
    DIFFERENT = differences(tree(sys.argv[1]), tree(sys.argv[2]))
    print("\n".join(DIFFERENT[:100]))
    sys.exit(1 if DIFFERENT else 0)
