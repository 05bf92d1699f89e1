"""What the integration tests share: the real programs in a folder of their own, bounded waits, TAP.

A test file defines functions test_*() and ends with support.main(globals()). Each gets what it needs
from `with Place(...) as place`. Nothing here sleeps to be right: waits poll a condition and give up
with the logs shown. Python's standard library only.
"""
import collections
import datetime
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PACELINE_BUILD", os.path.join(SOURCE, "build"))
# How long a condition may take on a busy machine; a bug is slower than that. Channels that leave out the
# minutes :00 and :30 alone may take two minutes.
PATIENCE_S = 300

# OS users that every Debian has, to be people with
ALICE, BO, STRANGER = "daemon", "bin", "games"

ROOM_KEY = "00000000-0000-4000-8000-{:012d}"

Result = collections.namedtuple("Result", "code out err took")


class Skip(Exception):
    pass


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root can act as several OS users")


def wait_until(condition, what, patience=PATIENCE_S):
    """The first true value of condition(); fails loudly when there is none in time."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.03)


def run_unhurried(place, run_once, lead_s):
    """What run_once(place, attempt, gap_s, lead_s) gives with the service up, with longer gaps each time
    that it gives nothing: a machine that stands still for longer than a gap proves nothing."""
    for attempt in range(4):
        place.start()
        result = run_once(place, attempt, 2 ** attempt, lead_s * (attempt + 1))
        place.stop()
        if result:
            return result
        comment(f"gaps of {2 ** attempt} s are too short for this machine")
    raise AssertionError("no run without a lane that is late")


def equal(found, expected, what="value"):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def ms(instant):
    """Milliseconds of an instant as the contract writes it."""
    true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", instant),
         f"not an instant of the contract: {instant!r}")
    return round(datetime.datetime.fromisoformat(instant).timestamp() * 1000)


def now_ms():
    return round(time.time() * 1000)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


# --- programs -------------------------------------------------------------------------------------


class Program:
    """A child process with its output in files."""

    def __init__(self, place, name, args, user=None):
        self.out_path = os.path.join(place.dir, f"{name}.out")
        self.err_path = os.path.join(place.dir, f"{name}.err")
        place.logs += [p for p in (self.out_path, self.err_path) if p not in place.logs]
        self.err_from = os.path.getsize(self.err_path) if os.path.exists(self.err_path) else 0
        self.name = name
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(as_user(user) + args, cwd=place.dir, stdout=out,
                                          stderr=err, stdin=subprocess.DEVNULL, env=place.env)

    def said(self):
        """What it wrote on standard error since it was started."""
        with open(self.err_path, "rb") as file:
            file.seek(self.err_from)
            return file.read().decode("utf-8", "replace")

    def running(self):
        return self.child.poll() is None

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, patience=30):
        """SIGTERM; its exit status."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(patience)


def as_user(user):
    if user is None:
        return []
    need_root()
    who = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", "--"]


