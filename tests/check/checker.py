#!/usr/bin/env python3
"""Judges what Paceline did from what others can see of it, and from nothing else.

    checker.py DIR        DIR holds
      facts.jsonl         what was submitted: campaign, revision, channel, asks, recipients, manifest
                          (the campaign file as JSON); written by whoever set the run up
      channel.jsonl       what reached the channel: at_ms, campaign, channel, sender, recipient, by_hand
      deliveries.jsonl    `paceline deliveries --json` of all campaigns
      audit.jsonl         `paceline audit --json`

Brute force, Python's standard library, no code of ours. Prints one line a violation, then how much
it looked at; exit 1 when something is wrong. Sends are compared at the service's own clock.
"""
import collections
import datetime
import json
import os
import re
import sys
import zoneinfo

SLACK_MS = 2000  # between a decision and its record, and between the last look and the wire
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
UNITS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}
NOT_GONE = {"pending", "skipped", "expired", "canceled"}
problems = []


def bad(text):
    problems.append(text)
    if len(problems) <= 20:
        print("VIOLATION " + text)


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ms(text):
    if text is None:
        return None
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def span(text):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|s|m|h|d)", text))


# --- time as people see it


def local(zone, at):
    seconds, rest = divmod(at, 1000)
    return datetime.datetime.fromtimestamp(seconds, zone).replace(microsecond=rest * 1000)


