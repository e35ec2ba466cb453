#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restores every golden repository with restore_by_hand.py, once through the index and once without it, and
compares with its manifests. Exit status 77, which ctest counts as skipped, when a package is missing."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile

try:
    import restore_by_hand
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)


def escaped(name):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02x}" for b in name)


def content_hash(path):
    """b3sum where there is one and it pays: pure Python would take long for files with large holes."""
    if os.path.getsize(path) > 100_000 and shutil.which("b3sum"):
        return subprocess.run([b"b3sum", b"--no-names", path], check=True, capture_output=True).stdout.decode().strip()
    with open(path, "rb") as file:
        return restore_by_hand.blake3(file.read()).hex()


def manifest(root):
    """What tests/data/manifest.h says of a folder."""
    lines, first_names = [], {}

    def walk(below):
        for name in sorted(os.listdir(os.path.join(root, below))):
            path = os.path.join(below, name)
            full, shown = os.path.join(root, path), escaped(path)
            status = os.lstat(full)
            time = "%d.%09d" % divmod(status.st_mtime_ns, 10**9)
            mode = "%04o" % stat.S_IMODE(status.st_mode)
            if stat.S_ISREG(status.st_mode):
                first = first_names.setdefault(status.st_ino, shown)
                line = f"{mode} {time} {status.st_size} {content_hash(full)} {shown}"
                lines.append(f"file {line}" if first == shown else f"same {line} = {first}")
            elif stat.S_ISLNK(status.st_mode):
                lines.append(f"link {time} {shown} -> {escaped(os.readlink(full))}")
            else:
                words = {stat.S_IFDIR: "dir", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "sock"}
                lines.append(f"{words[stat.S_IFMT(status.st_mode)]} {mode} {time} {shown}")
            for attribute in sorted(os.listxattr(full, follow_symlinks=False)):
                if attribute.startswith("user."):
                    value = os.getxattr(full, attribute, follow_symlinks=False)
                    lines.append(f"  {attribute}={value.hex()}")
            if stat.S_ISDIR(status.st_mode):
                walk(path)

    walk(b"")
    return lines


def without_xattrs(lines):
    return [line for line in lines if not line.startswith(" ")]


def main(data):
    failures = 0
    golden = sorted(os.path.join(data, version, name) for version in os.listdir(data)
                    if os.path.isdir(os.path.join(data, version)) for name in os.listdir(os.path.join(data, version)))
    for folder in golden:
        repository = os.path.join(folder, "repository")
        snapshots = restore_by_hand.Repository(repository, b"golden").snapshots()
        for i, (_, session, snapshot) in enumerate(snapshots):
            with open(f"{folder}/manifest-{i + 1}.txt", encoding="ascii") as file:
                wanted = file.read().splitlines()
            # Once is enough for the slower way.
            for without_index in (False, True) if i == 0 else (False,):
                with tempfile.TemporaryDirectory() as temporary:
                    target = os.path.join(temporary, "restored")
                    restore_by_hand.restore(repository, b"golden", target, session, without_index, snapshot[10][0])
                    got = manifest(os.fsencode(target))
                    try:
                        os.setxattr(temporary, "user.probe", b"")
                    except OSError:
                        wanted, got = without_xattrs(wanted), without_xattrs(got)
                same = got == wanted
                failures += not same
                print("equal  " if same else "DIFFERS", folder, i + 1, "without index" if without_index else "")
                for line in sorted(set(got) ^ set(wanted))[:10]:
                    print("   ", "restored" if line in got else "wanted  ", line)
    if not golden:
        sys.exit("there are no golden repositories")
    return 1 if failures else 0


sys.exit(main(sys.argv[1]))
