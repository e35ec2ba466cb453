# SPDX-License-Identifier: Apache-2.0
"""How far long work is: bars on a terminal, lines and JSON elsewhere, and what SIGUSR1 answers."""

import json
import os
import signal
import subprocess
import unittest

from helpers import LAGAN, Fresh, write
from terminal import Terminal

# More than fits into a pipe: who has written it knows that the program is reading.
PIECE = os.urandom(1 << 20)


class OnATerminal(Fresh):
    def terminal(self, *words, **options):
        environment = {**self.environment, "TERM": "xterm", "LANG": "C.UTF-8",
                       "LAGAN_PROGRESS_FPS": "60", **options.pop("env", {})}
        return Terminal([LAGAN, *words], environment, **options)

    def backup_of_stdin(self, **options):
        terminal = self.terminal("backup", "--stdin", stdin=subprocess.PIPE, **options)
        terminal.process.stdin.write(PIECE)
        terminal.process.stdin.flush()
        return terminal

    def test_the_line_of_a_phase_is_rewritten_and_its_last_state_stays(self):
        with self.backup_of_stdin() as terminal:
            terminal.read_until("\r\x1b[Kfiles ")
            terminal.read_until("MiB/s")
            terminal.process.stdin.close()
            seen = terminal.read_all()
        last = seen.split("\r\x1b[K")[-1].splitlines()
        self.assertRegex(seen, r"\r\x1b\[Kfiles +1\.00 MiB  .*in \d+:\d\d\r\n")
        self.assertIn("snapshot", last[-1])

    def test_a_line_never_wraps(self):
        with self.backup_of_stdin(columns=40) as terminal:
            terminal.read_until("\x1b[Kfiles ")
            terminal.process.stdin.close()
            seen = terminal.read_all()
        for line in seen.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            if line.startswith("\x1b[Kfiles"):
                self.assertLess(len(line) - len("\x1b[K"), 40)

    def test_bars_show_the_share_that_is_done(self):
        for number in range(20):
            write(self.path(str(number)), os.urandom(500_000))
        self.backup()
        with self.terminal("check", "--read-data") as terminal:
            seen = terminal.read_all()
        # A fast machine may be through before the first frame.
        if "packs" in seen.split("checked")[0]:
            self.assertRegex(seen, "packs +[█░]{20} +[0-9]+ %")
        with self.terminal("check", "--read-data", "-q") as terminal:
            self.assertEqual(terminal.read_all(), "")


class Elsewhere(Fresh):
    def setUp(self):
        super().setUp()
        write(self.path("file"), os.urandom(300_000))

    def test_a_job_of_cron_is_silent(self):
        self.run_lagan("backup", self.source, "-q")
        self.assertEqual(self.errors, "")
        for words in (("backup", self.source), ("check",), ("prune",),
                      ("restore", "latest", "-t", self.folder + "/restored")):
            self.run_lagan(*words)
            self.assertEqual(self.errors, "")

    def test_progress_tells_each_phase_in_a_line(self):
        phases = {
            ("backup", self.source): ["index", "files", "commit"],
            ("check", "--read-data"): ["index", "packs", "trees"],
            ("restore", "latest", "-t", self.folder + "/restored"): ["files", "folders"],
            ("prune",): ["mark", "delete", "copy", "index"],
        }
        for words, expected in phases.items():
            with self.subTest(words):
                self.run_lagan(*words, "--progress")
                lines = self.errors.splitlines()
                told = [line.split(":")[1].strip() for line in lines]
                self.assertEqual(list(dict.fromkeys(told)), list(dict.fromkeys(expected)))
                self.assertTrue(all(" in 0:" in line for line in lines), lines)
        self.run_lagan("check", "--read-data", "--progress")
        self.assertRegex(self.errors, r"packs: 100 %, .*, 2 packs, ")
        self.assertRegex(self.errors, r"trees: 100 %, 1 snapshot, ")
        self.run_lagan("check", env={"LAGAN_PROGRESS_FPS": "0.001"})
        self.assertIn("lagan: trees: 100 %", self.errors)

    def test_json_has_the_phase(self):
        with self.start("backup", "--stdin", "--json", stdin=subprocess.PIPE,
                        env={"LAGAN_PROGRESS_FPS": "60"}) as process:
            process.stdin.write(PIECE)
            process.stdin.flush()
            for line in process.stdout:
                status = json.loads(line)
                if status.get("phase") == "files":
                    break
            process.stdin.close()
            process.stdout.read()
            process.stderr.read()
        for key in ("seconds_elapsed", "percent_done", "total_files", "files_done", "total_bytes",
                    "bytes_done"):
            self.assertIn(key, status)

    def ask_with_signal(self, *words):
        """The line that answers SIGUSR1 while a backup waits for its source."""
        with self.start("backup", "--stdin", *words, stdin=subprocess.PIPE) as process:
            process.stdin.write(PIECE)
            process.stdin.flush()
            process.send_signal(signal.SIGUSR1)
            line = process.stderr.readline().decode()
            process.stdin.close()
            process.stdout.read()
            process.stderr.read()
        self.assertEqual(process.returncode, 0)
        return line

    def test_sigusr1_prints_a_line(self):
        self.assertRegex(self.ask_with_signal(), r"^lagan: files: .* after \d+:\d\d\n$")
        self.assertRegex(self.ask_with_signal("-q"), r"^lagan: files: ")
        status = json.loads(self.ask_with_signal("--json"))
        self.assertEqual((status["message_type"], status["phase"]), ("status", "files"))


if __name__ == "__main__":
    unittest.main()
