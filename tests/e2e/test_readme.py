# SPDX-License-Identifier: Apache-2.0
"""The shell sessions that the documents print do what they print.

A session is an indented or fenced block whose first line begins with `$ `. Its commands run as they
are printed, in one shell, in a home of their own; paths from the root are put below a temporary
folder. Lines after a command are promised output: their ids, times and numbers may differ.
"""

import json
import os
import re
import subprocess
import textwrap
import unittest

from helpers import LAGAN, QUICK_KEY, Repository, write

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
VARYING = (  # in this order
    (r"\b\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "<time>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}([0-9a-f]{8})*\b", "<id>"),
    (r"\b\d+(\.\d+)?( (B|[KMGT]iB)\b)?", "<number>"),
    (r"\s+", " "),
)


def sessions(text):
    """Lists of (command, lines of promised output), one for each block."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^    .*\n)+", re.sub(r"^```.*?^```", "", text,
                                                    flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    found = []
    for block in fenced + [textwrap.dedent(block) for block in indented]:
        if not block.startswith("$ "):
            continue
        session = []
        for line in block.splitlines():
            if line.startswith("$ "):
                session.append((line[2:], []))
            elif line.strip():
                session[-1][1].append(line)
        found.append(session)
    return found


def document(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read() + "\n"


def shape(line):
    """A line without what differs from run to run."""
    try:
        message = json.loads(line)
    except ValueError:
        for pattern, word in VARYING:
            line = re.sub(pattern, word, line)
        return line.strip()
    return {key: type(value).__name__ for key, value in message.items()}


def missing(promised, output):
    """The promised lines that do not come, in this order."""
    rest = iter([shape(line) for line in output.splitlines()])
    return [line for line in promised if shape(line) not in rest]


class Session(Repository):
    def setUp(self):
        self.prepare_folder()
        del self.environment["LAGAN_REPOSITORY"], self.environment["LAGAN_PASSWORD"]
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        os.symlink(LAGAN, os.path.join(programs, "lagan"))
        self.environment["PATH"] = programs + ":" + os.environ["PATH"]
        os.mkdir(os.path.join(self.folder, "srv"))

    def below_folder(self, text):
        return re.sub(r"(?<![\w~.:/\\])/(?!dev/)(?=\w)", lambda _: self.folder + "/", text)

    def run_session(self, session):
        """Each command must end with 0; returns the output of each."""
        outputs = [os.path.join(self.folder, f"output-{i}") for i in range(len(session))]
        # Braces, not parentheses: what a command sets, later ones see.
        script = "".join(
            "{ " + self.below_folder(command) + f"\n}} >'{output}' 2>&1 || exit {i + 1}\n"
            for i, ((command, _), output) in enumerate(zip(session, outputs)))
        done = subprocess.run(["bash", "-c", script], env=self.environment, cwd=self.folder,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        if done.returncode != 0:
            command, output = session[done.returncode - 1][0], outputs[done.returncode - 1]
            with open(output, encoding="utf-8") as file:
                self.fail(f"$ {command}\n{file.read()}")
        texts = []
        for output in outputs:
            with open(output, encoding="utf-8") as file:
                texts.append(file.read())
        return texts

    def check_session(self, session):
        for (command, promised), output in zip(session, self.run_session(session)):
            self.assertEqual(missing([self.below_folder(line) for line in promised], output), [],
                             f"$ {command}\n{output}")


class Readme(Session):
    def setUp(self):
        super().setUp()
        documents = os.path.join(self.folder, "documents")
        os.mkdir(documents)
        write(documents + "/letter", "Dear reader,\n")

    def test_its_sessions_work(self):
        found = sessions(document("README.md"))
        commands = [command for session in found for command, _ in session]
        for word in ("init", "backup", "snapshots", "restore", "check"):
            self.assertTrue(any(command.startswith("lagan " + word) for command in commands), word)
        for session in found:
            self.check_session(session)

    def test_what_it_restores_is_what_was_saved(self):
        for session in sessions(document("README.md")):
            self.run_session(session)
        restored = os.path.join(self.folder, "tmp/restored")
        copies = [os.path.join(here, name) for here, _, names in os.walk(restored)
                  for name in names]
        self.assertEqual(len(copies), 1)
        with open(copies[0], encoding="utf-8") as file:
            self.assertEqual(file.read(), "Dear reader,\n")


class CommandLineDocument(Session):
    def test_its_sessions_work(self):
        found = sessions(document("docs/cli.md"))
        self.assertTrue(found)
        self.environment.update(LAGAN_REPOSITORY=self.repository, LAGAN_PASSWORD="first")
        self.run_lagan("init", *QUICK_KEY)
        os.mkdir(self.folder + "/d")
        write(self.folder + "/d/file", "12345")
        for session in found:
            self.check_session(session)


class Shape(unittest.TestCase):
    """The judge is judged: it finds what is promised and not kept."""

    def test_numbers_ids_and_times_may_differ(self):
        promised = ["snapshot 760c2644 saved", "added: 12 B (6.109 KiB stored)",
                    "12345678  2026-11-20 20:34:09  host"]
        output = "snapshot 01234567 saved\nmore\nadded: 1.5 MiB (2 B stored)\n" \
                 "0f0f0f0f  2027-01-01 00:00:00 host\n"
        self.assertEqual(missing(promised, output), [])

    def test_words_may_not(self):
        self.assertEqual(missing(["snapshot 760c2644 saved"], "snapshot 760c2644 lost"),
                         ["snapshot 760c2644 saved"])
        self.assertEqual(missing(["b", "a"], "a\nb"), ["a"])
        self.assertEqual(missing(['{"a":1}'], '{"a":"1"}'), ['{"a":1}'])
        self.assertEqual(missing(['{"a":1}'], '{"a":2}'), [])

    def test_blocks_are_found(self):
        text = "    $ one\n    out\n    $ two\n\n```sh\n$ three\n```\n\n    no session\n"
        self.assertEqual(sessions(text), [[("three", [])], [("one", ["out"]), ("two", [])]])


if __name__ == "__main__":
    unittest.main()
