"""Talks to the WeCom stand-in: as a client of the platform, and as those who live behind it."""
import http.client
import json
import urllib.parse

from support import equal, true

CORP, SECRET, AGENT = "wwpacer000000test1", "S3CRET", 1000007


def customer(number):
    return f"wmPACER{number:025d}"


def group(number):
    return f"wrPACER{number:025d}"


class Corp:
    def __init__(self, standin, corp_id=CORP, secret=SECRET):
        self.standin, self.corp_id, self.secret = standin, corp_id, secret
        self.token = None

    # --- HTTP

    def http(self, method, path, body=None, headers=None):
        """(status, bytes) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.standin.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, name, body=None, token=None, **query):
        """One call of the interface: POST with a body, GET without."""
        if token is None and name != "gettoken":
            token = self.token or self.new_token()
        if token:
            query["access_token"] = token
        path = f"/cgi-bin/{name}?{urllib.parse.urlencode(query)}"
        status, said = self.http("GET" if body is None else "POST", path,
                                 None if body is None else json.dumps(body, ensure_ascii=False)
                                 .encode())
        equal(status, 200, f"status of {name}")
        return json.loads(said)

    def contact(self, name, body=None, **query):
        return self.call("externalcontact/" + name, body, **query)

    def new_token(self):
        answer = self.call("gettoken", corpid=self.corp_id, corpsecret=self.secret)
        equal(answer["errcode"], 0, "gettoken")
        self.token = answer["access_token"]
        return self.token

    def upload(self, kind, data, filename="a.bin", call="media/upload", **query):
        bound = "----a-bound"
        body = (f"--{bound}\r\nContent-Disposition: form-data; name=\"media\"; "
                f"filename=\"{filename}\"; filelength={len(data)}\r\n"
                f"Content-Type: application/octet-stream\r\n\r\n").encode() + data + \
            f"\r\n--{bound}--\r\n".encode()
        query = {**query, "access_token": self.token or self.new_token()}
        if kind:
            query["type"] = kind
        status, said = self.http("POST", f"/cgi-bin/{call}?{urllib.parse.urlencode(query)}", body,
                                 {"Content-Type": f"multipart/form-data; boundary={bound}"})
        equal(status, 200, "status of an upload")
        return json.loads(said)

    # --- those behind it

    def order(self, name, expect=0, **body):
        """A control path of the stand-in (tests/wecom-standin/control.c)."""
        status, said = self.http("POST", "/_standin/" + name, json.dumps(body).encode())
        answer = json.loads(said)
        equal((status, answer["errcode"]), (200, expect), f"{name} {body}")
        return answer

    def state(self):
        return json.loads(self.http("GET", "/_standin/state")[1])

    def tasks(self):
        return self.state()["tasks"]

    def tap(self, **which):
        return self.order("tap", **which)["taps"]

    def faults(self, *rules):
        self.order("faults", faults=list(rules))

    # --- what was written down

    def calls(self, name=None):
        """The calls that arrived, in order; `name`: the end of their path."""
        return [r for r in self.standin.lines() if "call" in r and
                (name is None or r["call"].split("/")[-1] == name)]

    def reached(self):
        """Who was written to by whom, in order: status 1 are those that it got to."""
        return [r for r in self.standin.lines() if r.get("event") == "reached"]

    def messages(self):
        return [r for r in self.standin.lines() if r.get("event") == "message"]

    def check_blocks(self):
        """No call was made while the platform had said 45009 for it."""
        for row in self.calls():
            true(not row["in_block"], f"a call inside a block: {row}")
