# SPDX-License-Identifier: Apache-2.0
"""From nothing to an hourly backup in a bucket, by what docs/getting-started.md says and nothing else.

The bucket is of a real Ceph, a real cron starts what is due; only who delivers the mail is not real.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import unittest

from helpers import IS_ROOT, LAGAN, Fresh, read, write

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "servers"))
from servers import CephRgw  # noqa: E402

MOUNTS = """set -e
mount --bind {folder}/spool /var/spool/cron/crontabs
mount --bind {folder}/jobs /etc/cron.d
mount -t tmpfs none /run
mount --bind /dev/null /etc/crontab
: >{folder}/ready
exec cron -f"""


def blocks_of_document():
    """The profile, and the commands in their order."""
    with open(os.path.join(ROOT, "docs", "getting-started.md"), encoding="utf-8") as file:
        text = file.read() + "\n"
    blocks = [textwrap.dedent(block)
              for block in re.findall(r"(?:^       .*\n)+", text, re.MULTILINE)]
    profile, = [block for block in blocks if block.startswith("[")]
    return profile, [line for block in blocks if block is not profile
                     for line in block.splitlines()]


class GettingStarted(Fresh):
    def setUp(self):
        if not IS_ROOT or not all(map(shutil.which, ("cron", "crontab", "unshare", "nsenter"))):
            self.skipTest("needs root, cron, unshare and nsenter")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("may not unshare")
        if not CephRgw.is_installed():
            self.skipTest("needs Ceph")
        self.prepare_folder()
        for name in ("bin", "spool", "jobs", "home/.config/lagan"):
            os.makedirs(os.path.join(self.folder, name))
        os.chmod(os.path.join(self.folder, "spool"), 0o1730)
        os.symlink(LAGAN, os.path.join(self.folder, "bin", "lagan"))
        self.mail = os.path.join(self.folder, "mail")
        sendmail = os.path.join(self.folder, "bin", "sendmail")
        write(sendmail, f"#!/bin/sh\nexec cat >>{self.mail}\n")
        os.chmod(sendmail, 0o755)
        self.home = os.path.join(self.folder, "home")
        self.state = os.path.join(self.folder, "state")
        self.user = {"HOME": self.home, "TZ": "UTC", "LAGAN_STATE_DIR": self.state,
                     "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        self.server = self.enterContext(CephRgw())
        # Folders of its own in the place of the machine's crontabs, for these processes alone.
        self.cron = subprocess.Popen(["unshare", "-m", "sh", "-c",
                                      MOUNTS.format(folder=self.folder)],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.cron.wait)
        self.addCleanup(self.cron.kill)
        self.wait_until(lambda: os.path.exists(os.path.join(self.folder, "ready")), 30)

    def wait_until(self, is_so, seconds):
        deadline = time.monotonic() + seconds
        while not is_so():
            self.assertIsNone(self.cron.poll(), "cron ended")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def type_in(self, command, code=0):
        done = subprocess.run(
            ["nsenter", "-t", str(self.cron.pid), "-m", "bash", "-c",
             command.replace("/tmp/restored", self.folder + "/restored")],
            env=self.user, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, code, f"$ {command}\n{done.stdout}")
        return done.stdout

    def saved(self):
        return json.loads(self.type_in("lagan -P home snapshots --json"))

    def newest(self):
        # The policy may have thinned out those of the same hour.
        return max(self.saved(), key=lambda each: each["time"])["id"]

    def nothing_runs(self):
        with open(self.state + "/home.lock", "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def an_hour_later(self):
        path = os.path.join(self.state, "home.json")
        state = json.loads(read(path))
        for step in state["repositories"][""]["steps"].values():
            step["succeeded"] -= 3600 * 10**9
        write(path, json.dumps(state))

    def test_a_new_user_has_an_hourly_backup_and_hears_of_failures(self):
        began = time.monotonic()
        write(os.path.join(self.home, "letter"), "Dear reader,\n")
        profile, commands = blocks_of_document()
        self.assertLess(len(commands), 10)
        for word in ("config check", "init", "run", "schedule install", "status", "restore"):
            self.assertTrue(any(re.search(rf"^lagan .*\b{word}\b", each) for each in commands), word)
        # What the reader puts in: a profile with the place of the bucket, and its keys.
        config = os.path.join(self.home, ".config", "lagan")
        example = "https://s3.example.com/"
        self.assertIn(example, profile)
        profile = profile.replace(example, f"http://127.0.0.1:{self.server.port}/")
        write(os.path.join(config, "home.toml"), profile)
        write(os.path.join(config, "s3-id"), self.server.access_key + "\n")
        write(os.path.join(config, "s3-key"), self.server.secret_key + "\n")
        for command in commands:
            self.type_in(command)
        print(f"{len(commands)} commands, {time.monotonic() - began:.0f} s")
        restored = [read(os.path.join(here, "letter"))
                    for here, _, names in os.walk(self.folder + "/restored") if "letter" in names]
        self.assertEqual(restored, [b"Dear reader,\n"])
        self.assertEqual([each["tags"] for each in self.saved()], [["profile=home"]])
        self.assertIn("forget", json.loads(read(self.state + "/home.json"))
                      ["repositories"][""]["steps"])

        # Cron starts it; nobody waits for the full hour, or an hour for the next.
        tab = os.path.join(self.folder, "spool", "root")
        lines = read(tab).decode()
        self.assertRegex(lines, r"(?m)^0 \* \* \* \* .*lagan")
        first = self.newest()
        self.an_hour_later()
        settings = "".join(f"{name}={value}\n" for name, value in self.user.items())
        write(tab, settings + 'MAILTO=""\n' + lines.replace("0 * * * *", "* * * * *"))
        self.wait_until(lambda: self.newest() != first, 150)
        self.assertFalse(os.path.exists(self.mail))

        # The server is gone: somebody is told. The waits between the attempts are left out.
        self.cron.send_signal(signal.SIGSTOP)
        self.wait_until(self.nothing_runs, 60)
        write(os.path.join(config, "home.toml"), profile + "limits.retries = 0\n")
        second = self.newest()
        self.server.kill_gateway()
        self.an_hour_later()
        self.type_in("lagan run", code=1)
        mail = read(self.mail).decode()
        self.assertIn("To: me@example.com\n", mail)
        self.assertRegex(mail, r"Subject: lagan: home failed on ")
        self.assertIn("backup FAILED", mail)
        self.assertIn("home", self.type_in("lagan status", code=1))
        # It is back: the next run makes up for it, and tells.
        self.server.start_gateway()
        self.type_in("lagan run")
        self.assertIn("Subject: lagan: home went well on ", read(self.mail).decode())
        self.assertNotIn(self.newest(), (first, second))


if __name__ == "__main__":
    unittest.main()
