# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a repository of their own, and ways to run the program on it.

The program is named by the environment variable LAGAN.
"""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

LAGAN = os.path.abspath(os.environ["LAGAN"])
QUICK_KEY = ("--kdf-memory", "8", "--kdf-passes", "1")
IS_ROOT = os.geteuid() == 0
NOBODY = 65534


def write(path, content=""):
    mode = "wb" if isinstance(content, bytes) else "w"
    with open(path, mode) as file:
        file.write(content)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def attributes(path):
    """What a restore gives back of an entry, but for its content."""
    found = os.lstat(path)
    xattrs = {name: os.getxattr(path, name, follow_symlinks=False)
              for name in os.listxattr(path, follow_symlinks=False)}
    return (stat.filemode(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns,
            found.st_rdev, xattrs)


def tree(folder):
    """Everything below a folder: relative path to attributes and content."""
    found = {}
    root = os.fsencode(folder)
    for here, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(here, name)
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = read(path)
            found[os.path.relpath(path, root)] = (attributes(path), content)
    return found


def settle():
    """What changed less than 20 ms ago is read again by the next backup, for its time could hide a
    further change."""
    time.sleep(0.03)


def strace(*flags):
    """Options of Repository.start that have the program watched."""
    return {"before": ("strace", "-f", "-qq", *flags),
            "env": {"ASAN_OPTIONS": "detect_leaks=0"}}  # That cannot be watched.


class Repository(unittest.TestCase):
    """A folder with room for a repository and a source, and ways to run commands there."""

    user = None  # whom the program runs as; None: whoever runs the tests
    program = LAGAN
    saved_as = None  # where the source lies in snapshots; None: where it is

    @classmethod
    def prepare_folder(cls):
        cls.folder = tempfile.mkdtemp(prefix="lagan-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.source = os.path.join(cls.folder, "source")
        cls.repository = os.path.join(cls.folder, "repository")
        cls.environment = {
            "PATH": os.environ["PATH"],
            "HOME": cls.folder,
            "TZ": "UTC",
            "LAGAN_REPOSITORY": cls.repository,
            "LAGAN_PASSWORD": "first",
            "LAGAN_CACHE_DIR": os.path.join(cls.folder, "cache"),
        }

    @classmethod
    def prepare(cls):
        cls.prepare_folder()
        cls.run_lagan("init", *QUICK_KEY, "--label", "attic")

    @classmethod
    def start(cls, *words, env=None, before=(), **options):
        """The running program, its output in pipes."""
        if cls.user is not None:
            options.update(user=cls.user, group=cls.user, extra_groups=[])
        return subprocess.Popen([*before, cls.program, *words],
                                env={**cls.environment, **(env or {})},
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})

    @classmethod
    def run_lagan(cls, *words, code=0, stdin=None, binary=False, **options):
        """What it prints to stdout. It ends with this code (None: with any)."""
        if stdin is not None:
            options["stdin"] = subprocess.PIPE
        with cls.start(*words, **options) as process:
            try:
                output, errors = process.communicate(stdin, timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        cls.errors = errors.decode(errors="replace")
        if code is not None and process.returncode != code:
            raise AssertionError(
                f"{words}: exit code {process.returncode}, not {code}\n{cls.errors}")
        return output if binary else output.decode(errors="surrogateescape")

    @classmethod
    def json(cls, *words, **options):
        return json.loads(cls.run_lagan(*words, "--json", **options))

    @classmethod
    def json_lines(cls, *words, **options):
        output = cls.run_lagan("--json", *words, **options)
        return [json.loads(line) for line in output.splitlines()]

    @classmethod
    def backup(cls, *words, **options):
        """The id of a new snapshot, of the source unless words say something else."""
        return cls.summary(*(words or (cls.source,)), **options)["snapshot_id"]

    @classmethod
    def summary(cls, *words, **options):
        moved = ("--as-path", cls.saved_as) if cls.saved_as else ()
        return cls.json_lines("backup", *moved, *words, **options)[-1]

    def restore(self, snapshot="latest", *words, **options):
        """A new folder with what lay below the source."""
        target = tempfile.mkdtemp(prefix="restored-", dir=self.folder)
        if self.user is not None:
            os.chown(target, self.user, self.user)
        saved = f"{snapshot}:{self.saved_as or self.source}"
        self.run_lagan("restore", saved, "-t", target, *words, **options)
        return target

    def snapshots(self, *words):
        return self.json("snapshots", *words)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.source, name)

    def stored(self):
        """Every object of the repository with its size."""
        return {os.path.join(here, name): os.stat(os.path.join(here, name)).st_size
                for here, _, names in os.walk(self.repository) for name in names}

    def refuse(self, *words, code=1, saying="", **options):
        """Bad input gets one sentence on stderr and nothing on stdout."""
        output = self.run_lagan(*words, code=code, **options)
        self.assertEqual(output, "")
        self.assertEqual(len(self.errors.splitlines()), 1, self.errors)
        self.assertTrue(self.errors.startswith("lagan: "), self.errors)
        self.assertIn(saying, self.errors)


class Fresh(Repository):
    """An empty repository and an empty source for each test."""

    def setUp(self):
        self.prepare()
        os.mkdir(self.source)


class OrdinaryUser(Repository):
    """The same for a user whom permissions stop, as they do not stop root."""

    user = NOBODY if IS_ROOT else None

    @classmethod
    def prepare_folder(cls):
        super().prepare_folder()
        os.chmod(cls.folder, 0o755)
        if cls.user is not None:
            os.chown(cls.folder, cls.user, cls.user)
        cls.program = os.path.join(cls.folder, "lagan")
        shutil.copy(LAGAN, cls.program)

    def setUp(self):
        self.prepare()
        os.mkdir(self.source)
