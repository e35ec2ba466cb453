#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Four machines back up to one bucket of Ceph while a fifth prunes it; clients, gateway and store are killed.

Every snapshot that was committed and not forgotten is restored and compared. `--seconds 1800` is the
long form.
"""

import argparse
import collections
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
from program import Scratch  # noqa: E402
from prune_loop_test import GAVE_UP, TIMEOUT_SECONDS, Collector, Writer  # noqa: E402
from servers import CephRgw  # noqa: E402

HOSTS = ("attic", "cellar", "garden", "kitchen")
# What a command says that meets no gateway when it begins. Later it would try again.
NOBODY_THERE = ("no connection", "the connection broke", "no answer in time", "trouble of its own")


class OverNetwork:
    """Mixed into a machine: a gateway that is away at first is waited for."""

    gateway = None

    def lagan(self, *words, may_kill=False):
        while True:
            began = time.monotonic()
            process = self.scratch.start(*words, environment=self.environment)
            if may_kill and self.chance.random() < 0.35:
                self.stop.wait(self.chance.random() * self.seconds.get(words[0], 0.5))
                process.send_signal(signal.SIGKILL)
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
            if process.returncode == -signal.SIGKILL:
                self.counts[words[0] + " killed"] += 1
                return None
            if words[0] == "backup" and process.returncode == 1 and GAVE_UP in err:
                self.counts["backup fenced in vain"] += 1
                return None
            if process.returncode == 1 and any(text in err for text in NOBODY_THERE):
                self.counts["met no gateway"] += 1
                with self.gateway.lock:  # until it is there again
                    continue
            assert process.returncode == 0, f"{self.name_}: {words}: {process.returncode}\n{out}{err}"
            self.counts[words[0]] += 1
            self.counts["tried again"] += err.count("trying again")
            self.seconds[words[0]] = time.monotonic() - began
            return out


class Host(OverNetwork, Writer):
    pass


class Pruner(OverNetwork, Collector):
    pass


class Gateway:
    """Kills gateway or store now and then, and starts it again; in the main thread, with whose end servers end."""

    def __init__(self, server, chance):
        self.server, self.chance = server, chance
        self.lock = threading.Lock()
        self.kills = collections.Counter()

    def trouble_until(self, end, stop):
        while not stop.wait(min(self.chance.uniform(5, 20), max(0, end - time.monotonic()))):
            if time.monotonic() >= end:
                return
            if self.chance.random() < 0.3:  # requests wait for it
                self.server.kill_store()
                time.sleep(self.chance.uniform(0, 2))
                self.server.start_store()
                self.kills["store killed"] += 1
                continue
            with self.lock:
                self.server.kill_gateway()
                time.sleep(self.chance.uniform(0, 2))
                self.server.start_gateway()
            self.kills["gateway killed"] += 1


def run(scratch, server, seed, seconds):
    scratch.run("init", "--kdf-memory", "8", "--kdf-passes", "1")
    stop = threading.Event()
    gateway = OverNetwork.gateway = Gateway(server, random.Random(seed))
    hosts = [Host(scratch, name, seed, stop) for name in HOSTS]
    machines = [*hosts, Pruner(scratch, "pruner", seed, stop)]
    for machine in machines:
        machine.start()
    try:
        gateway.trouble_until(time.monotonic() + seconds, stop)
    finally:
        stop.set()
        for machine in machines:
            machine.join()
    for machine in machines:
        if machine.trouble:
            raise machine.trouble
    compared = 0
    for host in hosts:
        for snapshot in host.saved:
            host.compare(snapshot)
            compared += 1
    scratch.check_is_clean("--read-data")
    counts = sum((machine.counts for machine in machines), gateway.kills)
    print(f"{compared} snapshots are what was saved;",
          ", ".join(f"{counts[what]} {what}" for what in sorted(counts)))
    for what in ("backup", "backup killed", "prune", "gateway killed", "store killed", "compared"):
        assert counts[what], f"none: {what}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    if not CephRgw.is_installed():
        print("not installed:", ", ".join(CephRgw.programs))
        return 77
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    with CephRgw(survives_kill=True) as server:
        os.environ.update(server.environment)
        with Scratch(options.program, server.location("four-hosts")) as scratch:
            run(scratch, server, options.seed, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
