# SPDX-License-Identifier: Apache-2.0
"""Profiles, lagan run, schedules and status: the whole program, with real hooks and notifications."""

import http.server
import json
import os
import resource
import select
import signal
import subprocess
import threading
import unittest

from helpers import IS_ROOT, QUICK_KEY, Fresh, OrdinaryUser, read, write


class ProfileCase(Fresh):
    def setUp(self):
        super().setUp()
        write(self.path("a"), "content")
        self.config = os.path.join(self.folder, ".config", "lagan")
        os.makedirs(self.config)
        self.state = os.path.join(self.folder, "state")
        password = os.path.join(self.folder, "password")
        write(password, "first\n")
        type(self).environment = {
            **self.environment, "LAGAN_STATE_DIR": self.state, "LAGAN_REPOSITORY": "",
            "LAGAN_PASSWORD": "not this one"}
        self.base = f'''
[profiles.home]
repository = "{self.repository}"
password-file = "${{HOME}}/password"
sources = ["{self.source}"]
schedule = "hourly"
limits.retries = 0
limits.keep-awake = false
'''

    def profile(self, more="", base=None):
        write(os.path.join(self.config, "home.toml"), (self.base if base is None else base) + more)

    def saved(self):
        return self.json("-P", "home", "snapshots")

    def forget_runs(self):
        """As if an hour and more had passed."""
        path = os.path.join(self.state, "home.json")
        state = json.loads(read(path))
        for repository in state["repositories"].values():
            for step in repository["steps"].values():
                step["succeeded"] -= 2 * 3600 * 10**9
            repository["snapshot_time"] -= 2 * 3600 * 10**9
        write(path, json.dumps(state))


class Priority(ProfileCase):
    def test_of_a_profile_is_not_that_of_the_next(self):
        told = os.path.join(self.folder, "told")
        hook = f'hooks.before = "nice >>{told}"\n'
        busy = self.base.replace("profiles.home", "profiles.busy")
        self.profile(f'limits.nice = 19\n{hook}{busy}{hook}')
        self.run_lagan("run", "home", "busy")
        self.assertEqual(read(told).decode().split(), ["19", str(os.nice(0))])


