#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills backups of 150 MB of random data, at random times and at four fifths.

After each: `check` is clean and the older snapshot restores. What a killed or interrupted run has
uploaded is used by the next one. The seed is printed and may be given as the second argument.
"""

import json
import random
import signal
import sys
import time

from program import Scratch, write_random

MIB = 1 << 20
DATA_BYTES = 150 * MIB
FILES = 30
ROUNDS = 15


def write_data(scratch, chance, generation, share):
    """Makes `share` of the files new."""
    for i in range(FILES):
        if chance.random() < share:
            seed = f"{generation}/{i}/{chance.random()}"
            write_random(f"{scratch.path('data')}/folder{i % 5}/file{i}", DATA_BYTES // FILES, seed)


def start_backup(scratch):
    return scratch.start("backup", "--json", "--pack-size", "4", scratch.path("data"))


def stop_at(process, scratch, packed_bytes, how):
    """Sends the signal once so many bytes of packs are there, and returns the exit code."""
    while process.poll() is None and scratch.stored_bytes() < packed_bytes:
        time.sleep(0.002)
    process.send_signal(how)
    process.communicate()
    return process.returncode


def is_sound(scratch, old, arguments=()):
    scratch.check_is_clean(*arguments)
    scratch.restores(old, scratch.path("old"))


def kill_at_random_times(program, chance):
    with Scratch(program) as scratch:
        write_random(f"{scratch.path('old')}/a/file", 3 * MIB, "old")
        write_random(f"{scratch.path('old')}/b/small", 100, "small")
        scratch.run("init")
        scratch.run("backup", scratch.path("old"))
        (old,) = scratch.snapshots()
        killed = 0
        for number in range(ROUNDS):
            write_data(scratch, chance, number, 1 if number == 0 else 0.3)
            process = start_backup(scratch)
            if number % 2 == 0:  # early: while it opens the repository or has just begun
                time.sleep(chance.uniform(0, 0.3))
                more_bytes = 0
            else:
                more_bytes = chance.uniform(0, 0.25) * DATA_BYTES
            code = stop_at(process, scratch, scratch.stored_bytes() + more_bytes, signal.SIGKILL)
            killed += code == -signal.SIGKILL
            # Reading all data each time would take the longest by far.
            is_sound(scratch, old, ("--read-data",) if number % 5 == 4 else ())
        print(f"killed {killed} of {ROUNDS} backups")
        assert killed >= ROUNDS // 3, "most runs had ended before they were killed"
        scratch.run("backup", "--pack-size", "4", scratch.path("data"))
        scratch.restores("latest", scratch.path("data"))
        is_sound(scratch, old)


def resume(program, chance, how, expected_code):
    """After a stop at four fifths the next run uploads at most 30 % of the data."""
    with Scratch(program) as scratch:
        write_random(f"{scratch.path('old')}/file", MIB, "old")
        scratch.run("init")
        scratch.run("backup", scratch.path("old"))
        (old,) = scratch.snapshots()
        write_data(scratch, chance, 0, 1)
        process = start_backup(scratch)
        code = stop_at(process, scratch, DATA_BYTES * 4 // 5, how)
        assert code == expected_code, f"exit {code}, not {expected_code}"
        is_sound(scratch, old)
        assert scratch.snapshots() == [old]

        before = scratch.stored_bytes()
        out, _ = scratch.run("backup", "--json", "--pack-size", "4", scratch.path("data"))
        uploaded = scratch.stored_bytes() - before
        summary = json.loads(out.splitlines()[-1])
        print(f"{how.name} at {before / DATA_BYTES:.0%}: the next run uploaded "
              f"{uploaded / DATA_BYTES:.1%} ({summary['data_added']} bytes new)")
        assert uploaded <= 0.3 * DATA_BYTES
        scratch.restores("latest", scratch.path("data"))
        is_sound(scratch, old, ("--read-data",))


def main():
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**9))
    print(f"seed {seed}")
    chance = random.Random(seed)
    kill_at_random_times(sys.argv[1], chance)
    resume(sys.argv[1], chance, signal.SIGKILL, -signal.SIGKILL)
    resume(sys.argv[1], chance, signal.SIGINT, 130)
    resume(sys.argv[1], chance, signal.SIGTERM, 130)


if __name__ == "__main__":
    main()