class Standin:
    """The local stand-in of the platform, and what it wrote down."""

    def __init__(self, place, *options):
        self.record_path = os.path.join(place.dir, "record.jsonl")
        robots = []
        for room in range(1, place.rooms + 1):
            robots += ["--robot", f"{ROOM_KEY.format(room)}:room-{room}"]
        self.program = Program(place, "standin", [place.program("wecom-standin"), "--record",
                                                  self.record_path, *robots, *options])
        self.port = int(wait_until(self._port, "the stand-in's port", 30))

    def _port(self):
        true(self.program.running(), "the stand-in ended at once: " + self.program.said())
        with open(self.program.out_path, encoding="utf-8") as file:
            ports = re.findall(r"listening on http://127\.0\.0\.1:(\d+)\n", file.read())
        return ports[-1] if ports else None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def lines(self):
        """All that it wrote down, in order."""
        with open(self.record_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def record(self, room=None):
        """All requests to the robots, in order: at_ms, robot, content, errcode, acted, …"""
        return [r for r in self.lines() if "robot" in r and room in (None, r["robot"])]

    def texts(self, room=None):
        """The texts of the messages that it put into the room, in order."""
        return [r["content"] for r in self.record(room) if r["acted"]]


# --- a folder to be in ----------------------------------------------------------------------------

class Place:
    """A service file, campaigns, and the programs, in a folder of their own.

    `rooms`: robot channels room-1..room-N on the stand-in, each with its own key; `senders` gives each
    room these senders. There is always a channel `dry` (null) with the senders a and b.
    """

    def __init__(self, rooms=0, senders=None, users=None, allow_self=True, standin=(), extra="",
                 hands=None):
        self.rooms, self.senders, self.users = rooms, senders, users
        self.allow_self, self.standin_options, self.extra = allow_self, standin, extra
        self.hands = hands  # the senders of a channel `by-hand`
        self.logs = []
        self.programs = []
        self.service = self.standin = None
        self.env = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC")
        self.env.pop("XDG_CONFIG_HOME", None)

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="paceline-test.")
        os.chmod(self.dir, 0o755)  # other OS users act in here
        self._copy_programs()
        try:
            if self.rooms:
                self.start_standin(*self.standin_options)
            self.write_service_file()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        for program in self.programs:
            if program.running():
                program.kill()
        if kind and not issubclass(kind, Skip):
            self.show_logs()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _copy_programs(self):
        # other users may not see into the checkout, so that they get a copy
        os.makedirs(os.path.join(self.dir, "bin"), mode=0o755)
        for name in ("paceline", "paceline-ics", "wecom-standin"):
            shutil.copy2(os.path.join(BUILD, name), os.path.join(self.dir, "bin", name))
        shutil.copytree(os.path.join(BUILD, "plugins"), os.path.join(self.dir, "bin", "plugins"),
                        ignore=lambda folder, names: [n for n in names if not n.endswith(".so")])
        shutil.copytree(os.path.join(BUILD, "calendars"), os.path.join(self.dir, "bin", "calendars"))
        shutil.copytree(os.path.join(BUILD, "policies"), os.path.join(self.dir, "bin", "policies"))
        for folder, _, names in os.walk(os.path.join(self.dir, "bin")):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o755)

    def program(self, name):
        return os.path.join(self.dir, "bin", name)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        data = text if isinstance(text, bytes) else text.encode()
        with open(self.path(name), "wb") as file:
            file.write(data)
        os.chmod(self.path(name), mode)
        return name

    def show_logs(self):
        for path in self.logs:
            if os.path.exists(path) and os.path.getsize(path):
                with open(path, "rb") as file:
                    tail = file.read()[-6000:].decode("utf-8", "replace")
                comment(f"--- {os.path.basename(path)}\n{tail}")

    # --- files

    def write_service_file(self):
        text = ["store: sqlite:paceline.db", "socket: paceline.sock", "timezone: Asia/Shanghai",
                "language: en", "channels:", "  dry: {plugin: \"null\", senders: [a, b]}"]
        for room in range(1, self.rooms + 1):
            self.write(f"room-{room}.key", ROOM_KEY.format(room) + "\n", 0o600)
            senders = f", senders: [{', '.join(self.senders)}]" if self.senders else ""
            text.append(f"  room-{room}: {{plugin: wecom-robot, key: {{file: room-{room}.key}}, "
                        f"standin: true, api: \"{self.standin.url}\"{senders}}}")
        if self.hands:
            text.append(f"  by-hand: {{plugin: prompt, senders: [{', '.join(self.hands)}]}}")
        if self.users:
            text.append("users:")
            for name, roles, os_user, *senders in self.users:
                theirs = f", senders: [{', '.join(senders)}]" if senders else ""
                text.append(f"  - {{name: {name}, roles: [{', '.join(roles)}], "
                            f"os_user: {os_user}{theirs}}}")
        text.append(f"approval: {{allow_self: {str(self.allow_self).lower()}}}")
        self.write("paceline.yaml", "\n".join(text) + "\n" + self.extra)

    def campaign(self, name, channel, recipients, interval="0s..0s", text=None, **parts):
        """Writes NAME.yaml and returns its name. `parts`: further top-level keys as YAML text;
        `limits` goes into pace."""
        limits = parts.pop("limits", None)
        # the message says which campaign it is of, so that the stand-in's record can be told apart
        text = text or f"{name} {{{{recipient}}}}"
        out = [f"campaign: {name}", f"title: The {name} campaign", f"channel: {channel}",
               f"audience: {{recipients: [{', '.join(recipients)}]}}",
               f"message: {{text: \"{text}\"}}", "pace:", f"  interval: {interval}"]
        if limits:
            out.append(f"  limits: [{limits}]")
        out += [f"{key}: {value}" for key, value in parts.items()]
        return self.write(f"{name}.yaml", "\n".join(out) + "\n")

    # --- processes

    def start_standin(self, *options):
        self.standin = Standin(self, *options)
        self.programs.append(self.standin.program)
        return self.standin

    def start(self, user=None, wait=True):
        self.service = Program(self, "service",
                               [self.program("paceline"), "serve", "--config",
                                self.path("paceline.yaml")], user)
        self.programs.append(self.service)
        if wait:
            self.wait_ready()
        return self.service

    def wait_ready(self):
        service = self.service

        def ready():
            true(service.running(), "the service ended: " + service.said())
            return re.search(r"\bready\b", service.said())
        wait_until(ready, "the service says ready", 60)

    def stop(self):
        equal(self.service.stop(), 0, "exit status of the service after SIGTERM")

    def cli(self, *args, user=None, expect=0, timeout=90):
        """Runs `paceline ARGS`; fails when the exit code is not the expected one (None: any)."""
        began = time.monotonic()
        done = subprocess.run(as_user(user) + [self.program("paceline"), *args], cwd=self.dir,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.env, timeout=timeout)
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode(),
                        time.monotonic() - began)
        if expect is not None and result.code != expect:
            raise AssertionError(f"paceline {' '.join(args)}: exit {result.code}, expected {expect}"
                                 f"\nstdout: {result.out}\nstderr: {result.err}")
        return result

    def connect(self):
        return UnixConnection(self.path("paceline.sock"))

    def api(self, method, path, body=None):
        """(status, answer) of the HTTP API, as the user who runs the tests."""
        connection = self.connect()
        try:
            connection.request(method, "/api/v1/" + path,
                               None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    # --- what one often asks

    def submit(self, file, *options, user=None):
        digest = self.cli("submit", file, *options, user=user).out
        true(re.fullmatch(r"sha256:[0-9a-f]{64}\n", digest), f"submit printed {digest!r}")
        return digest.strip()

    def launch(self, file, *options):
        """Submits and approves (one-person mode)."""
        digest = self.submit(file, *options)
        self.cli("approve", os.path.splitext(file)[0])
        return digest

    def show(self, campaign):
        found = lines(self.cli("show", campaign, "--json").out)
        equal(len(found), 1, "objects of show --json")
        return found[0]

    def deliveries(self, campaign, *options):
        return lines(self.cli("deliveries", campaign, "--json", *options).out)

    def states(self, campaign):
        return {d["recipient"]: d["state"] for d in self.deliveries(campaign)}

    def audit(self):
        return lines(self.cli("audit", "--json").out)

    def show_or_try_again(self, campaign):
        """As show; None when it says 75: the store is being taken up again."""
        result = self.cli("show", campaign, "--json", expect=None)
        if result.code == 75:
            return None
        equal(result.code, 0, f"exit of show: {result.err}")
        return lines(result.out)[0]

    def wait_state(self, campaign, state, patience=PATIENCE_S):
        def there():
            found = self.show_or_try_again(campaign)
            return found if found and found["state"] == state else None
        return wait_until(there, f"{campaign} is {state}", patience)

    def wait_count(self, campaign, state, count, patience=PATIENCE_S):
        def there():
            found = self.show_or_try_again(campaign)
            return found if found and found["counts"].get(state, 0) >= count else None
        return wait_until(there, f"{campaign} has {count} {state}", patience)

    def check_sums(self, *campaigns):
        """Promise 4: the counts add up to the audience, and the rows say the same."""
        for campaign in campaigns:
            shown = self.show(campaign)
            equal(sum(shown["counts"].values()), shown["audience"], f"{campaign}: sum of counts")
            rows = collections.Counter(d["state"] for d in self.deliveries(campaign))
            equal(dict(rows), {k: v for k, v in shown["counts"].items() if v},
                  f"{campaign}: rows by state")


# --- running --------------------------------------------------------------------------------------


def comment(text):
    for line in text.splitlines():
        print("# " + line)


def main(names):
    tests = [(n[5:].replace("_", " "), f) for n, f in names.items() if n.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except BaseException:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            comment(traceback.format_exc())
    sys.stdout.flush()
    sys.exit(1 if failed else 0)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)
