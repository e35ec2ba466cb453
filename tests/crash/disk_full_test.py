#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A repository on a small file system that runs full: one sentence, and nothing is lost.

Needs the right to mount a tmpfs; without it the test is skipped (exit code 77).
"""

import os
import subprocess
import sys
import tempfile

from program import Scratch, write_random

MIB = 1 << 20
DISK_BYTES = 48 * MIB
SKIPPED = 77


def mount_small_disk():
    folder = tempfile.mkdtemp(prefix="lagan-disk-")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder],
        capture_output=True,
        text=True,
    )
    if mounted.returncode == 0:
        return folder
    os.rmdir(folder)
    print("skipped: a tmpfs cannot be mounted here:", mounted.stderr.strip())
    sys.exit(SKIPPED)


def run_full(program, disk):
    with Scratch(program, repository=os.path.join(disk, "repository")) as scratch:
        old, new, ballast = scratch.path("old"), scratch.path("new"), os.path.join(disk, "ballast")
        write_random(f"{old}/file", 4 * MIB, "old")
        write_random(f"{new}/file", 24 * MIB, "new")
        scratch.run("init")
        scratch.run("backup", old)
        (first,) = scratch.snapshots()
        write_random(ballast, 30 * MIB, "ballast")

        for attempt in range(3):
            _, err = scratch.run("backup", "--pack-size", "4", new, expect=1)
            lines = err.strip().splitlines()
            assert len(lines) == 1 and "space" in lines[0].lower(), err
            scratch.check_is_clean("--read-data")
            scratch.restores(first, old)
            assert scratch.snapshots() == [first], f"attempt {attempt}"
        print(lines[0])

        os.remove(ballast)
        scratch.run("backup", "--pack-size", "4", new)
        scratch.restores("latest", new)
        scratch.restores(first, old)
        scratch.check_is_clean("--read-data")


def main():
    disk = mount_small_disk()
    try:
        run_full(sys.argv[1], disk)
    finally:
        subprocess.run(["umount", disk], check=True)
        os.rmdir(disk)


if __name__ == "__main__":
    main()
