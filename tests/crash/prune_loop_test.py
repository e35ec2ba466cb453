#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two machines back up and forget in one repository while a third prunes it, and all are killed.

Each backup is remembered by the digests of what it saved. The sources share files, and files come
back that were deleted, so that backups meet packs that are just being given up; some prunes fence
backups that are at work. Every snapshot that is still there is restored and compared, at random
times and at the end, and the whole folder of the repository stays below twice the live bytes: what
the different files of these snapshots hold, all random and so not compressible. Given the same
seed, the sources are the same; how the processes interleave is not.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import threading
import time

from program import Scratch, write_random

KIB = 1 << 10
FILES = 100  # of each machine
OLD_FILES = 80  # contents that come back, on both machines
KEPT = 4  # snapshots of each machine
CHANGED = 0.03  # of the files, from one backup to the next
TIMEOUT_SECONDS = 600
# A prune with --fence-after 0 may take what a backup relies on from under it.
GAVE_UP = "a collection took this session for dead"


def old_file(chance):
    number = chance.randrange(OLD_FILES)
    return f"old{number}", random.Random(number).randrange(1, 900 * KIB)


def new_file(chance):
    return str(chance.random()), chance.randrange(1, 900 * KIB)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder):
    """Of what the files below hold: path -> (digest, size)."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            found[os.path.relpath(path, folder)] = digest(path), os.path.getsize(path)
    return found


class Machine(threading.Thread):
    """Does something again and again, with a cache of its own, until all stop."""

    def __init__(self, scratch, name, seed, stop):
        super().__init__()
        self.scratch, self.name_, self.stop = scratch, name, stop
        self.chance = random.Random(f"{seed}/{name}")
        self.environment = dict(LAGAN_CACHE_DIR=scratch.path("cache-" + name), LAGAN_HOST=name)
        self.counts = collections.Counter()
        self.seconds = {}  # how long a command takes: the time at which it is killed follows
        self.trouble = None

    def lagan(self, *words, may_kill=False):
        """Standard output, or nothing if it was killed or fenced."""
        began = time.monotonic()
        process = self.scratch.start(*words, environment=self.environment)
        if may_kill and self.chance.random() < 0.35:
            self.stop.wait(self.chance.random() * self.seconds.get(words[0], 0.3))
            process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        if process.returncode == -signal.SIGKILL:
            self.counts[words[0] + " killed"] += 1
            return None
        if words[0] == "backup" and process.returncode == 1 and GAVE_UP in err:
            self.counts["backup fenced in vain"] += 1
            return None
        assert process.returncode == 0, f"{self.name_}: {words}: {process.returncode}\n{out}{err}"
        self.counts[words[0]] += 1
        self.seconds[words[0]] = time.monotonic() - began
        return out

    def run(self):
        try:
            while not self.stop.is_set():
                self.work()
        except BaseException as trouble:  # pylint: disable=broad-except
            self.trouble = trouble
            self.stop.set()


class Writer(Machine):
    """Changes a folder, saves it, forgets the oldest, and now and then restores one of the rest."""

    def __init__(self, scratch, name, seed, stop):
        super().__init__(scratch, name, seed, stop)
        self.source = scratch.path(name)
        self.saved = {}  # snapshot -> digests of what it saved
        self.is_first = True

    def work(self):
        self.change_source()
        self.back_up()
        while len(self.saved) > KEPT:
            self.forget(next(iter(self.saved)))
        if self.saved and self.chance.random() < 0.2:
            self.compare(self.chance.choice(list(self.saved)))

    def change_source(self):
        for i in range(FILES):
            if self.is_first or self.chance.random() < CHANGED:
                make = old_file if self.chance.random() < 0.5 else new_file
                content, size = make(self.chance)
                write_random(f"{self.source}/d{i % 3}/f{i}", size, content)
        self.is_first = False

    def listed(self):
        """Snapshots of this machine -> whether somebody vouches for them."""
        found = json.loads(self.lagan("snapshots", "--json"))
        return {each["id"]: each.get("verified", True) for each in found
                if each["hostname"] == self.name_}

    def back_up(self):
        saves = digests(self.source)
        out = self.lagan("backup", "--json", "--pack-size", "4", self.source, may_kill=True)
        if out is not None:
            self.saved[json.loads(out.splitlines()[-1])["snapshot_id"]] = saves
            return
        # It may have come to its end all the same. If it was fenced and could not look any more at
        # what it relied on, nobody has promised anything.
        for snapshot, is_verified in self.listed().items():
            if snapshot in self.saved:
                continue
            if is_verified:
                self.saved[snapshot] = saves
                self.counts["killed too late"] += 1
            else:
                self.counts["unverified"] += 1
                self.lagan("forget", "-q", snapshot)

    def forget(self, snapshot):
        # It does not count as live from here on, whether it is gone or not.
        saves = self.saved.pop(snapshot)
        if self.lagan("forget", "-q", snapshot, may_kill=True) is None:
            if snapshot in self.listed():
                self.saved = {snapshot: saves, **self.saved}

    def compare(self, snapshot):
        target = self.scratch.path("restored-" + self.name_)
        self.lagan("restore", "-q", f"{snapshot}:{self.source}", "--target", target)
        assert digests(target) == self.saved[snapshot], f"{snapshot} is not what was saved"
        shutil.rmtree(target)
        self.counts["compared"] += 1


class Collector(Machine):
    def work(self):
        # What a run stores again is there twice for a while, and once more if it is killed.
        words = ["prune", "--json", "--undelete-window", "0", "--max-repack-size", "8M"]
        if self.chance.random() < 0.2:
            words += ["--fence-after", "0"]  # also backups at work
        self.prune(words, may_kill=True)

    def prune(self, words, may_kill=False):
        out = self.lagan(*words, may_kill=may_kill)
        if out is not None:
            summary = json.loads(out.splitlines()[-1])
            self.counts["packs deleted"] += summary["packs_deleted"]
            self.counts["bytes deleted"] += summary["bytes_deleted"]


def live_bytes(writers):
    files = {}
    for writer in writers:
        for saves in list(writer.saved.values()):
            files.update(saves.values())
    return sum(files.values())


def watch(scratch, writers, collector, stop, seconds):
    """Until the time is over or somebody has failed; returns the largest share of live bytes."""
    end, most = time.monotonic() + seconds, 0.0
    while time.monotonic() < end and not stop.wait(0.5):
        # A first backup has no live bytes before it has come to its end; and what those left that
        # were killed before takes some runs to go.
        if not all(writer.saved for writer in writers) or collector.counts["prune"] < 3:
            continue
        stored, live = scratch.folder_bytes(), live_bytes(writers)
        most = max(most, stored / live)
        assert stored < 2 * live, f"{stored} bytes are stored, {live} are live"
    return most


def run(scratch, seed, seconds):
    scratch.run("init", "--kdf-memory", "8", "--kdf-passes", "1")
    stop = threading.Event()
    writers = [Writer(scratch, name, seed, stop) for name in ("attic", "cellar")]
    collector = Collector(scratch, "collector", seed, stop)
    machines = [*writers, collector]
    for machine in machines:
        machine.start()
    try:
        most = watch(scratch, writers, collector, stop, seconds)
    finally:
        stop.set()
        for machine in machines:
            machine.join()
    for machine in machines:
        if machine.trouble:
            raise machine.trouble
    for writer in writers:
        for snapshot in writer.saved:
            writer.compare(snapshot)
    scratch.check_is_clean("--read-data")
    # Once everybody is quiet nothing is left of what was forgotten, or of those who were killed.
    for _ in range(3):
        collector.prune(["prune", "--json", "--undelete-window", "0", "--max-unused", "0"])
    left = scratch.folder_bytes() / live_bytes(writers)
    counts = sum((machine.counts for machine in machines), collections.Counter())
    print(f"at most {most:.2f} times the live bytes, {left:.2f} at the end;",
          ", ".join(f"{counts[what]} {what}" for what in sorted(counts)))
    assert left < 1.1
    for what in ("backup killed", "prune", "prune killed", "packs deleted", "compared"):
        assert counts[what], f"none: {what}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    with Scratch(options.program) as scratch:
        run(scratch, options.seed, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
