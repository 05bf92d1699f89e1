"""A service that knows prompts and nothing else: the API of docs/api.md over a Unix socket, for the
terminal and the desktop agent. What arrives is written down; prompts are changed by the test."""
import http.server
import json
import os
import socketserver
import threading
import urllib.parse

NOW = "2027-03-01T09:31:07.123+08:00"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    allow_reuse_address = True


class PromptService:
    def __init__(self, path):
        self.path = path
        self.changed = threading.Condition()
        self.prompts = {}
        self.version = 1
        self.requests = []   # (verb, prompt, body) of every POST, in order
        self.agents = []     # of every GET of the list
        self.files = {}      # (prompt, index): bytes
        self.refuse = []     # (status, exit, message): the next POSTs are answered so
        self.private = False
        self.server = None
        self.start()

    # --- what a test does

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def address_string(self):
                return "unix"

            def log_message(self, *args):
                pass

            def do_GET(self):
                service.get(self)

            def do_POST(self):
                service.post(self)

        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """As if killed: no socket, long polls are cut."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            os.unlink(self.path)
            self.server = None
            with self.changed:
                self.changed.notify_all()

    def add(self, number, recipients, text="您好", **more):
        prompt = {
            "prompt": number, "nonce": f"{number:032x}", "campaign": "spring-2027",
            "title": "春季上新", "channel": "by-hand", "sender": "lin.yue", "text": text,
            "format": "text", "attachments": [],
            "recipients": [{"delivery": number + i, "recipient": name, "state": "prompted"}
                           for i, name in enumerate(recipients)],
            "asked_at": "2027-03-01T09:31:00.000+08:00", "shown_at": None, "snoozed_until": None,
            "late_at": None, "late": "cancel", "reminders_used": 0, "reminders": 2, "doubt": None,
            "test": False}
        prompt.update(more)
        with self.changed:
            self.prompts[number] = prompt
            self._touch()
        return prompt

    def change(self, number, **more):
        with self.changed:
            self.prompts[number].update(more)
            self._touch()

    def withdraw(self, number):
        with self.changed:
            del self.prompts[number]
            self._touch()

    def posts(self, verb):
        with self.changed:
            return [(number, body) for v, number, body in self.requests if v == verb]

    def states(self):
        """{recipient: state} of all prompts, also those that are closed."""
        with self.changed:
            return {r["recipient"]: r["state"] for p in self.prompts.values()
                    for r in p["recipients"]}

    # --- what it answers

    def _touch(self):
        self.version += 1
        self.changed.notify_all()

    def _open(self):
        return [p for _, p in sorted(self.prompts.items())
                if any(r["state"] == "prompted" for r in p["recipients"])]

    def get(self, request):
        url = urllib.parse.urlparse(request.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        words = url.path.split("/")[3:]
        if words == ["prompts"]:
            with self.changed:
                self.agents.append(query["agent"])
                server = self.server
                self.changed.wait_for(lambda: self.version != int(query["since"]) or
                                      self.server is not server, float(query["wait"]))
                head = {"version": self.version, "user": "bo", "senders": ["lin.yue"],
                        "halted": False, "now": NOW, "private_when_locked": self.private}
                lines = [json.dumps(o, ensure_ascii=False) for o in [head] + self._open()]
                cut = self.server is not server
            if not cut:
                self._send(request, 200, ("\n".join(lines) + "\n").encode())
        elif len(words) == 4 and words[2] == "attachments":
            body = self.files.get((int(words[1]), int(words[3])))
            if body is None or query.get("nonce") != self.prompts[int(words[1])]["nonce"]:
                self._fail(request, 404, 1, "no such attachment")
            else:
                self._send(request, 200, body, "application/octet-stream")
        else:
            self._fail(request, 404, 1, "no such thing")

    def post(self, request):
        _, kind, number, verb = request.path.split("/")[2:]
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        with self.changed:
            self.requests.append((verb, int(number), body))
            prompt = self.prompts.get(int(number))
            if self.refuse:
                status, code, message = self.refuse.pop(0)
                self._fail(request, status, code, message)
            elif not prompt or kind != "prompts":
                self._fail(request, 404, 1, "no such prompt")
            elif body["nonce"] != prompt["nonce"]:
                self._fail(request, 409, 1, "the prompt was withdrawn")
            else:
                getattr(self, "_" + verb)(prompt, body)
                self._touch()
                self._send(request, 200, json.dumps(prompt).encode())

    def _shown(self, prompt, body):
        prompt["shown_at"] = prompt["shown_at"] or NOW

    def _answer(self, prompt, body):
        states = {"sent": "sent", "not-sent": "failed", "skip": "skipped"}
        answers = {a["delivery"]: a["answer"] for a in body.get("answers", [])}
        for r in prompt["recipients"]:
            word = answers.get(r["delivery"], body.get("answer"))
            if word and r["state"] == "prompted":
                r["state"] = states[word]

    def _snooze(self, prompt, body):
        prompt["snoozed_until"] = "2027-03-01T09:41:07.123+08:00"

    def _fail(self, request, status, code, message):
        self._send(request, status, json.dumps({"exit": code, "message": message}).encode())

    def _send(self, request, status, body, kind="application/json"):
        try:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        except OSError:
            pass  # the other side has gone
