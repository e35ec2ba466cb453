# SPDX-License-Identifier: Apache-2.0
"""The face of the program: help, manual pages, completions, suggestions, bad input, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from helpers import LAGAN, Repository, read, write
from terminal import Terminal

ESCAPE = "\x1b["
DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "cli.md")


class Face(Repository):
    @classmethod
    def setUpClass(cls):
        cls.prepare_folder()

    @classmethod
    def commands(cls):
        """Every command of the program, as the list in its help has them."""
        listed = cls.run_lagan("--help").split("Usage", 1)[1]
        return re.findall(r"^  ([a-z]+)  +\S", listed, re.MULTILINE)


class Help(Face):
    def test_teaches_with_examples_first(self):
        commands = self.commands()
        self.assertIn("backup", commands)
        self.assertIn("versions", commands)
        for command in commands:
            with self.subTest(command):
                text = self.run_lagan(command, "--help")
                self.assertTrue(text.startswith(f"lagan {command}: "), text)
                self.assertRegex(text, f"\nExamples\n  lagan .*{command}")
                self.assertLess(text.index("Examples"), text.index("Flags"))
                self.assertEqual(self.run_lagan("help", command), text)

    def test_groups_flags(self):
        text = self.run_lagan("backup", "--help")
        leave_out = text[text.index("What to leave out\n"):text.index("The snapshot\n")]
        self.assertIn("-e, --exclude PATTERN", leave_out)
        self.assertNotIn("--stdin", leave_out)

    def test_has_colours_on_a_terminal_only(self):
        self.assertNotIn(ESCAPE, self.run_lagan("--help"))
        environment = {**self.environment, "TERM": "xterm"}
        with Terminal([LAGAN, "--help"], environment) as terminal:
            self.assertIn(f"{ESCAPE}1mExamples{ESCAPE}0m", terminal.read_all())
        for refusal in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with Terminal([LAGAN, "--help"], {**environment, **refusal}) as terminal:
                self.assertNotIn(ESCAPE, terminal.read_all())

    def test_errors_are_red_on_a_terminal_only(self):
        self.run_lagan("bakcup", code=1)
        self.assertNotIn(ESCAPE, self.errors)
        with Terminal([LAGAN, "bakcup"], {**self.environment, "TERM": "xterm"}) as terminal:
            self.assertIn(f"{ESCAPE}1;31mlagan:{ESCAPE}0m no command", terminal.read_all())

    def test_without_a_repository_explains_the_first_steps(self):
        bare = {"LAGAN_REPOSITORY": ""}
        text = self.run_lagan(env=bare)
        self.assertLessEqual(len(text.splitlines()), 10)
        for step in ("init", "backup", "restore"):
            self.assertIn(f"lagan -r /mnt/disk/backup {step}", text)
        self.assertEqual(self.run_lagan(), self.run_lagan("--help"))

    def test_the_first_steps_are_true(self):
        text = self.run_lagan(env={"LAGAN_REPOSITORY": ""})
        steps = [line.split() for line in text.splitlines() if line.startswith("       lagan")]
        self.assertEqual(len(steps), 3)
        os.makedirs(self.source)
        write(self.path("file"), "content")
        restored = os.path.join(self.folder, "restored")
        here = {"/mnt/disk/backup": self.repository, "~/documents": self.source,
                "/tmp/restored": restored}
        for _, *words in steps:
            self.run_lagan(*[here.get(word, word) for word in words],
                           env={"LAGAN_REPOSITORY": ""})
        self.assertEqual(read(restored + self.path("file")), b"content")


class ManualPages(Face):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pages = os.path.join(cls.folder, "man")
        cls.run_lagan("man", "--output", cls.pages)

    def test_there_is_one_for_each_command(self):
        self.assertEqual(set(os.listdir(self.pages)),
                         {"lagan.1", *(f"lagan-{command}.1" for command in self.commands())})
        self.assertEqual(self.run_lagan("man", "backup").encode(),
                         read(os.path.join(self.pages, "lagan-backup.1")))
        self.refuse("man", "bakcup", saying="bakcup")
        self.refuse("man", "backup", "--output", self.pages, saying="--output")

    def test_groff_finds_nothing_to_warn_of(self):
        if shutil.which("groff") is None:
            self.skipTest("needs groff")
        for page in sorted(os.listdir(self.pages)):
            with self.subTest(page):
                done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-cbou",
                                       os.path.join(self.pages, page)],
                                      capture_output=True, check=True, text=True)
                self.assertEqual(done.stderr, "")
                self.assertIn("EXAMPLES", done.stdout)

    def test_they_show_what_is_typed_as_it_is_typed(self):
        if shutil.which("groff") is None:
            self.skipTest("needs groff")
        text = subprocess.run(["groff", "-man", "-Tutf8", "-P-cbou", "-rLL=120n",
                               os.path.join(self.pages, "lagan-backup.1")],
                              capture_output=True, check=True, text=True).stdout
        self.assertIn("lagan backup ~ --exclude '*.o' --exclude-caches", text)
        self.assertIn("-e, --exclude PATTERN", text)


class Completions(Face):
    def test_every_shell_accepts_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            if shutil.which(shell) is None:
                continue
            with self.subTest(shell):
                script = os.path.join(self.folder, shell)
                write(script, self.run_lagan("completions", shell))
                done = subprocess.run([shell, "-n", script], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_all_of_them_know_every_command_and_flag(self):
        scripts = {shell: self.run_lagan("completions", shell) for shell in ("bash", "zsh", "fish")}
        for command in ("", *self.commands()):
            text = self.run_lagan(*command.split(), "--help")
            for flag in re.findall(r"^ +(?:-., )?--([a-z-]+)", text, re.MULTILINE):
                for shell, script in scripts.items():
                    wanted = f"-l {flag}" if shell == "fish" else f"--{flag}"
                    self.assertIn(wanted, script, f"{shell} {command}")

    def fish(self, line):
        script = os.path.join(self.folder, "lagan.fish")
        write(script, self.run_lagan("completions", "fish"))
        done = subprocess.run(["fish", "--no-config", "-c",
                               f"source {script}; complete -C '{line}'"],
                              capture_output=True, check=True, text=True,
                              env={**self.environment, "XDG_DATA_HOME": self.folder})
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_fish_completes_commands_flags_and_words(self):
        if shutil.which("fish") is None:
            self.skipTest("needs fish")
        self.assertIn("snapshots", self.fish("lagan sna"))
        self.assertEqual(self.fish("lagan ls --ncd"), ["--ncdu"])
        self.assertEqual(self.fish("lagan ls --sort ext"), ["extension"])
        self.assertIn("passwd", self.fish("lagan key pas"))


class Mistakes(Face):
    def test_what_was_meant_is_suggested(self):
        self.refuse("bakcup", "/home",
                    saying="no command is called 'bakcup'; did you mean 'backup'?")
        self.refuse("backup", "--exclud", "x", "/home",
                    saying="no flag of 'lagan backup' is called '--exclud'; "
                           "did you mean '--exclude'?")
        self.run_lagan("backup", "--exclud", "x", "/home", "--json", code=1)
        message = json.loads(self.errors)
        self.assertEqual((message["message_type"], message["code"]), ("exit_error", 1))
        self.assertIn("'--exclude'", message["message"])


class BadInput(Repository):
    """One sentence that names the flag and the fix, before anything is written."""

    @classmethod
    def setUpClass(cls):
        cls.prepare()
        os.mkdir(cls.source)
        write(cls.path("file"), "content")
        cls.backup()

    CASES = (
        (("--compression", "wild", "backup", "."), "--compression"),
        (("--pack-size", "1", "backup", "."), "--pack-size"),
        (("--pack-size", "big", "backup", "."), "--pack-size"),
        (("--cache-size", "big", "snapshots"), "--cache-size"),
        (("backup", ".", "--time", "yesterday"), "yesterday"),
        (("backup", ".", "--exclude", "[a"), "[a"),
        (("backup", ".", "--exclude-larger-than", "big"), "big"),
        (("backup", ".", "--exclude-file", "/nowhere/at/all"), "/nowhere/at/all"),
        (("backup", ".", "--stdin"), "--stdin"),
        (("backup",), "name a path"),
        (("restore", "latest"), "--target"),
        (("restore", "latest", "-t", "/nowhere/at/all", "-i", "a", "-e", "b"), "--include"),
        (("restore", "latest", "-t", "/nowhere/at/all", "-i", "[a"), "[a"),
        (("find", "[a"), "[a"),
        (("find", "x", "--oldest", "2026-02-30"), "--oldest"),
        (("find", "x", "--newest", "soon"), "--newest"),
        (("find", "x", "--larger-than", "big"), "--larger-than"),
        (("find", "x", "--smaller-than", "-1"), "--smaller-than"),
        (("find", "--blob", "1234", "--larger-than", "1M"), "--blob"),
        (("find", "--pack", "1234", "--tree"), "--pack"),
        (("ls", "latest", "--sort", "colour"), "--sort"),
        (("ls", "latest", "--ncdu", "--reverse"), "--ncdu"),
        (("diff", "latest", "latest", "--content"), "--content"),
        (("diff", "/etc", "latest"), "/etc"),
        (("dump", "latest", "/", "-a", "rar"), "tar.zst or zip"),
        (("stats", "--mode", "guess"), "--mode"),
        (("check", "--read-data", "--read-data-subset", "5%"), "--read-data-subset"),
        (("check", "--read-data-subset", "5/2"), "5/2"),
        (("forget", "--keep-within", "soon"), "--keep-within"),
        (("forget", "--keep-daily", "many"), "--keep-daily"),
        (("prune", "--max-unused", "much"), "--max-unused"),
        (("prune", "--undelete-window", "1y"), "--undelete-window"),
        (("completions", "tcsh"), "fish"),
        (("man", "--output", "/tmp", "backup"), "--output"),
    )

    def test_is_refused(self):
        before = self.stored()
        for words, named in self.CASES:
            with self.subTest(words):
                self.refuse(*words, saying=named, cwd=self.source)
                self.assertFalse(os.path.exists("/nowhere"))
        self.assertEqual(self.stored(), before)


class ExitCodes(Repository):
    """Each code of the table in docs/cli.md is provoked by one test."""

    @classmethod
    def setUpClass(cls):
        cls.prepare()
        os.mkdir(cls.source)
        write(cls.path("file"), "content")

    def provoke_0(self):
        self.run_lagan("snapshots")

    def provoke_1(self):
        self.run_lagan("snapshots", "--nonsense", code=1)

    def provoke_3(self):
        self.run_lagan("backup", self.source, self.path("gone"), code=3)

    def provoke_10(self):
        self.run_lagan("snapshots", code=10, env={"LAGAN_REPOSITORY": self.folder + "/none"})

    def provoke_11(self):
        """Never: nothing is ever locked."""
        self.run_lagan("unlock")

    def provoke_12(self):
        self.run_lagan("snapshots", code=12, env={"LAGAN_PASSWORD": "wrong"})

    def provoke_130(self):
        with self.start("backup", "--stdin", stdin=subprocess.PIPE) as process:
            # More than fits into the pipe: it is reading, and waits for more.
            process.stdin.write(bytes(1 << 20))
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            process.stdin.close()
            process.wait(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_each_is_provoked(self):
        table = read(DOCUMENT).decode().split("## Exit codes")[1].split("\n## ")[0]
        codes = re.findall(r"^\| (\d+) \|", table, re.MULTILINE)
        self.assertEqual({f"provoke_{code}" for code in codes},
                         {name for name in dir(self) if name.startswith("provoke_")})
        for code in codes:
            with self.subTest(code):
                getattr(self, f"provoke_{code}")()

    def test_the_manual_page_lists_the_same(self):
        table = read(DOCUMENT).decode().split("## Exit codes")[1].split("\n## ")[0]
        status = self.run_lagan("man").split(".SH EXIT STATUS")[1].split(".SH")[0]
        self.assertEqual(set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE)),
                         set(re.findall(r"\\fB(\d+)\\fR", status)))

    def test_and_the_same_variables(self):
        table = read(DOCUMENT).decode().split("## Environment")[1].split("\n## ")[0]
        listed = self.run_lagan("man").split(".SH ENVIRONMENT")[1].split(".SH")[0]
        self.assertEqual(set(re.findall(r"(?:LAGAN_|NO_COLOR)[A-Z_]*", table)),
                         set(re.findall(r"(?:LAGAN_|NO_COLOR)[A-Z_]*", listed)))


if __name__ == "__main__":
    unittest.main()