def minute_of(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def ranges(texts):
    if isinstance(texts, str):
        texts = [texts]
    for text in texts or []:
        for part in text.split(","):
            start, end = part.strip().split("-")
            yield minute_of(start), minute_of(end)


def in_hours(day, here, hours):
    """Whether a range that starts on `day` covers the wall time `here`."""
    wall = (here.date() - day).days * 1440 + here.hour * 60 + here.minute
    return any(a <= wall < (b if b > a else b + 1440) for a, b in hours)


def days_of(value):
    value = value if isinstance(value, list) else [value]
    found = set()
    for word in value:
        first, _, last = word.partition("-")
        found.update(DAYS[DAYS.index(first):DAYS.index(last or first) + 1])
    return found


def dates_of(text):
    first, _, last = text.partition("..")
    return datetime.date.fromisoformat(first), datetime.date.fromisoformat(last or first)


def covers(window, windows, day):
    dated = [w for w in windows if "dates" in w and dates_of(w["dates"])[0] <= day <=
             dates_of(w["dates"])[1]]
    if dated:
        return window in dated
    return "dates" not in window and DAYS[day.weekday()] in days_of(window.get("days", "mon-sun"))


def closed_because(schedule, at):
    zone = zoneinfo.ZoneInfo(schedule.get("timezone", "UTC"))
    here = local(zone, at)
    days = [here.date(), here.date() - datetime.timedelta(days=1)]
    closed = [dates_of(d) for d in schedule.get("skip_dates", [])]

    def shut(day):
        return any(a <= day <= b for a, b in closed)
    if shut(here.date()):
        return "closed day"
    if any(in_hours(day, here, list(ranges(schedule.get("quiet_hours")))) for day in days):
        return "quiet hours"
    windows = schedule.get("windows", [])
    if windows and not any(covers(w, windows, day) and not shut(day) and
                           in_hours(day, here, list(ranges(w.get("hours", "0:00-24:00"))))
                           for w in windows for day in days):
        return "no window"
    end = schedule.get("end")
    if end and "T" in end and at >= ms(end):
        return "after the end"
    return None


def period_of(zone, per, at):
    day = local(zone, at).date()
    if per == "week":
        return day - datetime.timedelta(days=day.weekday())
    return day.replace(day=1) if per == "month" else day


# --- what is judged


class Run:
    def __init__(self, folder):
        self.facts = {(f["campaign"], f["revision"]): f for f in read(folder, "facts.jsonl")}
        self.arrivals = read(folder, "channel.jsonl")
        self.deliveries = read(folder, "deliveries.jsonl")
        self.audit = read(folder, "audit.jsonl")
        for d in self.deliveries:
            d["fact"] = self.facts[d["campaign"], d["revision"]]
            d["claimed"], d["settled"] = ms(d["claimed_at"]), ms(d["settled_at"])
        for a in self.audit:
            a["ms"] = ms(a["at"])
        self.of_person = collections.defaultdict(list)
        for d in self.deliveries:
            self.of_person[d["campaign"], d["recipient"]].append(d)
        self.by_hand = {a["detail"].get("delivery") for a in self.audit if a["event"] == "outcome"}
        self.asks = {f["channel"]: f["asks"] for f in self.facts.values()}


def check_twice(run):
    sent = collections.Counter((a["campaign"], a["recipient"]) for a in run.arrivals)
    resent = collections.Counter()
    numbers = {d["delivery"]: (d["campaign"], d["recipient"]) for d in run.deliveries}
    for a in run.audit:
        if a["event"] == "resend":
            resent[numbers[a["detail"]["delivery"]]] += 1
    for key, count in sent.items():
        if count > 1 + resent[key]:
            bad(f"{key[1]} got {key[0]} {count} times, {resent[key]} by a person's decision")


def check_gone(run):
    rows = collections.defaultdict(list)
    for d in run.deliveries:
        rows[d["campaign"], d["revision"]].append(d["recipient"])
    for key, fact in run.facts.items():
        if sorted(rows[key]) != sorted(fact["recipients"]):
            bad(f"{key}: submitted {len(fact['recipients'])} recipients, {len(rows[key])} are there")


def check_truth(run):
    arrived = collections.Counter((a["campaign"], a["recipient"]) for a in run.arrivals)
    for key, rows in run.of_person.items():
        said = sum(d["state"] == "sent" for d in rows)
        # who was asked by hand and is late may have sent and never said so
        maybe = sum(d["state"] in ("unknown", "claimed", "prompted") or
                    (d["state"], d["reason"]) == ("expired", "late") for d in rows)
        if arrived[key] < said:
            bad(f"{key}: {said} said to be sent, {arrived[key]} arrived")
        if arrived[key] > said + maybe and not any(d["delivery"] in run.by_hand for d in rows):
            bad(f"{key}: arrived, and the states are {[d['state'] for d in rows]}")
    for key in arrived:
        if key not in run.of_person:
            bad(f"{key} arrived and is nobody's delivery")
        elif not any(d["attempts"] for d in run.of_person[key]):
            bad(f"{key} arrived and was never claimed")


def same_scope(scope, a, b):
    if scope == "recipient":
        return a["recipient"] == b["recipient"]
    if scope == "campaign":
        return a["campaign"] == b["campaign"]
    return a["channel"] == b["channel"] and (scope == "channel" or a["sender"] == b["sender"])


def before(a, x):
    """Whether `a` took its place no later than `x`: later ones need not ask x's limits."""
    return a["claimed"] < x["claimed"] or (a["claimed"] == x["claimed"] and a["fact"] is x["fact"])


def check_limit(limit, x, sends, what):
    per, count = limit["per"], 0
    calendar = per in ("day", "week", "month")
    zone = zoneinfo.ZoneInfo(x["fact"]["manifest"]["schedule"].get("timezone", "UTC"))
    for a in sends:
        if not before(a, x) or not same_scope(limit["scope"], a, x):
            continue
        if calendar:
            count += period_of(zone, per, a["at"]) == period_of(zone, per, x["at"])
        else:
            count += a["at"] > x["at"] - span(per)
    if count > limit["max"]:
        bad(f"limit {limit}: {count} {what} at {x['campaign']} {x['recipient']} ({x['at']})")


def check_limits(run):
    claims = [dict(d, at=d["claimed"]) for d in run.deliveries
              if d["claimed"] and d["state"] not in NOT_GONE and d["reason"] != "not_sent"]
    arrivals = []
    for a in run.arrivals:
        mine = [d for d in run.of_person[a["campaign"], a["recipient"]]
                if d["claimed"] and d["claimed"] <= a["at_ms"]]
        if mine:
            arrivals.append(dict(max(mine, key=lambda d: d["claimed"]), at=a["at_ms"]))
    for sends, what in ((claims, "claims"), (arrivals, "arrivals")):
        for x in sends:
            for limit in x["fact"]["manifest"]["pace"].get("limits", []):
                calendar = limit["per"] in ("day", "week", "month")
                # a calendar limit counts claims; where people send, what they sent
                if calendar and (limit["scope"] == "recipient" or
                                 x["fact"]["asks"] == (what == "claims")):
                    continue
                check_limit(limit, x, sends, what)


def check_hours(run):
    for d in run.deliveries:
        if d["claimed"]:
            why = closed_because(d["fact"]["manifest"]["schedule"], d["claimed"])
            if why:
                bad(f"delivery {d['delivery']} was claimed at {d['claimed_at']}: {why}")
    for a in run.arrivals:
        rows = run.of_person[a["campaign"], a["recipient"]]
        why = [closed_because(d["fact"]["manifest"]["schedule"], t) for d in rows
               for t in (a["at_ms"], a["at_ms"] - SLACK_MS)]
        if rows and all(why):
            bad(f"{a['campaign']} {a['recipient']} arrived at {a['at_ms']}: {why[0]}")


def check_gaps(run):
    lanes = collections.defaultdict(list)
    for d in run.deliveries:
        if d["claimed"]:
            lanes[d["channel"], d["sender"]].append(d)
    for lane in lanes.values():
        for d in lane:
            floor = span(str(d["fact"]["manifest"]["pace"]["interval"]).split("..")[0])
            for o in lane:
                if (floor and o["claimed"] < d["claimed"] and o["settled"] and
                        o["state"] in ("sent", "failed", "unknown") and
                        o["delivery"] not in run.by_hand and
                        d["claimed"] < o["settled"] + floor):
                    bad(f"delivery {d['delivery']} was claimed {d['claimed'] - o['settled']} ms "
                        f"after the answer of {o['delivery']}, the least gap is {floor} ms")


def spans_of(run, starts, ends, digest=None):
    open_at, found = None, []
    for a in run.audit:
        if digest and a["digest"] != digest:
            continue
        if a["event"] in starts and open_at is None:
            open_at = a["ms"]
        elif a["event"] in ends and open_at is not None:
            found.append((open_at, a["ms"]))
            open_at = None
    return found + ([(open_at, float("inf"))] if open_at is not None else [])


def check_decisions(run):
    halts = spans_of(run, {"halt"}, {"unhalt"})
    for digest in {d["revision"] for d in run.deliveries}:
        stops = spans_of(run, {"pause", "cancel", "supersede", "reject"}, {"resume"}, digest)
        approved = [a["ms"] for a in run.audit if a["event"] == "approve" and a["digest"] == digest]
        for d in run.deliveries:
            if d["revision"] != digest or not d["claimed"]:
                continue
            if not approved or d["claimed"] < min(approved) - SLACK_MS:
                bad(f"delivery {d['delivery']} was claimed without an approval")
            for name, spans in (("halted", halts), ("stopped", stops)):
                if any(a + SLACK_MS < d["claimed"] < b for a, b in spans):
                    bad(f"delivery {d['delivery']} was claimed while {name}")
    for a in run.arrivals:
        if any(x + SLACK_MS < a["at_ms"] < y for x, y in halts):
            bad(f"{a['campaign']} {a['recipient']} arrived at {a['at_ms']} while halted")


def check_audit(run):
    prev = None
    for n, a in enumerate(run.audit, 1):
        if a["seq"] != n:
            bad(f"audit record {n} has number {a['seq']}")
        if prev is not None and a["prev"] != prev:
            bad(f"audit record {n} does not follow the one before it")
        prev = a["hash"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = Run(sys.argv[1])
    for check in (check_twice, check_gone, check_truth, check_limits, check_hours, check_gaps,
                  check_decisions, check_audit):
        check(run)
    print(f"{len(run.facts)} revisions, {len(run.deliveries)} deliveries, {len(run.arrivals)} "
          f"messages, {len(run.audit)} records: {len(problems)} violations")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
