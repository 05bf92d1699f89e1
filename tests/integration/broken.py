"""Bad input of any kind: a clear error at its place, the right exit code, in under a second."""
import http.client
import os
import re
import shutil
import socket
import stat

from support import ALICE, SOURCE, Place, equal, lines, main, true

QUICK_S = 1.0 * float(os.environ.get("PACELINE_SLOWER", "4"))  # sanitizers and a busy machine


def quick(result, what):
    true(result.took < QUICK_S, f"{what} took {result.took:.2f} s")


def test_files_that_are_not_what_they_should_be():
    """Each is refused with 65 and FILE:LINE:COLUMN: on standard error."""
    head = 'campaign: c\ntitle: t\nchannel: dry\naudience: {recipients: [x]}\n'
    cases = {  # name: (bytes, line, column; None: any)
        "brackets": (b"[" * 20000, 1, None),
        "braces": (b"{a: " * 20000, 1, None),
        "empty": (b"", None, None),
        "list": (b"- a\n- b\n", 1, 1),
        "binary": (bytes(range(256)) * 8, 1, None),
        "not-utf8": (head.encode() + b'message: {text: "\xff"}\n', 5, None),
        "alias": (head.encode() + b'message: &m {text: hi}\n', 5, None),
        "duplicate": (head.encode() + b'message: {text: a}\nmessage: {text: b}\n', 6, 1),
        "two-documents": (head.encode() + b'message: {text: a}\n---\nx: y\n', None, None),
        "unknown-key": (head.encode() + b'message: {text: a}\nschedul: {}\n', 6, 1),
        "tag": (head.encode() + b'message: !x {text: a}\n', 5, None),
        "missing-key": (b'campaign: c\ntitle: t\n', 1, 1),
        "wrong-kind": (head.encode() + b'message: [a]\n', 5, None),
        "half-template": (head.encode() + b'message: {text: "{{name"}\n', 5, 17),
        "too-large": (head.encode() + b'message: {text: "' + b"x" * 300000 + b'"}\n', None, None),
        "no-such-policy": (head.encode() + b'message: {text: a}\npolicy: [nowhere]\n', 6, None),
    }
    with Place() as place:
        for name, (data, line, column) in cases.items():
            place.write(f"{name}.yaml", data)
            result = place.cli("check", f"{name}.yaml", expect=None)
            equal(result.code, 65, f"exit code for {name}: {result.err[:300]}")
            quick(result, name)
            first = result.err.splitlines()[0] if result.err else ""
            place_of = re.match(rf"{name}\.yaml:(\d+):(\d+): ", first)
            if line:
                true(place_of, f"{name}: no place: {first!r}")
                equal(int(place_of.group(1)), line, f"{name}: line in {first!r}")
                if column:
                    equal(int(place_of.group(2)), column, f"{name}: column in {first!r}")
            true(len(result.err) < 20000, f"{name}: {len(result.err)} bytes of errors")
            found = lines(place.cli("check", "--json", f"{name}.yaml", expect=65).out)
            true(found and all({"file", "line", "column", "level", "message"} <= set(d)
                               for d in found), f"{name}: check --json: {found}")


def test_csv_files_that_are_not_what_they_should_be():
    cases = {
        "no-recipient": ("name\nx\n", 1),
        "open-quote": ('recipient,name\nx,"y\n', None),
        "too-many-fields": ("recipient,name\nx,y,z\n", 2),
        "stray-sender": ("recipient,name,sender\nx,,a\ny,,nobody\n", 3),
        "empty": ("", None),
        "long-row": ("recipient,name\nx," + "y" * 20000 + "\n", 2),
    }
    with Place() as place:
        place.write("c.yaml", 'campaign: c\ntitle: t\nchannel: dry\n'
                    'audience: {file: rows.csv}\nmessage: {text: "{{name|you}}"}\n')
        for name, (text, line) in cases.items():
            place.write("rows.csv", text)
            result = place.cli("check", "c.yaml", expect=None)
            equal(result.code, 65, f"exit code for {name}: {result.err[:300]}")
            quick(result, name)
            if line:
                true(re.search(rf"^(\./)?rows\.csv:{line}:\d+: ", result.err, re.M),
                     f"{name}: no place in line {line}: {result.err!r}")
        os.unlink(place.path("rows.csv"))
        true("rows.csv" in place.cli("check", "c.yaml", expect=65).err, "names the missing file")