class Config(ProfileCase):
    def test_shows_each_value_and_where_it_stands(self):
        self.profile("retention.keep-daily = 7\n")
        shown = self.run_lagan("config", "show", "home")
        self.assertRegex(shown, r'retention\.keep-daily = 7 +# .*/home\.toml:9\n')
        self.assertRegex(shown, r'prune\.schedule = "weekly" +# default\n')
        values = self.json("config", "show")[0]["settings"]
        self.assertEqual(values["sources"]["value"], [self.source])
        self.assertEqual(values["password-file"]["value"], f"{self.folder}/password")

    def test_a_mistake_is_told_with_its_place_and_nothing_is_run(self):
        self.profile('exlude = ["a"]\nretention.keep-daily = "often"\n')
        self.run_lagan("config", "check", code=1)
        self.assertIn("home.toml:9: profiles.home.exlude: there is no such key; did you mean 'exclude'?",
                      self.errors)
        self.assertIn("home.toml:10: profiles.home.retention.keep-daily: expected a number",
                      self.errors)
        self.run_lagan("run", "home", code=1)
        self.assertIn("did you mean 'exclude'?", self.errors)
        self.assertFalse(os.path.exists(self.state))
        self.profile()
        self.assertIn("no mistakes", self.run_lagan("config", "check"))

    def test_who_is_to_know_is_told_once_of_a_mistake_that_keeps_a_profile_from_being_run(self):
        told = os.path.join(self.folder, "told")
        notify = f'notify.command = "(echo $LAGAN_TITLE; cat) >>{told}"\n'
        self.profile(notify + '[profiles.other]\nexlude = ["a"]\n')
        for _ in range(2):
            self.run_lagan("run", code=1)
        self.run_lagan("run", "--dry-run", code=1)
        said = read(told).decode()
        self.assertEqual(said.count("lagan: home was not run on "), 1)
        self.assertIn("did you mean 'exclude'?", said)
        self.profile(notify)
        self.run_lagan("run")
        self.assertIn("lagan: home went well on ", read(told).decode())

    def test_every_flag_that_a_profile_may_have_is_understood(self):
        """Whatever the table of flags allows, the command it is for takes."""
        self.profile('one-file-system = true\nexclude = ["*.o", "!keep.o"]\ntag = ["t,u"]\n'
                     'compression = "fastest"\npack-size = 16\nexclude-larger-than = "1G"\n'
                     'limits.limit-upload = "5M"\nretention.keep-within = "2y"\n'
                     'prune.max-unused = "1%"\ncheck.read-data-subset = "100%"\n'
                     'read-concurrency = 2\nskip-if-unchanged = false\nhost = "attic"\n')
        self.run_lagan("run", "home")
        snapshot, = self.saved()
        self.assertEqual(snapshot["tags"], ["t", "u", "profile=home"])
        self.assertEqual(snapshot["hostname"], "attic")
        steps = json.loads(read(os.path.join(self.state, "home.json")))["repositories"][""]["steps"]
        self.assertEqual({name: step["exit_code"] for name, step in steps.items()},
                         {"backup": 0, "forget": 0, "prune": 0, "check": 0})

    def test_a_mistake_that_a_command_would_refuse_is_told_before(self):
        mistakes = {"pack-size": "9999", "repository": '"s3+htp://h/b"', "prune.max-unused": '"abc"',
                    "prune.undelete-window": '"90s"', "prune.fence-after": '"90m"',
                    "retention.group-by": '"foo"', "retention.keep-daily": '"0x"',
                    "check.read-data-subset": '"900%"', "check.max-age": '"old"',
                    "limit-requests": '"many"', "exclude-larger-than": '"huge"', "reread": '"0d"'}
        for key, value in mistakes.items():
            with self.subTest(key):
                self.profile(base=f"[profiles.home]\n{key} = {value}\n")
                self.run_lagan("config", "check", code=1)
                self.assertIn(f"home.toml:2: profiles.home.{key}: ", self.errors)
        # And on the command line, before anything is opened.
        self.refuse("prune", "-r", "/nowhere", "--max-unused", "abc", saying="--max-unused: ")
        self.refuse("check", "-r", "/nowhere", "--read-data-subset", "900%", saying="'900%' is no share")

    def test_a_password_in_a_location_is_shown_to_nobody(self):
        location = 'repository = "s3+http://me:geheim@127.0.0.1:1/bucket"\n'
        self.profile(base=f"[profiles.home]\n{location}")
        self.run_lagan("config", "check", code=1)
        self.assertIn("home.toml:2: profiles.home.repository: expected no password", self.errors)
        self.assertNotIn("geheim", self.errors)
        words = os.path.join(self.folder, "words")
        self.profile(base=f"""[profiles.home]
{location}insecure-inline-secrets = true
password-command = "cat /proc/$PPID/cmdline >{words}; echo first"
sources = "{self.source}"
retry-time = "0s"
schedule = "hourly"
limits.retries = 0
""")
        self.assertIn('"s3+http://me:***@127.0.0.1:1/bucket"', self.run_lagan("config", "show"))
        self.assertIn('"s3+http://me:***@127.0.0.1:1/bucket"', self.run_lagan("config", "show", "--json"))
        self.run_lagan("run", code=1)
        self.assertIn(b"--tag=profile=home", read(words))
        self.assertNotIn(b"geheim", read(words))
        self.assertIn("127.0.0.1:1", self.errors)

    def test_files_that_are_not_there_are_told_but_nothing_is_opened(self):
        self.profile('exclude-file = "/no/such"\nrepository-file = "/no/location"\n',
                     self.base.replace(f'repository = "{self.repository}"\n', ""))
        self.run_lagan("config", "check", code=1)
        self.assertIn("home.toml:8: profiles.home.exclude-file: there is no file '/no/such'", self.errors)
        self.assertIn("home.toml:9: profiles.home.repository-file: there is no file", self.errors)
        self.run_lagan("config", "show")

    def test_any_command_can_use_a_profile(self):
        self.profile('exclude = ["*.o"]\n')
        write(self.path("a.o"), "object")
        self.run_lagan("-P", "home", "backup")
        listed = self.run_lagan("ls", "latest", "-P", "home")
        self.assertIn(self.path("a") + "\n", listed)
        self.assertNotIn("a.o", listed)
        # What is said counts.
        self.run_lagan("-P", "home", "--repo", self.folder + "/none", "snapshots", code=10)
        write(self.folder + "/location", self.folder + "/none\n")
        self.run_lagan("-P", "home", "--repository-file", self.folder + "/location", "snapshots",
                       code=10)
        self.run_lagan("-P", "home", "--password-command", "echo wrong", "snapshots", code=12)
        self.run_lagan("-P", "home", "--insecure-no-password", "snapshots", code=12)
        self.refuse("-P", "hom", "snapshots", saying="did you mean 'home'?")

    def test_the_policy_of_a_profile_counts_for_forget_too(self):
        self.profile("retention.keep-last = 1\n")
        for _ in range(2):
            self.run_lagan("run", "--force", "-q")
            self.run_lagan("-P", "home", "backup", "--tag", "mine", self.source)
        self.assertEqual(len(self.saved()), 3)
        self.run_lagan("-P", "home", "backup")
        self.assertEqual(len(self.saved()), 4)
        self.run_lagan("-P", "home", "forget", "-n")
        self.assertEqual(len(self.saved()), 4)
        self.run_lagan("-P", "home", "forget")
        # Of others nothing is forgotten.
        self.assertEqual(sorted("mine" in each["tags"] for each in self.saved()), [False, True, True])
        self.run_lagan("-P", "home", "forget", "--tag", "mine", code=1)
        self.run_lagan("-P", "home", "forget", "--tag", "mine", "--keep-last", "1")
        self.assertEqual(len(self.saved()), 2)

    def test_dumps_are_not_left_out_without_a_word(self):
        self.profile('dumps.shop.command = "echo shop"\n')
        self.run_lagan("-P", "home", "backup")
        self.assertIn("the dumps of profile home are left out: 'lagan run --force home'", self.errors)
        self.profile('dumps.shop.command = "echo shop"\n',
                     self.base.replace(f'sources = ["{self.source}"]\n', ""))
        self.refuse("-P", "home", "backup", saying="the dumps of profile home are left out")
        self.assertEqual(len(self.saved()), 1)

    def test_a_run_speaks_json(self):
        self.profile()
        run = self.json_lines("run")
        self.assertEqual([(each["profile"], each["result"]) for each in run], [("home", "ok")])
        self.assertEqual(self.json_lines("run")[0]["result"], "nothing due")

    def test_of_two_ways_to_say_one_thing_the_nearer_counts(self):
        second, location = os.path.join(self.folder, "second"), os.path.join(self.folder, "location")
        self.run_lagan("init", "-r", second, *QUICK_KEY, env={"LAGAN_PASSWORD": "other"})
        write(location, second + "\n")
        self.profile(f'''
[profiles.other]
inherit = "home"
repository-file = "{location}"
password-command = "echo other"
''')
        self.run_lagan("run", "other")
        self.assertEqual((len(self.json("-P", "other", "snapshots")), self.saved()), (1, []))
        self.run_lagan("-P", "other", "--password-file", self.folder + "/password", "snapshots",
                       code=12)


