"""The channel `webhook`: each answer of a receiver becomes what docs/webhook.md says, and the receiver
gets each body once, signed.

The receiver is a server of bare sockets: it may answer late, cut the answer, or never give one. What
it does with a message stands in the recipient's name, as `STATUS-N` or a word.
"""
import collections
import json
import os
import re
import socket
import threading

from support import SOURCE, Place, equal, main, now_ms, true, wait_until

SECRET = "a-canary-secret-5f1b"
CHANNEL = ('  crm: {{plugin: webhook, url: "http://127.0.0.1:{port}/hook?v=1", secret: {{env: HOOK}}, '
           "standin: true{more}}}\n")

Message = collections.namedtuple("Message", "target headers body raw")


class Receiver:
    """Answers by the recipient's name; everything that it was sent is in `messages`."""

    def __init__(self, port=0, tries=None):
        self.messages, self.tries = [], tries or collections.Counter()
        self.over = threading.Event()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        if self.over.is_set():
            return
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            while True:
                message = self._read(file)
                if not message or not self._answer(connection, message):
                    return

    def _read(self, file):
        request = file.readline().decode("latin-1").split()
        if not request:
            return None
        headers = {}
        while (line := file.readline().decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        raw = file.read(int(headers.get("content-length", 0)))
        message = Message(request[1], headers, json.loads(raw), raw)
        self.messages.append(message)
        return message

    def _answer(self, connection, message):
        """False: the connection is not used any more."""
        what = message.body["recipient"].partition("-")[0]
        self.tries[message.body["recipient"]] += 1
        once = self.tries[message.body["recipient"]] == 1
        if what in ("late", "never"):  # later than the channel's timeout, or not at all
            self.over.wait(1.5 if what == "late" else 60)
            if what == "never":
                return False
        if what == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return False
        if what == "drop" and once:
            return False
        status = what if what.isdigit() and (once or what not in ("401", "429", "503")) else "200"
        more = {"302": f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n",
                "429": "Retry-After: 2\r\n"}.get(status, "")
        body = json.dumps({"id": "m-" + message.body["recipient"]}).encode()
        head = f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        try:
            connection.sendall(head.encode() + body)
        except OSError:
            return False
        return True

    def bodies(self):
        return collections.Counter(m.body["recipient"] for m in self.messages)


class World:
    """A place with the channel `crm` at a receiver."""

    def __init__(self, more="", env=()):
        self.more, self.env = more, dict(env)

    def __enter__(self):
        self.receiver = Receiver()
        self.place = Place(extra="").__enter__()
        self.place.env.update(self.env, HOOK=SECRET)
        self.configure(self.more)
        return self.place, self.receiver

    def configure(self, more):
        with open(self.place.path("paceline.yaml"), encoding="utf-8") as file:
            text = file.read()
        channel = CHANNEL.format(port=self.receiver.port, more=more)
        self.place.write("paceline.yaml", text.replace("channels:\n", "channels:\n" + channel))

    def __exit__(self, *problem):
        self.receiver.close()
        self.place.__exit__(*problem)


def documented_check():
    """genuine(secret, headers, body), as docs/webhook.md gives it to those who receive."""
    with open(os.path.join(SOURCE, "docs", "webhook.md"), encoding="utf-8") as file:
        code = re.search(r"```python\n(.*?)```", file.read(), re.S).group(1)
    names = {}
    exec(code, names)
    return names["genuine"]


genuine = documented_check()


def check_signed(message):
    true(genuine(SECRET, message.headers, message.raw), "the signature")
    true(not genuine("another", message.headers, message.raw), "of another secret")
    true(not genuine(SECRET, message.headers, message.raw + b" "), "of another body")
    stale = dict(message.headers, **{"x-paceline-timestamp": "1"})
    true(not genuine(SECRET, stale, message.raw), "of another time")
    equal(message.headers["idempotency-key"], message.body["key"], "the key is signed too")
    true(re.fullmatch("[0-9a-f]{64}", message.body["key"]), "the key's form")


def rows_of(place, campaign):
    return {d["recipient"]: d for d in place.deliveries(campaign)}


def no_secret_in(place):
    for folder, _, names in os.walk(place.dir):
        for name in names:
            if "plugins" in folder or folder.endswith("bin"):
                continue
            with open(os.path.join(folder, name), "rb") as file:
                true(SECRET.encode() not in file.read(), f"the secret is in {name}")


def test_each_answer_is_what_the_table_says():
    expected = {
        "200-a": ("sent", None), "204-a": ("sent", None), "409-a": ("sent", None),
        "400-a": ("failed", "rejected_content"), "413-a": ("failed", "rejected_content"),
        "422-a": ("failed", "bad_recipient"), "429-a": ("sent", None),
        "500-a": ("unknown", "bad_answer"), "408-a": ("unknown", "bad_answer"),
        "late-a": ("unknown", "no_answer"), "cut-a": ("unknown", "no_answer"),
        "never-a": ("unknown", "no_answer"), "200-b": ("sent", None),
    }
    with World(", timeout: 700ms") as (place, receiver):
        place.start()
        place.launch(place.campaign("table", "crm", expected, text="你好 {{recipient}}"))
        wait_until(lambda: all(d["state"] == expected[r][0] for r, d in rows_of(place, "table").items()),
                   "every answer is settled")
        rows = rows_of(place, "table")
        equal({r: (d["state"], d["reason"]) for r, d in rows.items()}, expected, "the table's outcomes")
        equal(rows["200-a"]["channel_ref"], "m-200-a", "the receiver's own id")
        # once each; what was refused for now came again, with the same key
        equal(receiver.bodies(), {r: 2 if r == "429-a" else 1 for r in expected}, "bodies received")
        equal(len({m.body["key"] for m in receiver.messages}), len(expected), "one key a delivery")
        for message in receiver.messages:
            check_signed(message)
            recipient = message.body["recipient"]
            equal(message.target, "/hook?v=1", "the address")
            equal({k: v for k, v in message.body.items() if k != "key"},
                  {"channel": "crm", "sender": "crm", "recipient": recipient, "format": "text",
                   "text": f"你好 {recipient}", "test": True}, "the body")
        place.check_sums("table")
        place.stop()
        no_secret_in(place)


def test_retry_after_is_obeyed():
    with World() as (place, receiver):
        place.start()
        place.launch(place.campaign("often", "crm", ["429-a"]))
        wait_until(lambda: receiver.messages, "the refusal")
        refused_at = now_ms()
        place.wait_state("often", "done")
        true(now_ms() - refused_at >= 1900, "two seconds later")
        equal(receiver.bodies(), {"429-a": 2}, "bodies")
        place.stop()


def test_a_redirect_is_not_followed_and_stops_the_channel():
    with World() as (place, receiver):
        place.start()
        place.launch(place.campaign("moved", "crm", ["302-a", "200-a", "200-b"], "50ms..60ms"))
        place.wait_count("moved", "unknown", 1)
        looked_at = now_ms()
        wait_until(lambda: now_ms() > looked_at + 1500, "time passes")
        equal([m.target for m in receiver.messages], ["/hook?v=1"], "requests")
        equal(place.states("moved"), {"302-a": "unknown", "200-a": "pending", "200-b": "pending"},
              "the others wait")
        place.stop()


def test_a_refused_signature_stops_the_channel_and_loses_nobody():
    with World() as (place, receiver):
        place.start()
        place.launch(place.campaign("key", "crm", ["401-a", "200-a"], "50ms..60ms"))
        wait_until(lambda: receiver.messages, "the refusal")
        wait_until(lambda: not place.show("key")["counts"].get("claimed"), "the answer")
        looked_at = now_ms()
        wait_until(lambda: now_ms() > looked_at + 1500, "time passes")
        equal(place.states("key"), {"401-a": "pending", "200-a": "pending"}, "both wait")
        equal(len(receiver.messages), 1, "requests")
        place.cli("pause", "key")
        place.cli("resume", "key")  # a person has looked
        place.wait_state("key", "done")
        equal(place.states("key"), {"401-a": "sent", "200-a": "sent"}, "each arrived")
        place.stop()
        no_secret_in(place)


def test_a_receiver_that_is_away_gets_the_same_key_later():
    with World() as (place, receiver):
        place.start()
        place.launch(place.campaign("away", "crm", ["401-a"]))
        wait_until(lambda: receiver.messages, "the refusal")
        wait_until(lambda: place.states("away") == {"401-a": "pending"}, "it waits again")
        place.stop()
        receiver.close()
        place.start()  # looks again, and finds nobody there
        wait_until(lambda: place.deliveries("away")[0]["attempts"] > 2, "a third try")
        true(place.states("away")["401-a"] in ("pending", "claimed"), "never unknown")
        back = Receiver(receiver.port, receiver.tries)
        place.wait_state("away", "done")
        place.launch(place.campaign("other", "crm", ["401-a"]))
        place.wait_state("other", "done")
        equal(back.bodies(), {"401-a": 2}, "once a campaign")
        keys = [m.body["key"] for m in receiver.messages + back.messages]
        equal(keys[0], keys[1], "the same key, after a restart and an absence")
        true(keys[1] != keys[2], "another campaign is another delivery")
        place.stop()
        back.close()


def test_a_harmless_repeat_settles_what_was_in_doubt():
    with World(", timeout: 700ms, idempotent: true") as (place, receiver):
        place.start()
        place.launch(place.campaign("twice", "crm", ["503-a", "drop-a", "200-a", "never-a", "400-a"]))
        place.wait_count("twice", "unknown", 1)
        wait_until(lambda: not place.show("twice")["counts"].get("pending"), "all answers")
        equal(place.states("twice"), {"503-a": "sent", "drop-a": "sent", "200-a": "sent",
                                      "never-a": "unknown", "400-a": "failed"}, "outcomes")
        equal(receiver.bodies(), {"503-a": 2, "drop-a": 2, "200-a": 1, "never-a": 3, "400-a": 1},
              "bodies")
        for row in place.deliveries("twice"):
            equal(row["attempts"], 1, "one claim")
        equal(len({m.body["key"] for m in receiver.messages}), 5, "the same key")
        place.stop()


def test_no_proxy_but_the_configured_one():
    away = {name: "http://127.0.0.1:1" for name in ("http_proxy", "HTTP_PROXY", "https_proxy",
                                                    "all_proxy", "ALL_PROXY")}
    with World(env=away) as (place, receiver):
        place.start()
        place.launch(place.campaign("direct", "crm", ["200-a"]))
        place.wait_state("direct", "done")
        equal([m.target for m in receiver.messages], ["/hook?v=1"], "straight to the receiver")
        place.stop()
    proxy = Receiver()
    with World(f', proxy: "http://127.0.0.1:{proxy.port}"') as (place, receiver):
        place.start()
        place.launch(place.campaign("by-proxy", "crm", ["200-a"]))
        place.wait_state("by-proxy", "done")
        equal(receiver.messages, [], "nothing straight")
        equal([m.target for m in proxy.messages], [f"http://127.0.0.1:{receiver.port}/hook?v=1"],
              "by the proxy")
        place.stop()
    proxy.close()


def test_recipients_of_wechat_are_refused():
    with World() as (place, receiver):
        place.start()
        strangers = ["wmPACER0000000000000000000000001", "wxid_4f2a9c1b7d8e22", "gh_0123456789ab",
                     '"12345678901@chatroom"', "oPACER0000000000000000000001"]
        for stranger in strangers:
            file = place.campaign("wechat", "crm", ["200-a", stranger])
            for command in ("check", "submit"):
                refused = place.cli(command, file, expect=None)
                true(refused.code != 0, f"{command} took {stranger}")
                true(re.search(r"wechat\.yaml:4:\d+: webhook does not write to '.*' \(row 2\): it looks "
                               "like an id of We", refused.err), refused.err)
        equal(receiver.messages, [], "nothing went out")
        place.stop()


def test_what_it_cannot_carry_and_where_it_may_go():
    with World() as (place, receiver):
        place.write("cat.png", b"\x89PNG\r\n\x1a\n1234")
        file = place.campaign("picture", "crm", ["200-a"])
        with open(place.path(file), encoding="utf-8") as text:
            changed = text.read().replace('message: {text: "picture {{recipient}}"}',
                                          "message: {text: x, attachments: [image: cat.png]}")
        place.write(file, changed)
        refused = place.cli("check", file, expect=None)
        true("webhook cannot carry an attachment of kind 'image'" in refused.err, refused.err)
        for url, standin in (("http://crm.example.com/", "false"), ("http://127.0.0.1:1/", "false"),
                             ("https://crm.example.com/", "true")):
            place.write("bad.yaml", "store: sqlite:x.db\nchannels:\n  crm: {plugin: webhook, "
                        f'url: "{url}", secret: {{env: HOOK}}, standin: {standin}}}\n'
                        "approval: {allow_self: true}\n")
            refused = place.cli("config", "check", "--config", "bad.yaml", expect=None)
            true(refused.code != 0 and "'url'" in refused.err, f"{url}: {refused}")


main(globals())