def test_what_a_broken_file_refers_to_is_looked_at_in_the_same_run():
    with Place() as place:
        place.write("rows.csv", 'recipient,name,sender\na,b,\n,x,a\nw,1,nobody\n')
        text = ("campaign: both\nchannel: CHANNEL\nsenders: [a, zed]\n"
                "audience:\n  file: rows.csv\n  expct: 2\n"
                'message: {text: "{{nome}} {{name}}", attachments: [{image: no.jpg}]}\n')
        everything = ["both.yaml:3:14", "both.yaml:6:3", "both.yaml:7:17", "both.yaml:7:60",
                      "rows.csv:3:1", "rows.csv:4:3"]
        place.write("both.yaml", text.replace("CHANNEL", "dry"))
        places = re.findall(r"^(\S+:\d+:\d+): ", place.cli("check", "both.yaml", expect=65).err, re.M)
        equal(places, everything, "the places, in order")
        # without the channel nobody knows its senders
        place.write("both.yaml", text.replace("CHANNEL", "nix").replace("senders: [a, zed]\n", "\n"))
        places = re.findall(r"^(\S+:\d+:\d+): ", place.cli("check", "both.yaml", expect=65).err, re.M)
        equal(places, ["both.yaml:2:10"] + everything[1:4], "without a channel")
        # a name that is no column is no reason to keep silent about the rows
        place.write("both.yaml", text.replace("CHANNEL", "dry").replace("  expct: 2\n", "")
                    .replace(", zed", "").replace(", attachments: [{image: no.jpg}]", ""))
        places = re.findall(r"^(\S+:\d+:\d+): ", place.cli("check", "both.yaml", expect=65).err, re.M)
        equal(places, ["both.yaml:6:17", "rows.csv:3:1", "rows.csv:4:3"], "rows too")


def test_all_errors_of_a_file_in_one_run():
    with Place() as place:
        place.write("many.yaml", "campaign: UPPER\ntitle: t\nchannel: dry\nfoo: 1\nbar: 2\n"
                    "audience: {recipients: [x]}\nmessage: {text: a}\npace: {interval: 9s..1s}\n")
        found = place.cli("check", "many.yaml", expect=65).err
        for line in (1, 4, 5, 8):
            true(re.search(rf"^many\.yaml:{line}:", found, re.M), f"line {line} is in {found}")
        place.write("hundreds.yaml", "campaign: c\n" + "".join(f"k{n}: 1\n" for n in range(300)))
        found = place.cli("check", "hundreds.yaml", expect=65).err.splitlines()
        true(100 <= len(found) <= 110, f"{len(found)} lines of errors")


def test_what_cannot_be_read():
    with Place() as place:
        place.cli("check", "nowhere.yaml", expect=65)
        place.cli("check", ".", expect=65)
        place.write("mine.yaml", "campaign: c\n", 0o600)
        if os.geteuid() == 0:
            true("mine.yaml" in place.cli("check", "mine.yaml", user=ALICE, expect=65).err,
                 "names the file")


def test_service_files_that_are_not_what_they_should_be():
    good = "store: sqlite:p.db\nsocket: p.sock\nchannels:\n"
    cases = {
        "unknown-plugin": (good + "  x: {plugin: carrier-pigeon}\n", 4),
        "unknown-option": (good + '  x: {plugin: "null", colour: red}\n', 4),
        "no-key": (good + "  x: {plugin: wecom-robot}\n", 4),
        "clear-text": (good + "  x: {plugin: wecom-robot, key: secret-in-clear}\n", 4),
        "elsewhere": (good + '  x: {plugin: wecom-robot, key: {env: K}, '
                      'api: "https://example.com"}\n', 4),
        "not-loopback": (good + '  x: {plugin: wecom-robot, key: {env: K}, standin: true, '
                         'api: "http://example.com"}\n', 4),
        "not-yet": (good + '  x: {plugin: "null"}\naccounts: {brand: {}}\n', 5),
        "unknown-role": (good + '  x: {plugin: "null"}\nusers:\n'
                         '  - {name: n, roles: [emperor], os_user: root}\n', 6),
    }
    with Place() as place:
        for name, (text, line) in cases.items():
            place.write(f"{name}.yaml", text)
            for command in (["config", "check"], ["serve"]):
                result = place.cli(*command, "--config", f"{name}.yaml", expect=None)
                equal(result.code, 65, f"exit code for {name}: {result.err[:300]}")
                quick(result, name)
                true(re.search(rf"{name}\.yaml:{line}:\d+: ", result.err),
                     f"{name}: no place in line {line}: {result.err!r}")
                true("secret-in-clear" not in result.err, "a secret is in the error")


def test_a_secret_file_that_others_can_read():
    with Place(rooms=1) as place:
        os.chmod(place.path("room-1.key"), 0o644)
        result = place.cli("serve", expect=None)
        true(result.code in (65, 77), f"refused: {result}")
        true("room-1.key" in result.err, f"names the file: {result.err}")


def test_a_plugin_folder_that_others_can_write():
    with Place() as place:
        plugins = place.path("bin/plugins")
        file = place.campaign("c", "dry", ["x"])
        for path in (plugins, os.path.join(plugins, "null.so")):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            os.chmod(path, 0o777)
            result = place.cli("serve", expect=77)
            quick(result, path)
            true(os.path.basename(path) in result.err, f"names it: {result.err}")
            place.cli("check", file, expect=77)
            os.chmod(path, mode)
        place.cli("check", file)


