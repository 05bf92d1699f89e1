"""Writes for the checker what a real run has left: the stand-in's record, `deliveries`, `audit`."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Campaign:
    """One campaign of a run; each message says `NAME RECIPIENT`."""

    def __init__(self, name, channel, recipients, interval="0s..0s", limits=None, schedule=None):
        self.name, self.channel, self.recipients = name, channel, recipients
        self.interval, self.limits, self.schedule = interval, limits, schedule
        self.digest = None

    def launch(self, place):
        parts = {"limits": self.limits} if self.limits else {}
        if self.schedule:
            parts["schedule"] = json.dumps(self.schedule)
        self.digest = place.launch(place.campaign(self.name, self.channel, self.recipients,
                                                  self.interval, **parts))

    def fact(self):
        """The manifest's parts that the checker looks at, as the campaign file has them."""
        limits = []
        for text in [self.limits] if self.limits else []:
            pairs = dict(p.split(": ") for p in text.strip("{}").split(", "))
            limits.append({**pairs, "max": int(pairs["max"])})
        return {"campaign": self.name, "revision": self.digest, "channel": self.channel,
                "asks": False, "recipients": self.recipients,
                "manifest": {"pace": {"interval": self.interval, "limits": limits},
                             "schedule": {"timezone": "Asia/Shanghai", **(self.schedule or {})}}}


def arrivals(place):
    for row in place.standin.record():
        if row["acted"]:
            campaign, recipient = row["content"].split(" ")
            yield {"at_ms": row["at_ms"], "campaign": campaign, "channel": row["robot"],
                   "recipient": recipient, "by_hand": False}


def judge(place, campaigns, folder=None):
    """(exit status, text) of the checker about a place whose service runs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = folder or scratch

        def write(name, rows):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        write("facts.jsonl", [c.fact() for c in campaigns])
        write("channel.jsonl", arrivals(place))
        write("deliveries.jsonl", [d for c in campaigns for d in place.deliveries(c.name)])
        write("audit.jsonl", place.audit())
        done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "checker.py"), folder],
                              capture_output=True, text=True, check=False)
    place.cli("audit", "verify")
    return done.returncode, done.stdout + done.stderr
