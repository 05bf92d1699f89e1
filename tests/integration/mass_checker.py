"""The checker of mass messages (tests/check/mass.py) finds nothing in a good run and each thing in a
bad one."""
import copy
import os
import sys

from support import SOURCE, equal, main, true

sys.path.insert(0, os.path.join(SOURCE, "tests", "check"))
import mass # noqa: E402

AT = 1788203000


def delivery(number, recipient, state="sent", reason=None, msgid="m1", sender="lin.yue"):
    return {"delivery": number, "campaign": "c", "sender": sender, "recipient": recipient,
            "state": state, "reason": reason, "channel_ref": msgid,
            "settled_at": "2026-09-01T03:03:20.000+08:00" if state == "sent" else None}


def task(msgid, *rows, canceled=False, by_hand=False, text="c 一"):
    return {"msgid": msgid, "canceled": canceled, "by_hand": by_hand,
            "content": {"text": {"content": text}},
            "rows": [{"recipient": r, "userid": "lin.yue", "status": s} for r, s in rows]}


def call(name, **more):
    return {"call": name, "errcode": 0, "acted": True, "fault": None, "in_block": False,
            "at_ms": AT * 1000, **more}


def create(msgid, fail_list=()):
    return call("externalcontact/add_msg_template", msgid=msgid, fail_list=list(fail_list))


def reached(recipient, status=1, msgid="m1"):
    return {"event": "reached", "msgid": msgid, "recipient": recipient, "status": status,
            "sender": "lin.yue", "at_ms": AT * 1000 + 400}


def good():
    return {
        "deliveries": [delivery(1, "a"), delivery(2, "b", "failed", "not_a_friend"),
                       delivery(3, "c", "skipped", "frequency_cap"), delivery(4, "d", "prompted"),
                       delivery(5, "e", "failed", "bad_recipient", None),
                       delivery(6, "f", "skipped", "suppressed", None),
                       delivery(7, "g", "unknown")],
        "tasks": [task("m1", ("a", 1), ("b", 2), ("c", 3), ("d", 0), ("g", 1)),
                  task("hand", ("z", 1), by_hand=True), task("other", ("y", 0), text="x 一")],
        "lines": [call("gettoken"), create("m1", ["e"]), create("other"), reached("a"),
                  reached("b", 2), reached("c", 3), reached("g"), reached("z", msgid="hand")],
    }


def found(run, **options):
    return list(mass.violations(run["deliveries"], run["tasks"], run["lines"], **options))


def test_a_good_run():
    equal(found(good()), [], "violations")


def bad(what, change, expected=None, **options):
    run = copy.deepcopy(good())
    change(run)
    said = found(run, **options)
    true(said, f"{what}: nothing was found")
    true(expected is None or any(expected in s for s in said), f"{what}: {said}")


def test_each_bad_run():
    def of(run, number):
        return run["deliveries"][number - 1]
    bad("sent and never reached", lambda r: r["lines"].remove(reached("a")), "never reached")
    bad("another task", lambda r: of(r, 1).update(channel_ref="m2"), "names m2")
    bad("another member", lambda r: of(r, 1).update(sender="he.qi"), "lin.yue")
    bad("another time", lambda r: of(r, 1).update(settled_at="2026-09-01T03:03:21.000+08:00"),
        "the platform")
    bad("reached, and failed", lambda r: of(r, 1).update(state="failed", reason="not_sent"),
        "is failed and was reached")
    bad("reached, and skipped", lambda r: r["lines"].append(reached("f")), "skipped and was")
    bad("reached twice", lambda r: r["lines"].append(reached("a")), "reached twice")
    bad("in two tasks", lambda r: (r["tasks"].append(task("m2", ("d", 0))),
                                   r["lines"].append(create("m2"))), "waits in m1 and in m2")
    bad("again", lambda r: (r["tasks"].append(task("m2", ("a", 0))),
                            r["lines"].append(create("m2"))), "was reached and is in m2")
    bad("a stranger", lambda r: r["tasks"][0]["rows"].append(
        {"recipient": "s", "userid": "lin.yue", "status": 0}), "no audience")
    bad("everybody forgotten", lambda r: of(r, 4).update(channel_ref=None), "waits in no task")
    bad("prompted in a withdrawn task", lambda r: r["tasks"][0].update(canceled=True), "no task")
    bad("a result that nobody asked for", lambda r: r["tasks"][0]["rows"][3].update(status=3),
        "has the result 3")
    bad("not a friend by itself", lambda r: r["lines"].remove(reached("b", 2)), "not_a_friend")
    bad("refused by nobody", lambda r: r["lines"][1].update(fail_list=[]), "no fail_list")
    bad("canceled here alone", lambda r: of(r, 4).update(state="canceled"), "waits in m1")
    def link(run, number, *values):
        run["tasks"][number]["content"]["attachments"] = [{"msgtype": "image"}] + [
            {"msgtype": "link", "link": {"url": f"https://a/p?b=1&pl={v}#x"}} for v in values]
    bad("a trace of two tasks", lambda r: (link(r, 0, "ab"), link(r, 2, "ab")), "m1 and other carry")
    bad("two traces in a task", lambda r: link(r, 0, "ab", "cd"), "carry 2 traces")
    bad("a quota", lambda r: r["lines"][1].update(in_block=True), "inside a block")
    blocked = call("gettoken", errcode=45009)
    for when, calls in (("later", [blocked, call("gettoken", in_block=True, at_ms=AT * 1000 + 9000)]),
                        ("again", [blocked] + 2 * [call("gettoken", in_block=True)])):
        bad(f"a quota, {when}", lambda r, calls=calls: r["lines"].extend(calls), "inside a block")
    bad("a loop", lambda r: r["lines"].extend([call("gettoken", errcode=40001)] * 2), "2 times")
    bad("too many", lambda r: r["lines"][0].update(errcode=45033), "at once")


def test_a_call_that_was_on_its_way_when_a_block_began():
    run = good()
    run["lines"] += [call("gettoken", errcode=45009), call("gettoken", in_block=True, errcode=45009),
                     call("gettoken", at_ms=AT * 1000 + 60000)]
    equal(found(run), [], "violations")


def test_a_task_that_was_withdrawn_makes_room():
    run = good()
    run["tasks"][0]["canceled"] = True
    run["tasks"].append(task("m2", ("d", 0)))
    run["lines"] += [call("externalcontact/cancel_groupmsg_send", request={"msgid": "m1"}),
                     create("m2")]
    run["deliveries"][3]["channel_ref"] = "m2"
    equal(found(run), [], "violations")


def test_traces_of_their_own():
    run = good()
    for number, value in ((0, "ab"), (2, "cd")):
        run["tasks"][number]["content"]["attachments"] = [
            {"msgtype": "link", "link": {"url": f"https://a/p?pl={value}"}}] * 2
    equal(found(run), [], "violations")


def test_results_that_are_not_known_yet():
    run = good()
    run["deliveries"][0].update(state="prompted", settled_at=None)
    equal(len(found(run)), 1, "violations when all should be known")
    equal(found(run, settled=False), [], "violations before")


main(globals())
