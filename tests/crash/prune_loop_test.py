#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two machines back up, forget and prune one repository at the same time, and are killed at random.

Each backup keeps a copy of what it saved; at the end, and now and then meanwhile, snapshots are
restored and compared with their copies. The repository must stay below twice its live bytes and
some room for what waits. The seed is printed; arguments: PROGRAM [SEED [SECONDS]].
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

from program import Scratch, write_random

KIB = 1 << 10
MIB = 1 << 20
FILES = 12
KEPT = 3  # snapshots of each machine
SLACK = 24 * MIB


class Machine(threading.Thread):
    """Backs up a folder of its own again and again, with a cache of its own."""

    def __init__(self, scratch, name, seed, stop):
        super().__init__()
        self.scratch, self.name_, self.stop = scratch, name, stop
        self.chance = random.Random(f"{seed}/{name}")
        self.source = scratch.path(name)
        self.environment = dict(scratch.environment, LAGAN_CACHE_DIR=scratch.path("cache-" + name),
                                LAGAN_HOST=name)
        self.copies = {}  # snapshot -> a folder that holds what it saved
        self.killed = self.pruned = self.deleted = 0
        self.trouble = None

    def lagan(self, *words, may_kill=False):
        """Standard output, or nothing if it was killed."""
        process = subprocess.Popen([self.scratch.program, *words], env=self.environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if may_kill and self.chance.random() < 0.35:
            time.sleep(self.chance.random() * 0.6)
            process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=120)
        if process.returncode == -signal.SIGKILL:
            self.killed += 1
            return None
        # A pack or segment may go while somebody looks: that is told, and the next try works.
        assert process.returncode == 0, f"{self.name_}: {words}: {process.returncode}\n{out}{err}"
        return out

    def change_source(self):
        for i in range(FILES):
            if self.chance.random() < 0.3:
                write_random(f"{self.source}/d{i % 3}/f{i}", self.chance.randrange(1, 900 * KIB),
                             str(self.chance.random()))

    def back_up(self):
        self.change_source()
        out = self.lagan("backup", "--json", "--pack-size", "4", self.source, may_kill=True)
        if out is None:
            return
        snapshot = json.loads(out.splitlines()[-1])["snapshot_id"]
        copy = self.scratch.path(f"copy-{snapshot}")
        shutil.copytree(self.source, copy)
        self.copies[snapshot] = copy

    def forget(self):
        while len(self.copies) > KEPT:
            oldest = next(iter(self.copies))
            if self.lagan("forget", "-q", oldest, may_kill=True) is None:
                # It may be forgotten or not.
                listed = json.loads(self.lagan("snapshots", "--json"))
                if any(each["id"] == oldest for each in listed):
                    continue
            shutil.rmtree(self.copies.pop(oldest))

    def prune(self):
        out = self.lagan("prune", "--json", "--undelete-window", "0", may_kill=True)
        if out is not None:
            self.pruned += 1
            self.deleted += json.loads(out)["packs_deleted"]

    def compare(self, snapshot):
        target = self.scratch.path("restored-" + self.name_)
        self.lagan("restore", "-q", f"{snapshot}:{self.source}", "--target", target)
        difference = subprocess.run(["diff", "-r", target, self.copies[snapshot]], text=True,
                                    capture_output=True, check=False)
        shutil.rmtree(target)
        assert difference.returncode == 0, difference.stdout

    def run(self):
        try:
            while not self.stop.is_set():
                self.back_up()
                self.forget()
                if self.chance.random() < 0.7:
                    self.prune()
                if self.copies and self.chance.random() < 0.2:
                    self.compare(self.chance.choice(list(self.copies)))
        except BaseException as trouble:  # pylint: disable=broad-except
            self.trouble = trouble
            self.stop.set()


def live_bytes(machines):
    total = 0
    for machine in machines:
        for copy in list(machine.copies.values()):
            for where, _, names in os.walk(copy):
                total += sum(os.path.getsize(os.path.join(where, name)) for name in names)
    return total


def main():
    program = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 20
    print(f"seed {seed}, {seconds:.0f} s", flush=True)
    with Scratch(program) as scratch:
        scratch.run("init", "--kdf-memory", "8", "--kdf-passes", "1")
        stop = threading.Event()
        machines = [Machine(scratch, name, seed, stop) for name in ("attic", "cellar")]
        for machine in machines:
            machine.start()
        end, most = time.monotonic() + seconds, 0.0
        while time.monotonic() < end and not stop.wait(2):
            stored, live = scratch.stored_bytes(), live_bytes(machines)
            most = max(most, stored / max(live, 1))
            if stored > 2 * live + SLACK:
                stop.set()
                raise AssertionError(f"{stored} bytes are stored, {live} are live")
        stop.set()
        for machine in machines:
            machine.join()
            if machine.trouble:
                raise machine.trouble
        scratch.check_is_clean("--read-data")
        for machine in machines:
            for snapshot in machine.copies:
                machine.compare(snapshot)
        killed = sum(machine.killed for machine in machines)
        pruned = sum(machine.pruned for machine in machines)
        deleted = sum(machine.deleted for machine in machines)
        print(f"{killed} killed, {pruned} prunes, {deleted} packs deleted, at most {most:.2f} times "
              "the live bytes")
        assert killed and pruned and deleted
    return 0


if __name__ == "__main__":
    sys.exit(main())