def test_a_plugin_that_leads_out_of_its_folder():
    with Place() as place:
        os.makedirs(place.path("elsewhere"), mode=0o755)
        shutil.move(place.path("bin/plugins/null.so"), place.path("elsewhere/null.so"))
        os.symlink(place.path("elsewhere/null.so"), place.path("bin/plugins/null.so"))
        result = place.cli("check", place.campaign("c", "dry", ["x"]), expect=None)
        true(result.code in (65, 77), f"refused: {result}")


def test_a_damaged_store_is_refused_and_left_alone():
    with Place() as place:
        place.write("paceline.db", b"this is no database at all, " * 200)
        result = place.cli("serve", expect=None)
        true(result.code in (65, 70), f"refused: {result}")
        true(open(place.path("paceline.db"), "rb").read().startswith(b"this is no"), "untouched")


class Line(http.client.HTTPConnection):
    """HTTP over the service's Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(place, method, path, body=None, headers=None):
    line = Line(place.path("paceline.sock"))
    line.request(method, path, body, headers or {})
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    return answer.status, text


def test_requests_that_are_not_what_they_should_be_lose_nothing():
    with Place() as place:
        place.start()
        place.submit(place.campaign("kept", "dry", ["x"]))
        json_type = {"Content-Type": "application/json"}
        api = "/api/v1"
        for method, path, body, headers, statuses in [
                ("GET", "/nowhere", None, {}, (404,)),
                ("GET", api + "/campaigns/nobody", None, {}, (404,)),
                ("DELETE", api + "/campaigns/kept", None, {}, (404, 405)),
                ("POST", api + "/campaigns/kept/approve", b"{", json_type, (400,)),
                ("POST", api + "/campaigns/kept/approve", b"[" * 20000, json_type, (400,)),
                ("POST", api + "/campaigns/kept/approve", b'{"digest":1}', json_type, (400,)),
                ("POST", api + "/campaigns/kept/approve", b'{"a":1,"a":2}', json_type, (400,)),
                ("POST", api + "/campaigns/kept/reject", b"\xff\xfe", json_type, (400,)),
                ("POST", api + "/campaigns/kept/reject", b" " * (2 << 20), json_type, (413,)),
                ("POST", api + "/submissions", b"not multipart", json_type, (400, 415, 422)),
                ("GET", api + "/deliveries/99999999999999999999", None, {}, (400, 404)),
                ("GET", api + "/deliveries/-1", None, {}, (400, 404)),
                ("GET", "/healthz", None, {}, (200,)),
                ("GET", "/readyz", None, {}, (200,))]:
            try:
                status, text = ask(place, method, path, body, headers)
            except (ConnectionError, http.client.HTTPException) as error:
                # a body that is too large may be cut off
                true(413 in statuses, f"{method} {path}: {error}")
                continue
            true(status in statuses, f"{method} {path}: {status}, expected {statuses}: {text[:200]}")
        raw = socket.socket(socket.AF_UNIX)
        raw.connect(place.path("paceline.sock"))
        raw.sendall(b"\x00\xff garbage\r\n\r\n")
        raw.close()
        equal(place.show("kept")["state"], "draft", "state")
        true(place.service.running(), "the service lives")
        place.stop()


def test_the_shipped_broken_files():
    """tests/broken/: each with exactly the errors of its .expected file, at their places."""
    folder = os.path.join(SOURCE, "tests", "broken")
    with Place() as place:
        names, channels = [], {"dry"}
        for name in sorted(os.listdir(folder)):
            shutil.copy(os.path.join(folder, name), place.path(name))
            with open(place.path(name), encoding="utf-8", errors="replace") as file:
                channels.update(re.findall(r"^channel: *([a-z-]+)$", file.read(), re.M))
            if name.endswith(".expected"):
                names.append(name[:-len(".expected")])
        true(len(names) >= 12, f"{len(names)} files")
        os.mkdir(place.path("img"))  # what they attach is there
        for name in ("img/spring.jpg", "v.mp4"):
            place.write(name, b"x")
        senders = '{plugin: "null", senders: [lin.yue, he.qi, a, b]}'
        place.write("paceline.yaml", "store: sqlite:p.db\nsocket: p.sock\nchannels:\n" + "".join(
            f"  {channel}: {senders}\n" for channel in sorted(channels)))
        for name in names:
            with open(place.path(f"{name}.expected"), encoding="utf-8") as file:
                expected = file.read().splitlines()
            if name.startswith("service-"):
                result = place.cli("config", "check", "--config", f"{name}.yaml", expect=65)
            else:
                result = place.cli("check", f"{name}.yaml", expect=65)
            quick(result, name)
            equal(result.err.splitlines()[:len(expected)], expected, name)


main(globals())
