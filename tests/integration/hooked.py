"""A faulty place with the channel `crm` (webhook): a receiver here takes down who was written to. No
platform's quota slows it down."""
import collections
import http.server
import json
import threading
import time

from faulty import FaultyPlace
from support import equal, lines, now_ms, true, wait_until


class Receiver:
    def __init__(self, slow_s):
        self.record = []  # (at_ms, text), in order
        record = self.record

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                at = now_ms()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                record.append((at, body["text"]))
                time.sleep(slow_s)  # what it takes to answer; nothing waits for it to be right
                answer = b'{"id":"x"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def texts(self):
        return [text for _, text in self.record]


class HookedPlace(FaultyPlace):
    def __init__(self, store="paceline.db", slow_s=0.0, senders=("crm",), **rest):
        super().__init__(**rest)
        self.store, self.slow_s, self.hook_senders = store, slow_s, senders

    def __enter__(self):
        self.receiver = Receiver(self.slow_s)
        return super().__enter__()

    def __exit__(self, *problem):
        super().__exit__(*problem)
        self.receiver.server.shutdown()
        self.receiver.server.server_close()

    def write_service_file(self):
        super().write_service_file()
        self.write("hook.secret", "0123456789abcdef0123456789abcdef", 0o600)
        with open(self.path("paceline.yaml"), encoding="utf-8") as file:
            text = file.read()
        port = self.receiver.server.server_address[1]
        channel = (f'  crm: {{plugin: webhook, url: "http://127.0.0.1:{port}/", standin: true, '
                   f"secret: {{file: hook.secret}}, senders: [{', '.join(self.hook_senders)}]}}\n")
        text = text.replace("channels:\n", "channels:\n" + channel)
        self.write("paceline.yaml", text.replace("sqlite:paceline.db", "sqlite:" + self.store))

    def launch_many(self, name, count, interval="10ms..30ms"):
        people = [f"r{n:04}" for n in range(count)]
        return self.launch(self.campaign(name, "crm", people, interval))

    def under_way(self, name, count, interval="10ms..30ms"):
        """A campaign, and some of it has gone."""
        self.launch_many(name, count, interval)
        self.wait_count(name, "sent", 5)

    def store_fails(self, error):
        """From now on each call of it, and the service has said so."""
        self.disk_fails(1, error, True)
        wait_until(self.unhealthy, "it says so")

    def tries_again(self, times):
        for _ in range(times):
            calls = self.disk_calls()
            wait_until(lambda: self.disk_calls() > calls, "it tries again")

    # --- what one often asks

    def arrived(self):
        return len(self.receiver.record)

    def service_status(self):
        return lines(self.cli("status", "--json").out)[-1]["service"]

    def readyz(self):
        """(status, body)"""
        connection = self.connect()
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def healthy(self):
        return self.readyz()[0] == 200

    def unhealthy(self):
        return not self.healthy()

    def nobody_twice_nobody_lost(self, *campaigns):
        """All are sent, what arrived is what the store says, and its audit log is whole."""
        arrived = collections.Counter(self.receiver.texts())
        equal({text: n for text, n in arrived.items() if n > 1}, {}, "arrived more than once")
        for campaign in campaigns:
            self.check_sums(campaign)
            for delivery in self.deliveries(campaign):
                text = f"{campaign} {delivery['recipient']}"
                equal(delivery["state"], "sent", f"the state of {text}")
                equal(arrived[text], 1, f"arrivals of {text}")
        self.cli("audit", "verify")

    def nobody_twice_nobody_forgotten(self, campaign):
        """Of a campaign that was cut off: who was sent to has arrived, once; who waits has not."""
        arrived = collections.Counter(self.receiver.texts())
        self.check_sums(campaign)
        for recipient, state in self.states(campaign).items():
            count = arrived[f"{campaign} {recipient}"]
            true(state in ("sent", "pending", "unknown"), f"{recipient} is {state}")
            true(count <= 1, f"{recipient} was written to {count} times")
            true(state == "unknown" or count == int(state == "sent"),
                 f"{recipient} is {state}, and was written to {count} times")
        self.cli("audit", "verify")
