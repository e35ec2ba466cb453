# SPDX-License-Identifier: Apache-2.0
"""A real cron starts a profile by the lines that lagan writes."""

import os
import re
import shutil
import subprocess
import time
import unittest

from helpers import IS_ROOT, Fresh, read, write


class Cron(Fresh):
    def test_cron_runs_what_the_crontab_says(self):
        if not IS_ROOT or shutil.which("cron") is None or shutil.which("unshare") is None:
            self.skipTest("needs root, cron and unshare")
        write(self.path("a"), "content")
        password, state = os.path.join(self.folder, "password"), os.path.join(self.folder, "state")
        write(password, "first")
        config = os.path.join(self.folder, "all.toml")
        write(config, f'''
[profiles.all]
repository = "{self.repository}"
password-file = "{password}"
sources = "{self.source}"
schedule = "every 1m"
limits.keep-awake = false
''')
        # Folders of its own in the place of the machine's crontabs, for this process alone.
        spool, jobs = os.path.join(self.folder, "spool"), os.path.join(self.folder, "jobs")
        os.mkdir(spool, 0o1730)
        os.mkdir(jobs)
        lines = self.run_lagan("--config", config, "schedule", "install", "--crontab", "--print")
        tab = os.path.join(spool, "root")
        write(tab, f"LAGAN_STATE_DIR={state}\nMAILTO=\"\"\n" + lines)
        os.chmod(tab, 0o600)
        script = (f"mount --bind {spool} /var/spool/cron/crontabs && mount --bind {jobs} /etc/cron.d && "
                  "mount -t tmpfs none /run && mount --bind /dev/null /etc/crontab && exec cron -f")
        probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("may not unshare")
        cron = subprocess.Popen(["unshare", "-m", "sh", "-c", script])
        try:
            record = os.path.join(state, "all.json")
            deadline = time.monotonic() + 150
            # Before its first backup a run notes that there is none.
            while not (os.path.exists(record) and re.search(rb'"snapshot": "[0-9a-f]', read(record))):
                self.assertIsNone(cron.poll(), "cron ended")
                self.assertLess(time.monotonic(), deadline, "cron started nothing")
                time.sleep(0.5)
        finally:
            cron.kill()
            cron.wait()
        self.assertGreaterEqual(len(self.snapshots()), 1)


if __name__ == "__main__":
    unittest.main()