class Run(ProfileCase):
    def test_does_what_is_due_and_nothing_twice(self):
        self.profile("retention.keep-last = 1\n")
        said = self.run_lagan("run")
        self.assertIn("home: backup: 1 files", said)
        self.assertEqual(len(self.saved()), 1)
        # Nothing may be asked of the repository, not even whether it is there.
        os.rename(self.repository, self.repository + "-away")
        self.assertEqual(self.run_lagan("run"), "home: nothing is due\n")
        os.rename(self.repository + "-away", self.repository)
        self.forget_runs()
        self.run_lagan("run", "home")
        self.assertEqual(len(self.saved()), 1)  # the older one is forgotten

    def test_a_run_with_nothing_due_costs_nearly_nothing(self):
        self.profile()
        self.run_lagan("run")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(5):
            self.run_lagan("run")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        each = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5
        print(f"a run with nothing due: {1000 * each:.1f} ms of CPU")
        # It opens no repository, so what it costs cannot grow: no key is derived.
        with self.start("run", before=("strace", "-f", "-o", self.folder + "/trace", "-e",
                                       "trace=openat,socket,clone,clone3,fork,vfork"),
                        env={"ASAN_OPTIONS": "detect_leaks=0"}) as process:
            process.communicate()
        trace = read(self.folder + "/trace").decode()
        self.assertNotIn(self.repository, trace)
        self.assertNotIn("socket(", trace)

    def test_policies_leave_what_others_saved(self):
        self.profile("retention.keep-last = 1\n")
        self.run_lagan("backup", self.source, "-r", self.repository,
                       env={"LAGAN_PASSWORD": "first"})
        self.run_lagan("run")
        self.forget_runs()
        self.run_lagan("run")
        self.assertEqual(sorted(len(each.get("tags") or []) for each in self.saved()), [0, 1])

    def test_a_failing_repository_is_told_and_made_up_for(self):
        told = os.path.join(self.folder, "told")
        self.profile(f"notify.command = 'cat > {told}; echo \"$LAGAN_STATUS $LAGAN_TITLE\" >> {told}'\n")
        os.rename(self.repository, self.repository + "-away")
        self.run_lagan("run", code=1)
        self.assertIn("home: backup FAILED", self.errors)
        text = read(told).decode()
        self.assertIn("backup FAILED", text)
        self.assertIn("failed lagan: home failed on", text)
        status = self.json("status", code=1)[0]
        self.assertEqual((status["status"], status["healthy"]), ("failed", False))
        os.rename(self.repository + "-away", self.repository)
        self.run_lagan("run")
        self.assertIn("ok lagan: home went well on", read(told).decode())
        self.assertEqual(self.json("status")[0]["status"], "ok")

    def test_a_second_run_says_who_is_running(self):
        self.profile("hooks.before = 'touch ${HOME}/begun; while [ ! -e ${HOME}/go ]; do sleep 0.05; done'\n")
        with self.start("run") as first:
            while not os.path.exists(os.path.join(self.folder, "begun")):
                self.assertIsNone(first.poll())
            self.run_lagan("run", code=11)
            self.assertIn(f"profile home is being run by process {first.pid} since", self.errors)
            write(os.path.join(self.folder, "go"))
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)

    def test_hooks_know_what_happens(self):
        trace = os.path.join(self.folder, "trace")
        line = f'echo "$LAGAN_HOOK $LAGAN_PROFILE $LAGAN_STEP $LAGAN_STATUS" >> {trace}'
        self.profile(f'''
[profiles.home.hooks]
before = ['{line}']
backup.after = ['{line}', '[ -n "$LAGAN_SNAPSHOT" ]']
finally = ['{line}']
''')
        self.run_lagan("run")
        self.assertEqual(read(trace).decode().splitlines(),
                         ["before home  ok", "after home backup ok", "finally home  ok"])

    def test_a_hook_that_fails_stops_the_step_and_is_named(self):
        self.profile("hooks.backup.before = 'exit 7'\n")
        self.run_lagan("run", code=1)
        self.assertIn("hook hooks.backup.before 'exit 7': it ended with status 7", self.errors)
        self.assertEqual(self.saved(), [])

    def test_dumps_of_databases_are_saved_and_failing_ones_told(self):
        self.profile('''
[profiles.home.dumps.shop]
command = "echo select; true"
filename = "shop.sql"
''')
        self.run_lagan("run")
        self.assertEqual([each["paths"] for each in self.saved()], [["/shop.sql"], [self.source]])
        self.assertEqual(self.run_lagan("-P", "home", "dump", "latest~1", "/shop.sql"), "select\n")
        self.profile('dumps.shop.command = "exit 3"\n')
        self.run_lagan("run", "--force", code=1)
        self.assertIn("the command failed", self.errors)

    def test_each_repository_is_written_though_another_is_away(self):
        second = os.path.join(self.folder, "second")
        self.run_lagan("init", "-r", second, "--kdf-memory", "8", "--kdf-passes", "1",
                       env={"LAGAN_PASSWORD": "first"})
        self.profile(base=f'''
[profiles.home]
password-file = "{self.folder}/password"
sources = "{self.source}"
schedule = "hourly"
limits.retries = 0
repositories.a.repository = "{self.folder}/none"
repositories.b.repository = "{second}"
''')
        self.run_lagan("run", code=1)
        self.assertIn("backup to a FAILED", self.errors)
        self.assertEqual(len(self.json("-P", "home/b", "snapshots")), 1)
        self.refuse("-P", "home", "snapshots", saying="say -P home/a or -P home/b")

    def test_beats_a_heart_and_writes_metrics_and_a_log(self):
        seen = []

        class Health(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Health) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.profile(f'''
notify.url = "http://127.0.0.1:{server.server_port}/ping"
notify.metrics-file = "{self.folder}/lagan.prom"
log.file = "{self.folder}/log"
''')
            self.run_lagan("run")
            os.rename(self.repository, self.repository + "-away")
            self.run_lagan("run", "--force", code=1)
            server.shutdown()
        self.assertEqual([path for path, _ in seen], ["/ping/start", "/ping", "/ping/start", "/ping/fail"])
        self.assertIn(b"FAILED", seen[3][1])
        metrics = read(f"{self.folder}/lagan.prom").decode()
        self.assertIn('lagan_failures{profile="home",repository="",step="backup"} 1\n', metrics)
        self.assertIn('lagan_source_files{profile="home",repository=""} 1\n', metrics)
        self.assertRegex(read(f"{self.folder}/log").decode(), r"(?m)^\d{4}-.* home: backup: 1 files")

    def test_the_url_of_a_heartbeat_is_told_to_nobody(self):
        class Refusal(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Refusal) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.profile(f'''
notify.url = "http://127.0.0.1:{server.server_port}/geheim"
log.file = "{self.folder}/log"
''')
            self.run_lagan("run")
            server.shutdown()
        self.assertIn("notify.url: the server's answer: HTTP status 404", self.errors)
        self.assertNotIn("geheim", self.errors + read(f"{self.folder}/log").decode())
        self.assertNotIn("geheim", self.run_lagan("config", "show"))
        self.assertNotIn("geheim", self.run_lagan("config", "show", "--json"))

    def test_a_url_with_a_password_is_told_without_it(self):
        self.profile('notify.url = "http://me:geheim@127.0.0.1:1/geheim"\n')
        self.run_lagan("run")
        self.assertIn("notify.url: 127.0.0.1:1: ", self.errors)
        self.assertNotIn("geheim", self.errors)

    def test_profiles_may_share_a_file_of_metrics(self):
        self.profile(f'''
notify.metrics-file = "{self.folder}/lagan.prom"
[profiles.other]
inherit = "home"
''')
        self.run_lagan("run", "home")
        self.run_lagan("run", "other")
        metrics = read(f"{self.folder}/lagan.prom").decode()
        self.assertEqual(metrics.count("# TYPE lagan_source_files"), 1)
        for name in ("home", "other"):
            self.assertIn(f'lagan_source_files{{profile="{name}",repository=""}} 1\n', metrics)

    def test_what_is_left_out_is_told(self):
        told = os.path.join(self.folder, "told")
        sources = f'sources = ["{self.source}", "{self.folder}/gone"]'
        self.profile(f'notify.command = "cat >>{told}"\n',
                     self.base.replace(f'sources = ["{self.source}"]', sources))
        self.run_lagan("run", code=3)
        self.assertIn(f"{self.folder}/gone", read(told).decode())
        status = self.json("status", code=3)[0]
        self.assertEqual((status["status"], status["healthy"]), ("incomplete", False))
        self.assertIn(f"{self.folder}/gone", status["trouble"])

    def test_damage_is_looked_for_once_and_told_until_it_is_mended(self):
        self.profile('check.schedule = "yearly"\ncheck.read-data = true\n')
        write(self.path("b"), os.urandom(100_000))
        self.run_lagan("run", "home")
        packs = [path for path in self.stored() if "/data/" in path]
        self.assertTrue(packs)
        whole = {path: read(path) for path in packs}
        for path, content in whole.items():
            os.chmod(path, 0o600)
            write(path, content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
        self.forget_runs()
        path = os.path.join(self.state, "home.json")
        state = json.loads(read(path))
        state["repositories"][""]["steps"]["check"]["succeeded"] = 0
        write(path, json.dumps(state))
        self.run_lagan("run", code=1)
        self.assertIn("home: check FAILED", self.errors)
        for path, content in whole.items():
            write(path, content)
        self.forget_runs()
        self.run_lagan("run", code=1)
        self.assertIn("home: check has found damage", self.errors)
        self.run_lagan("run", "--force")
        self.assertEqual(self.json("status")[0]["status"], "ok")

    def test_a_parent_that_ignores_the_end_of_children_is_not_imitated(self):
        self.profile()
        self.run_lagan("run", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(len(self.saved()), 1)

    def hold(self):
        """A pipe that commands write to, and how to wait until none of them lives."""
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, alive)

        def expect_end():
            # The end of the pipe comes when nobody holds it any more.
            self.assertEqual(select.select([alive], [], [], 60)[0], [alive])
            self.assertEqual(os.read(alive, 1), b"")
        return expect_end

    def test_what_takes_too_long_is_ended_with_its_children_and_named(self):
        expect_end = self.hold()
        slow = "exec 3> ${HOME}/fifo; sleep 1000; true"
        told = os.path.join(self.folder, "told")
        self.profile(f'dumps.shop.command = "{slow}"\ndumps.shop.timeout = "1s"\n'
                     f'notify.command = "cat >>{told}"\n')
        self.run_lagan("run", code=1)
        self.assertIn("home: backup FAILED: dump shop: it did not end within 1 s", self.errors)
        self.assertIn("dump shop: it did not end within 1 s", read(told).decode())
        expect_end()
        self.assertEqual(self.json("status", code=1)[0]["status"], "failed")
        self.profile(f'hooks.before = "{slow}"\nhooks.timeout = "1s"\n')
        self.run_lagan("run", code=1)
        self.assertIn("it did not end within 1 s", self.errors)
        self.assertEqual(self.saved(), [])
        expect_end()
        # And the lock is free.
        self.profile()
        self.run_lagan("run")

    def test_a_run_that_is_killed_leaves_nothing_behind(self):
        expect_end = self.hold()
        slow = "exec 3> ${HOME}/fifo; touch ${HOME}/begun; sleep 1000; true"
        for key in ("hooks.before", "dumps.shop.command"):
            self.profile(f'{key} = "{slow}"\n')
            with self.subTest(key), self.start("run") as process:
                while not os.path.exists(os.path.join(self.folder, "begun")):
                    self.assertIsNone(process.poll())
                process.kill()
                expect_end()
                os.remove(os.path.join(self.folder, "begun"))
        self.profile()
        self.run_lagan("run")

    def test_an_interrupted_run_stops_its_step(self):
        expect_end = self.hold()
        self.profile('dumps.slow.command = "exec 3> ${HOME}/fifo; touch ${HOME}/begun; exec sleep 1000"\n')
        with self.start("run") as process:
            while not os.path.exists(os.path.join(self.folder, "begun")):
                self.assertIsNone(process.poll())
            process.terminate()
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        expect_end()


class Status(ProfileCase):
    def test_says_what_was_done_and_what_comes(self):
        self.profile("retention.keep-last = 3\n")
        self.assertIn("home: never run", self.run_lagan("status", code=1))
        self.run_lagan("run")
        said = self.run_lagan("status")
        self.assertIn("home: ok\n", said)
        self.assertRegex(said, r"newest snapshot [0-9a-f]{8} of .*: 1 files, 7 B")
        status = self.json("status")[0]
        self.assertEqual(status["repositories"][0]["snapshot"], self.saved()[0]["id"])
        self.assertLess(status["repositories"][0]["snapshot_age_seconds"], 600)

    def test_is_unhappy_with_a_snapshot_that_is_too_old(self):
        self.profile()
        self.run_lagan("run")
        self.forget_runs()
        self.forget_runs()
        status = self.json("status", code=1)[0]
        self.assertEqual((status["status"], status["overdue"]), ("overdue", True))


class Schedule(OrdinaryUser):
    """As a user, whose units and crontab are stand-ins in folders of the test."""

    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.folder, ".config", "lagan")
        self.bin = os.path.join(self.folder, "bin")
        os.makedirs(self.config)
        os.mkdir(self.bin)
        self.calls = os.path.join(self.folder, "calls")
        self.tab = os.path.join(self.folder, "crontab")
        self.tool("systemctl", f'echo "$@" >> {self.calls}')
        self.tool("crontab", f'if [ "$1" != -l ]; then exec cat > {self.tab}; fi\n'
                  f'[ -e {self.tab} ] && exec cat {self.tab}; echo no crontab for me >&2; exit 1')
        type(self).environment = {**self.environment, "PATH": self.bin + ":" + os.environ["PATH"],
                                  "LAGAN_STATE_DIR": os.path.join(self.folder, "state")}
        write(os.path.join(self.config, "home.toml"),
              f'[profiles.home]\nrepository = "/r"\nsources = "/home"\nschedule = "02:30"\n')
        if IS_ROOT:
            for here, folders, files in os.walk(self.folder):
                for name in folders + files:
                    os.lchown(os.path.join(here, name), self.user, self.user)
        self.units = os.path.join(self.folder, ".config", "systemd", "user")

    def tool(self, name, line):
        path = os.path.join(self.bin, name)
        write(path, f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)

    def test_timers_come_stay_and_go(self):
        self.run_lagan("schedule", "install", "--systemd")
        timer = read(os.path.join(self.units, "lagan-home.timer"))
        self.assertIn(b"OnCalendar=*-*-* 02:30:00\n", timer)
        self.assertIn("--user enable --now lagan-home.timer\n", read(self.calls).decode())
        said = self.run_lagan("schedule", "install", "--systemd")
        self.assertNotIn("wrote", said)
        self.assertEqual(read(os.path.join(self.units, "lagan-home.timer")), timer)
        self.assertIn("home: 02:30, started by timer lagan-home.timer\n  next at ",
                      self.run_lagan("schedule", "list"))
        self.run_lagan("schedule", "status")
        self.tool("systemctl", '[ "$2" != is-active ]')
        self.assertIn("started by timer lagan-home.timer (not active)",
                      self.run_lagan("schedule", "status", code=1))
        self.run_lagan("schedule", "remove", "home")
        self.assertEqual(os.listdir(self.units), [])
        self.run_lagan("schedule", "status", code=1)
        self.assertIn("nothing starts it", self.run_lagan("schedule", "remove", "home"))

    def test_lines_of_a_crontab_come_stay_and_go(self):
        others = b"MAILTO=me\n5 4 * * * other\n"
        write(self.tab, others)
        if IS_ROOT:
            os.chown(self.tab, self.user, self.user)
        self.run_lagan("schedule", "install", "--crontab")
        once = read(self.tab)
        self.assertIn(f"{self.program} --quiet run home\n".encode(), once)
        self.assertRegex(once, rb"(?m)^30 2 \* \* \* ")
        self.run_lagan("schedule", "install", "--crontab")
        self.assertEqual(read(self.tab), once)
        self.assertIn("started by the crontab", self.run_lagan("schedule", "list"))
        self.run_lagan("schedule", "remove")
        self.assertEqual(read(self.tab), others)

    def test_a_crontab_that_cannot_be_read_whole_is_left_alone(self):
        written = f'[ "$1" = -l ] || exec touch {self.calls}\n'
        for line, saying in (("echo no memory >&2; exit 1", "crontab -l: no memory"),
                             ("kill -9 $$", "crontab -l: ended with status 137"),
                             ("exec head -c 200000 /dev/zero", "crontab -l: it is longer than")):
            self.tool("crontab", written + line)
            with self.subTest(line):
                self.refuse("schedule", "install", "--crontab", saying=saying)
                self.assertIn(saying, self.run_lagan("schedule", "remove", "home"))
                self.assertFalse(os.path.exists(self.calls))
                self.assertIn("started by nothing that could be looked at",
                              self.run_lagan("schedule", "list"))
                self.assertIn(saying, self.errors)
                self.run_lagan("schedule", "status", code=1)
                self.assertIn(saying, self.errors)

    def test_where_things_are_is_known_to_what_starts_them(self):
        type(self).environment = {**self.environment, "XDG_CACHE_HOME": self.folder + "/cache"}
        state = os.path.join(self.folder, "state")
        printed = self.run_lagan("schedule", "install", "--systemd", "--print")
        self.assertIn(f'Environment="LAGAN_STATE_DIR={state}"\n', printed)
        self.assertIn(f'Environment="XDG_CACHE_HOME={self.folder}/cache"\n', printed)
        printed = self.json("schedule", "install", "--crontab", "--print")[0]
        self.assertEqual(printed["profile"], "home")
        self.assertRegex(printed["text"], rf"(?m)^30 2 .* LAGAN_STATE_DIR={state} .*{self.program} --quiet run home$")

    def test_the_timer_of_the_package_counts_and_goes_too(self):
        wants = os.path.join(self.units, "timers.target.wants")
        os.makedirs(wants)
        write(os.path.join(wants, "lagan@home.timer"), "")
        self.assertIn("started by timer lagan@home.timer\n", self.run_lagan("schedule", "status"))
        self.assertIn("--user is-active lagan@home.timer\n", read(self.calls).decode())
        self.run_lagan("schedule", "remove", "home")
        self.assertIn("--user disable --now lagan@home.timer\n", read(self.calls).decode())

    def test_print_changes_nothing(self):
        self.assertIn("ExecStart=", self.run_lagan("schedule", "install", "--systemd", "--print"))
        self.assertIn("30 2 * * *", self.run_lagan("schedule", "install", "--crontab", "--print"))
        self.assertFalse(os.path.exists(self.units))
        self.assertFalse(os.path.exists(self.calls))

    def test_a_profile_becomes_a_time_machine(self):
        config = os.path.join(self.config, "home.toml")
        write(config, '[profiles.home]\nrepository = "/r"\nsources = "/home"\n')
        self.refuse("schedule", "install", "--crontab", "home", saying="expected a schedule")
        self.run_lagan("schedule", "install", "--crontab", "--time-machine", "home")
        self.run_lagan("schedule", "install", "--crontab", "--time-machine", "home")
        self.assertEqual(read(config).count(b"time-machine = true"), 1)
        self.assertIn("home: hourly, started by the crontab", self.run_lagan("schedule", "list"))

    def test_systemd_understands_the_units(self):
        write(os.path.join(self.config, "home.toml"),
              '[profiles.home]\nrepository = "/r"\nsources = "/home"\nschedule = "mon..fri 12:30"\n'
              'prune.schedule = "monthly 1,15 03:10"\ncheck.schedule = "every 15m"\n')
        self.run_lagan("schedule", "install", "--systemd")
        try:
            verified = subprocess.run(
                ["systemd-analyze", "verify", "--user", "--man=no",
                 os.path.join(self.units, "lagan-home.timer"),
                 os.path.join(self.units, "lagan-home.service")],
                capture_output=True, env={"PATH": os.environ["PATH"], "HOME": self.folder,
                                          "XDG_RUNTIME_DIR": self.folder})
        except FileNotFoundError:
            self.skipTest("there is no systemd-analyze")
        self.assertEqual((verified.returncode, verified.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
