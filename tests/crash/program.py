# SPDX-License-Identifier: Apache-2.0
"""Running the built program on a scratch folder, for the crash tests."""

import json
import os
import random
import shutil
import subprocess
import tempfile


class Scratch:
    """A folder with a repository and its own cache; removed at the end."""

    def __init__(self, program, repository=None):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="lagan-crash-")
        self.repository = repository or self.path("repository")
        self.environment = dict(
            os.environ,
            LAGAN_PASSWORD="secret",
            LAGAN_CACHE_DIR=self.path("cache"),
            LAGAN_REPOSITORY=self.repository,
        )

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *arguments, environment=None):
        return subprocess.Popen(
            [self.program, *arguments],
            env={**self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, expect=0):
        process = self.start(*arguments)
        out, err = process.communicate()
        assert process.returncode == expect, (
            f"lagan {' '.join(arguments)}: exit {process.returncode}, not {expect}\n{out}{err}"
        )
        return out, err

    def stored_bytes(self, folder="data"):
        """Of the packs; temporary files do not count."""
        total = 0
        for where, _, names in os.walk(os.path.join(self.repository, folder)):
            for name in names:
                if name.startswith("."):
                    continue
                try:
                    total += os.path.getsize(os.path.join(where, name))
                except FileNotFoundError:
                    pass
        return total

    def folder_bytes(self):
        """Of the whole repository, with what killed processes have left."""
        total = 0
        for where, _, names in os.walk(self.repository):
            for name in names:
                try:
                    total += os.path.getsize(os.path.join(where, name))
                except FileNotFoundError:
                    pass
        return total

    def check_is_clean(self, *arguments):
        out, err = self.run("check", "--json", *arguments)
        summary = json.loads(out.splitlines()[-1])
        assert summary["num_errors"] == 0, out + err
        return summary

    def restores(self, snapshot, source):
        """The snapshot's copy of `source` is what `source` holds now."""
        target = self.path("restored")
        self.run("restore", f"{snapshot}:{source}", "--target", target)
        difference = subprocess.run(
            ["diff", "-r", "--no-dereference", source, target], capture_output=True, text=True
        )
        shutil.rmtree(target)
        assert difference.returncode == 0, difference.stdout

    def snapshots(self):
        out, _ = self.run("snapshots", "--json")
        return [snapshot["id"] for snapshot in json.loads(out)]


def write_random(path, size, seed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(random.Random(seed).randbytes(size))
