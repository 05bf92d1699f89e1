"""Judges mass messages that members confirm, from what the platform's stand-in has seen alone.

`violations(deliveries, tasks, lines, …)` compares `paceline deliveries --json` with the stand-in's
tasks (GET /_standin/state) and its record. A message's text begins with its campaign's name and a
space: that is how a task is known to be of a campaign, whatever the service believes. Brute force,
Python's standard library, no code of ours.
"""
import collections
import datetime
import urllib.parse

SENT, NO_FRIEND, CAPPED = 1, 2, 3
ON_ITS_WAY_MS = 5000 # at most so long is a call on its way, whatever the machine
GONE = {SENT: ("sent", None), NO_FRIEND: ("failed", "not_a_friend"),
        CAPPED: ("skipped", "frequency_cap")}


def campaign_of(task):
    return task["content"].get("text", {}).get("content", "").split(" ")[0]


def seconds(instant):
    return int(datetime.datetime.fromisoformat(instant).timestamp())


def violations(deliveries, tasks, lines, settled=True, refused_secrets=1):
    """One text each. `settled`: the results of all taps should have been asked for by now.
    `refused_secrets`: how often a wrong secret may have been tried."""
    ours = {t["msgid"]: t for t in tasks if not t["by_hand"]}
    campaigns = {d["campaign"] for d in deliveries}
    yield from _outside(deliveries, ours, campaigns)
    yield from _twice(ours, lines, campaigns)
    hits = collections.defaultdict(list)
    for line in lines:
        if line.get("event") == "reached" and line["msgid"] in ours:
            hits[campaign_of(ours[line["msgid"]]), line["recipient"]].append(line)
    for delivery in deliveries:
        yield from _one(delivery, hits[delivery["campaign"], delivery["recipient"]], ours, lines,
                        settled)
    yield from _traces(ours)
    yield from _manners(lines, refused_secrets)


def _traces(ours):
    """What tells tasks apart is the same in all links of a task, and in no other task."""
    seen = {} # value -> msgid
    for task in ours.values():
        links = [a["link"]["url"] for a in task["content"].get("attachments", []) if "link" in a]
        values = {value for url in links
                  for value in urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("pl", [])}
        if len(values) > 1:
            yield f"the links of {task['msgid']} carry {len(values)} traces"
        for value in values:
            if seen.setdefault(value, task["msgid"]) != task["msgid"]:
                yield f"{seen[value]} and {task['msgid']} carry the same trace"


def _outside(deliveries, ours, campaigns):
    audience = {(d["campaign"], d["sender"], d["recipient"]) for d in deliveries}
    for task in ours.values():
        if campaign_of(task) not in campaigns:
            continue # another campaign's, or another program's
        for row in task["rows"]:
            if (campaign_of(task), row["userid"], row["recipient"]) not in audience:
                yield (f"{row['recipient']} of {row['userid']} is in task {task['msgid']} and in "
                       f"no audience")


def _twice(ours, lines, campaigns):
    """Nobody waits in two tasks of a campaign at a time, nobody is reached twice."""
    waiting, reached = {}, set() # (campaign, recipient) -> msgid
    for line in lines:
        if line.get("call", "").endswith("/add_msg_template") and line["acted"]:
            task = ours[line["msgid"]]
            for row in task["rows"] if campaign_of(task) in campaigns else []:
                key = campaign_of(task), row["recipient"]
                if key in waiting:
                    yield f"{key[1]} waits in {waiting[key]} and in {task['msgid']}"
                if key in reached:
                    yield f"{key[1]} was reached and is in {task['msgid']}"
                waiting[key] = task["msgid"]
        elif line.get("call", "").endswith("/cancel_groupmsg_send") and line["acted"]:
            gone = line["request"]["msgid"]
            waiting = {k: m for k, m in waiting.items() if m != gone}
        elif line.get("event") == "reached" and line["msgid"] in ours:
            key = campaign_of(ours[line["msgid"]]), line["recipient"]
            waiting.pop(key, None)
            if line["status"] == SENT:
                if key in reached:
                    yield f"{key[1]} was reached twice by {key[0]}"
                reached.add(key)


def _one(delivery, hits, ours, lines, settled):
    state, reason = delivery["state"], delivery["reason"]
    who = f"delivery {delivery['delivery']} ({delivery['recipient']})"
    sent = [h for h in hits if h["status"] == SENT]
    last = hits[-1]["status"] if hits else None
    if state == "sent":
        if not sent:
            yield f"{who} is sent and was never reached"
            return
        if delivery["channel_ref"] != sent[0]["msgid"]:
            yield f"{who} names {delivery['channel_ref']} and was reached by {sent[0]['msgid']}"
        if delivery["sender"] != sent[0]["sender"]:
            yield f"{who} is {delivery['sender']}'s and was reached by {sent[0]['sender']}"
        if seconds(delivery["settled_at"]) != sent[0]["at_ms"] // 1000:
            yield f"{who} says {delivery['settled_at']}, the platform {sent[0]['at_ms']}"
    elif state == "unknown":
        return # a person looks at it
    elif sent and (settled or state not in ("prompted", "claimed")):
        yield f"{who} is {state} and was reached"
    elif state == "prompted":
        task = ours.get(delivery["channel_ref"])
        rows = [r for r in task["rows"] if r["recipient"] == delivery["recipient"]] if task else []
        if not rows or task["canceled"]:
            yield f"{who} is prompted and waits in no task"
        elif settled and rows[0]["status"] != 0:
            yield f"{who} is prompted and has the result {rows[0]['status']}"
    elif (state, reason) == GONE[NO_FRIEND] and last != NO_FRIEND:
        yield f"{who} is not_a_friend and the platform says {last}"
    elif (state, reason) == ("failed", "bad_recipient"):
        refused = [r for line in lines for r in line.get("fail_list", [])]
        if delivery["recipient"] not in refused:
            yield f"{who} is bad_recipient and was in no fail_list"
    elif state not in ("prompted", "claimed"):
        for task in ours.values():
            if campaign_of(task) == delivery["campaign"] and not task["canceled"] and \
                    any(r["recipient"] == delivery["recipient"] and r["status"] == 0
                        for r in task["rows"]):
                yield f"{who} is {state} and waits in {task['msgid']}"


def _in_blocks(lines):
    """No call is made that the platform has said 45009 to, before that is over. One call beside the
    refused one may have been on its way: it has gone out before the answer was there."""
    began = {} # call -> at_ms of its block
    for line in lines:
        if "call" not in line:
            continue
        if not line["in_block"]:
            began.pop(line["call"], None)
            if line["errcode"] == 45009:
                began[line["call"]] = line["at_ms"]
        elif began.pop(line["call"], 0) + ON_ITS_WAY_MS < line["at_ms"]:
            yield f"a call of {line['call']} inside a block at {line['at_ms']}"


def _manners(lines, refused_secrets):
    yield from _in_blocks(lines)
    refused = [line for line in lines if line.get("call") == "gettoken" and
               line["errcode"] == 40001]
    if len(refused) > refused_secrets:
        yield f"a wrong secret was tried {len(refused)} times"
    for line in lines:
        if "call" not in line:
            continue
        if line["errcode"] == 45033 and line["fault"] is None:
            yield f"too many at once: {line['call']} at {line['at_ms']}"
        if line["errcode"] in (40035, 41001, 44004):
            yield f"a mistake of ours: {line['call']} was answered {line['errcode']}"
