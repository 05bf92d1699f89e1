"""WeCom mass messages against the stand-in: tasks are made, members tap, results settle each
recipient; what was not confirmed is withdrawn.
"""
import collections
import json
import urllib.request

import support
from support import Place, equal, lines, ms, now_ms, true, wait_until

CORP, SECRET = "ww0123456789abcdef", "the-secret-of-the-app"


class Wecom(Place):
    """A service with the channels customers, groups and members of one account on the stand-in."""

    def __init__(self, world=None, options=(), account="", senders=("lin.yue", "he.qi"),
                 poll="200ms"):
        super().__init__()
        self.world, self.options, self.account = world, options, account
        self.members, self.poll = senders, poll

    def __enter__(self):
        place = super().__enter__()
        self.start_standin("--corp", CORP, "--secret", SECRET, "--agent", "1000002",
                           "--dispatch-ms", "0", *self.options)
        if self.world:
            self.tell("world", self.world)
        self.write("wecom.secret", SECRET + "\n", 0o600)
        senders = ", ".join(self.members)
        self.write("paceline.yaml", f"""store: sqlite:paceline.db
socket: paceline.sock
timezone: Asia/Shanghai
language: en
accounts:
  brand:
    corp_id: {CORP}
    agent_id: 1000002
    secret: {{file: wecom.secret}}
    api: "{self.standin.url}"
    standin: true
    poll: {self.poll}
    reconcile: {{after: 300ms, for: 20s}}
    {self.account}
channels:
  customers: {{plugin: wecom, account: brand, mode: customers, senders: [{senders}]}}
  groups: {{plugin: wecom, account: brand, mode: groups, senders: [{senders}]}}
  members: {{plugin: wecom, account: brand, mode: members}}
approval: {{allow_self: true}}
""")
        return place

    def tell(self, what, body):
        request = urllib.request.Request(f"{self.standin.url}/_standin/{what}",
                                         json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        equal(reply["errcode"], 0, f"/_standin/{what}")
        return reply

    def state(self):
        with urllib.request.urlopen(f"{self.standin.url}/_standin/state", timeout=30) as answer:
            return json.load(answer)

    def mass(self, name, rows, channel="customers", text="hello", **parts):
        """A campaign to `rows` (recipient, sender), written as a CSV."""
        self.write(f"{name}.csv", "recipient,sender\n" +
                   "".join(f"{r},{s}\n" for r, s in rows))
        out = [f"campaign: {name}", f"channel: {channel}", f"audience: {{file: {name}.csv}}",
               f"message: {{text: \"{text}\"}}", "pace: {interval: 0s..0s}"]
        out += [f"{key}: {value}" for key, value in parts.items()]
        return self.write(f"{name}.yaml", "\n".join(out) + "\n")

    def calls(self, call):
        return [r for r in self.standin.lines() if r.get("call") == call]

    def tasks(self):
        return lines(self.cli("tasks", "--json").out)


def world(customers, members=("lin.yue", "he.qi"), taps=False, **of_all):
    """`customers`: id -> its member, or (member, extra keys of the follow)."""
    out = []
    for who, follow in customers.items():
        member, extra = follow if isinstance(follow, tuple) else (follow, {})
        out.append({"external_userid": who, "name": who,
                    "follows": [{"userid": member, "createtime": 1700000000, **extra}]})
    return {"members": [{"userid": m, "name": m, "taps": taps, "after_ms": 0, **of_all}
                        for m in members],
            "customers": out}


def test_a_task_is_made_and_its_results_settle_everybody():
    people = {f"wm{n:04}": "lin.yue" if n % 2 else "he.qi" for n in range(1, 41)}
    people["wm0040"] = ("he.qi", {"lost": True})
    with Wecom(world(people)) as place:
        place.start()
        place.launch(place.mass("spring", list((r, s if isinstance(s, str) else s[0])
                                                for r, s in people.items()) + [("wmNobody", "lin.yue")]))
        place.wait_count("spring", "prompted", 40)
        made = [c for c in place.calls("externalcontact/add_msg_template")]
        equal(len(made), 2, "one task a member")
        tasks = place.tasks()
        equal([t["kind"] for t in tasks], ["confirm", "confirm"], "kinds of tasks")
        equal(sorted(t["open"] for t in tasks), [20, 20], "open")
        place.tell("tap", {})
        place.wait_state("spring", "done")
        counts = place.show("spring")["counts"]
        equal({k: v for k, v in counts.items() if v}, {"sent": 39, "failed": 2}, "counts")
        place.check_sums("spring")
        rows = {d["recipient"]: d for d in place.deliveries("spring")}
        equal(rows["wmNobody"]["reason"], "bad_recipient", "in fail_list")
        equal(rows["wm0040"]["reason"], "not_a_friend", "status 2")
        refs = collections.defaultdict(set)
        for d in rows.values():
            if d["state"] == "sent":
                refs[d["sender"]].add(d["channel_ref"])
        equal({s: len(r) for s, r in refs.items()}, {"lin.yue": 1, "he.qi": 1}, "one msgid each")
        equal(place.tasks(), [], "nothing waits")


def eight(place, name, **parts):
    """A campaign to eight customers of two members, asked of both."""
    place.launch(place.mass(name, [(f"wm{n}", "lin.yue" if n % 2 else "he.qi")
                                   for n in range(1, 9)], **parts))
    place.wait_count(name, "prompted", 8)


PEOPLE = world({f"wm{n}": "lin.yue" if n % 2 else "he.qi" for n in range(1, 9)})


def test_cancel_withdraws_and_who_was_sent_to_stays_sent():
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.tell("tap", {"userid": "lin.yue"})
        place.wait_count("spring", "sent", 4)
        place.cli("cancel", "spring")
        place.wait_count("spring", "canceled", 4)
        equal(len(place.calls("externalcontact/cancel_groupmsg_send")), 1, "one is withdrawn")
        place.tell("tap", {})  # nothing left to tap
        place.check_sums("spring")
        counts = place.show("spring")["counts"]
        equal({k: v for k, v in counts.items() if v}, {"sent": 4, "canceled": 4}, "counts")
        equal(place.tasks(), [], "nothing waits")


def test_tasks_that_are_kept_are_followed_after_a_restart():
    for verb, left in (("cancel", "canceled"), ("pause", "paused")):
        with Wecom(PEOPLE) as place:
            place.start()
            eight(place, "spring")
            place.cli(verb, "spring", "--keep-tasks")
            place.tell("tap", {"userid": "lin.yue"})
            place.wait_count("spring", "sent", 4)
            place.service.kill()
            place.start()
            equal([t["open"] for t in place.tasks()], [4], f"what waits after {verb}")
            place.tell("tap", {})
            place.wait_count("spring", "sent", 8)
            equal(place.calls("externalcontact/cancel_groupmsg_send"), [], "nothing is withdrawn")
            true(place.show("spring")["state"] in (left, "done"), place.show("spring"))
            place.check_sums("spring")
            place.cli("audit", "verify")


def test_a_withdrawal_goes_on_after_a_restart():
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.tell("faults", {"faults": ["reset-before:100:cancel_groupmsg_send"]})
        place.cli("cancel", "spring")
        wait_until(lambda: place.calls("externalcontact/cancel_groupmsg_send"), "it is withdrawn")
        place.service.kill()
        place.tell("faults", {"faults": []})
        place.start()
        place.wait_count("spring", "canceled", 8)
        true(all(t["canceled"] for t in place.state()["tasks"]), "on the platform too")
        place.check_sums("spring")


def test_a_tap_that_came_before_the_withdrawal_counts():
    with Wecom(PEOPLE, poll="10m") as place:
        place.start()
        eight(place, "spring")
        place.tell("tap", {})  # not asked about yet
        place.cli("cancel", "spring")
        wait_until(lambda: not place.show("spring")["counts"].get("prompted"), "all is known")
        place.check_sums("spring")
        equal(place.show("spring")["counts"].get("sent"), 8, "all were sent")


def test_a_pause_takes_tasks_back_and_a_resume_asks_again():
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.cli("pause", "spring")
        place.wait_count("spring", "pending", 8)
        equal(place.tasks(), [], "nothing waits")
        place.cli("resume", "spring")
        place.wait_count("spring", "prompted", 8)
        equal(len(place.calls("externalcontact/add_msg_template")), 4, "asked anew")
        place.tell("tap", {})
        place.wait_state("spring", "done")
        equal(place.show("spring")["counts"].get("sent"), 8, "all sent")
        sent = [row for t in place.state()["tasks"] for row in t["rows"] if row["status"] == 1]
        equal(len(sent), 8, "the platform sent each one message")


def test_a_halt_withdraws_and_after_it_they_are_asked_again():
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.cli("halt", "--reason", "look")
        place.wait_count("spring", "pending", 8)
        place.cli("unhalt", "--reason", "fine")
        place.wait_count("spring", "prompted", 8)


def test_who_is_late_is_withdrawn():
    with Wecom(PEOPLE) as place:
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue" if n % 2 else "he.qi")
                                           for n in range(1, 9)],
                                confirm="{within: 1500ms, remind: [], late: cancel}"))
        place.wait_count("spring", "expired", 8)
        equal({d["reason"] for d in place.deliveries("spring")}, {"late"}, "why")
        equal(len(place.calls("externalcontact/cancel_groupmsg_send")), 2, "withdrawn")


def test_open_tasks_are_asked_about_after_a_crash():
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.service.kill()
        place.tell("tap", {})
        place.start()
        place.wait_state("spring", "done")
        equal(place.show("spring")["counts"].get("sent"), 8, "all sent")
        equal(len(place.calls("externalcontact/add_msg_template")), 2, "asked once")
        place.check_sums("spring")
        place.cli("audit", "verify")


def test_who_is_no_friend_is_not_written_to_again():
    people = world({"wm1": "lin.yue", "wm2": ("lin.yue", {"lost": True})})
    with Wecom(people, options=("--receive-cap", "none")) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue"), ("wm2", "lin.yue")]))
        place.wait_count("spring", "prompted", 2)
        place.tell("tap", {})
        place.wait_state("spring", "done")
        found = wait_until(lambda: lines(place.cli("suppress", "--list", "--json", expect=None).out)
                           or place.api("GET", "suppressions")[1].strip() and
                           lines(place.api("GET", "suppressions")[1].decode()), "on the list")
        equal([(f["recipient"], f["sender"]) for f in found], [("wm2", "lin.yue")], "who")
        place.launch(place.mass("summer", [("wm2", "lin.yue")], text="again"))
        place.wait_count("summer", "skipped", 1)


def test_who_comes_back_may_be_written_to_again():
    people = world({w: ("lin.yue", {"lost": True}) for w in ("wm1", "wm2", "wm3")})
    with Wecom(people, options=("--receive-cap", "none"), account="receive_cap: 7 per week") as place:
        place.start()

        def listed():
            return {f["recipient"]: (f["by"] == "paceline", f["until_back"])
                    for f in lines(place.api("GET", "suppressions")[1].decode())}

        def sync():
            return lines(place.cli("contacts", "sync", "brand", "--json").out)[-1]["lifted"]
        sync()
        place.cli("suppress", "wm3", "--sender", "lin.yue", "--reason", "asked on the phone")
        place.launch(place.mass("spring", [("wm1", "lin.yue"), ("wm2", "lin.yue")]))
        place.wait_count("spring", "prompted", 2)
        place.tell("tap", {})
        place.wait_state("spring", "done")
        wait_until(lambda: len(listed()) == 3, "on the list")
        equal(listed(), {"wm1": (True, True), "wm2": (True, True), "wm3": (False, False)}, "who says so")
        equal(sync(), 0, "the stale relations are still told")
        place.cli("suppress", "wm2", "--sender", "lin.yue", "--reason", "asked on the phone")
        back = now_ms() // 1000 + 1
        place.tell("world", {"customers": [
            {"external_userid": w, "follows": [{"userid": "lin.yue", "lost": False,
                                                "createtime": back}]} for w in ("wm1", "wm2", "wm3")]})
        true("1 customers came back" in place.cli("contacts", "sync", "brand").out, "said")
        equal(listed(), {"wm2": (False, False), "wm3": (False, False)}, "what a person has said stays")
        equal([(r["by"], r["detail"]["recipient"], r["detail"]["sender"]) for r in place.audit()
               if r["event"] == "unsuppress"], [("paceline", "wm1", "lin.yue")], "the record")
        place.launch(place.mass("summer", [(w, "lin.yue") for w in ("wm1", "wm2", "wm3")],
                                text="again"))
        place.wait_count("summer", "prompted", 1)
        equal(place.states("summer"), {"wm1": "prompted", "wm2": "skipped", "wm3": "skipped"},
              "whom it is for")
        place.cli("audit", "verify")


def test_the_receive_cap_holds_and_a_full_one_is_tried_once_more():
    with Wecom(world({"wm1": "lin.yue", "wm2": "lin.yue"}),
               options=("--receive-cap", "day")) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue"), ("wm2", "lin.yue")]))
        place.wait_count("spring", "prompted", 2)
        # too late to be looked at before
        place.tell("by-hand", {"userid": "lin.yue", "recipients": ["wm2"], "text": "mine"})
        place.tell("tap", {})
        place.wait_count("spring", "sent", 1)
        place.wait_count("spring", "pending", 1)
        rows = {d["recipient"]: d for d in place.deliveries("spring")}
        equal(rows["wm2"]["reason"], "frequency_cap", "why it waits")
        # ours of today was booked: a second campaign does not ask for wm1 again today
        place.launch(place.mass("summer", [("wm1", "lin.yue")], text="again"))
        wait_until(lambda: [d for d in place.deliveries("summer")
                            if d["reason"] == "frequency_cap"], "held by the cap")
        equal(len(place.calls("externalcontact/add_msg_template")), 1, "asked once")


def test_a_lost_answer_is_found_again():
    with Wecom(PEOPLE, options=("--fault", "lose-answer:#1:externalcontact/add_msg_template")) as place:
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue" if n % 2 else "he.qi")
                                           for n in range(1, 9)]))
        place.wait_count("spring", "prompted", 8)
        equal(len(place.calls("externalcontact/add_msg_template")), 2, "nothing was repeated")
        place.tell("tap", {})
        place.wait_state("spring", "done")
        equal(place.show("spring")["counts"].get("sent"), 8, "all sent")
        equal([r["event"] for r in place.audit() if r["event"] == "reconcile"], ["reconcile"], "said")
        place.cli("audit", "verify")


def test_a_lost_request_stays_unknown_for_a_person():
    with Wecom(PEOPLE, account="", options=(
            "--fault", "reset-before:#1:externalcontact/add_msg_template")) as place:
        text = open(place.path("paceline.yaml")).read().replace("for: 20s", "for: 1s")
        place.write("paceline.yaml", text)
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue" if n % 2 else "he.qi")
                                           for n in range(1, 9)]))
        place.wait_count("spring", "prompted", 4)
        place.wait_count("spring", "unknown", 4)
        found = wait_until(lambda: [r for r in place.audit() if r["event"] == "reconcile"], "said")
        true("no task" in found[0]["detail"]["not_found"], found)
        equal(len(place.calls("externalcontact/add_msg_template")), 2, "nothing was repeated")


def test_a_kill_between_the_call_and_its_answer_is_found_again():
    with Wecom(PEOPLE, options=("--fault", "slow:#1:externalcontact/add_msg_template",)) as place:
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue") for n in range(1, 9)]))
        wait_until(lambda: place.state()["tasks"], "the platform has it")
        place.service.kill()
        place.start()
        place.wait_count("spring", "prompted", 4)
        equal(len(place.state()["tasks"]), 1, "one task")
        place.tell("tap", {})
        place.wait_state("spring", "done")
        # the four of he.qi were refused in the answer that was lost: they are not in the task
        equal({d["recipient"]: (d["state"], d["reason"]) for d in place.deliveries("spring")},
              {f"wm{n}": ("sent", None) if n % 2 else ("failed", "bad_recipient")
               for n in range(1, 9)}, "who got it")
        found = [r["detail"] for r in place.audit() if r["event"] == "reconcile"]
        equal([(d["adopted"], d["refused"]) for d in found], [(4, 4)], "said")
        place.check_sums("spring")
        place.cli("audit", "verify")


def lost(place):
    """A create whose answer was lost; nothing can be found meanwhile."""
    place.write("paceline.yaml", open(place.path("paceline.yaml")).read().replace("for: 20s", "for: 1s"))
    place.start()
    place.launch(place.mass("spring", [("wm1", "lin.yue")]))
    place.wait_count("spring", "unknown", 1)


def test_an_outage_while_it_is_looked_for_ends_nothing():
    """The list cannot be read until well after the time for looking, and the service is killed."""
    def asked():
        return len([c for c in place.calls("externalcontact/get_groupmsg_list_v2")
                    if c["request"]["filter_type"] == 0])  # the daily comparison waits meanwhile
    with Wecom(PEOPLE, options=("--fault", "lose-answer:#1:add_msg_template",
                                "--fault", "bad-gateway:100:get_groupmsg_list_v2")) as place:
        lost(place)
        claimed = ms(place.deliveries("spring")[0]["claimed_at"])
        wait_until(lambda: now_ms() > claimed + 1000 and asked(), "the time is over")
        place.service.kill()
        before = asked()
        place.start()
        # a question is tried three times
        wait_until(lambda: asked() >= before + 4, "it is looked for, again and again")
        true("reconcile: not found" not in place.service.said(), "nothing was said of the task")
        place.tell("faults", {"faults": []})
        place.wait_count("spring", "prompted", 1)
        place.tell("tap", {})
        place.wait_state("spring", "done")
        equal(len(place.calls("externalcontact/add_msg_template")), 1, "nothing was repeated")
        equal(place.states("spring"), {"wm1": "sent"}, "states")


def test_a_kill_while_it_is_looked_at_begins_anew():
    with Wecom(PEOPLE, options=("--fault", "lose-answer:#1:add_msg_template",
                                "--fault", "slow:#1:get_groupmsg_task")) as place:
        lost(place)
        wait_until(lambda: place.calls("externalcontact/get_groupmsg_task"), "whose task it is")
        place.service.kill()
        place.start()
        place.wait_count("spring", "prompted", 1)
        equal([r["detail"]["adopted"] for r in place.audit() if r["event"] == "reconcile"], [1],
              "adopted once")


def test_what_an_earlier_revision_was_asked_is_not_taken_for_a_later_one():
    """The same words to the same people, asked and withdrawn before; the later answer never came."""
    with Wecom(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.tell("faults", {"faults": ["reset-before:#1:add_msg_template",
                                         "reset-before:#2:add_msg_template"]})
        place.write("paceline.yaml", open(place.path("paceline.yaml")).read()
                    .replace("for: 20s", "for: 1s"))
        place.cli("reload")
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue" if n % 2 else "he.qi")
                                           for n in range(1, 9)], confirm="{within: 5h}"))
        place.wait_count("spring", "unknown", 8)
        wait_until(lambda: place.service.said().count("reconcile: not found") == 2, "both are looked for")
        equal(place.show("spring")["counts"].get("prompted", 0), 0, "adopted")


def test_a_member_is_reminded_once_of_all_that_waits():
    with Wecom(PEOPLE) as place:
        place.start()
        confirm = "{within: 1h, remind: [1s], late: cancel}"
        for name in ("spring", "summer"):
            rows = [(f"wm{n}", "lin.yue") for n in ((1, 3) if name == "spring" else (5, 7))]
            place.launch(place.mass(name, rows, text=name, confirm=confirm))
            place.wait_count(name, "prompted", 2)
        wait_until(lambda: all(t["reminders_used"] for t in place.tasks()), "both reminded of")
        told = wait_until(lambda: place.calls("message/send"), "the digest")
        true(len(told) <= 2, "one for both, or one each when they came due apart")
        equal({c["request"]["touser"] for c in told}, {"lin.yue"}, "who")


def test_a_person_reminds_through_the_platform_three_times_at_most():
    with Wecom(PEOPLE) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue"), ("wm3", "lin.yue")]))
        place.wait_count("spring", "prompted", 2)
        task = str(place.tasks()[0]["task"])
        for used in (1, 2, 3):
            place.cli("remind", task)
            equal(place.tasks()[0]["reminders_used"], used, "used")
        refused = place.cli("remind", task, expect=1)
        true("three times" in refused.err, refused.err)
        equal(len(place.calls("externalcontact/remind_groupmsg_send")), 3, "asked of the platform")
        equal([r["by"] != "paceline" for r in place.audit() if r["event"] == "remind"], [True] * 3,
              "in the log")


def test_a_member_is_not_asked_more_often_a_day_than_agreed():
    with Wecom(PEOPLE) as place:
        place.start()
        for number in (1, 3, 5):
            name = f"c{number}"
            place.launch(place.mass(name, [(f"wm{number}", "lin.yue")], text=name,
                                    confirm="{taps_per_day: 2}"))
        wait_until(lambda: [d for d in place.deliveries("c5") if d["reason"] == "rate_limit"],
                   "the third waits")
        equal(len(place.calls("externalcontact/add_msg_template")), 2, "two taps")


def test_too_many_who_are_no_friends_pause_the_campaign():
    people = {f"wm{n}": ("lin.yue" if n < 5 else "he.qi", {"lost": n == 1}) for n in range(1, 9)}
    with Wecom(world(people)) as place:
        place.start()
        place.launch(place.mass("spring", [(w, m) for w, (m, _) in people.items()],
                                **{"stop_when": "{not_a_friend: 20%}"}))
        place.wait_count("spring", "prompted", 8)
        place.tell("tap", {"userid": "lin.yue"})
        place.wait_state("spring", "paused")
        place.wait_count("spring", "pending", 4)  # the other member's task came back
        note = [r for r in place.audit() if r["event"] == "pause"][-1]
        equal(note["by"], "paceline", "who")
        true("1 of 4" in note["detail"]["note"], note)
        place.cli("resume", "spring")
        place.wait_count("spring", "prompted", 4)


def test_no_friends_are_counted_since_the_campaign_began():
    """Through a kill, and through what a person has let go on."""
    whose = ["lin.yue"] * 10 + ["he.qi"] * 2 + ["bo"] * 6 + ["ada"] * 2 + ["eve"]
    lost = (11, 13, 14, 15, 16, 21)
    people = {f"wm{n:02}": (m, {"lost": n in lost}) for n, m in enumerate(whose, 1)}
    members = ("lin.yue", "he.qi", "bo", "ada", "eve")
    with Wecom(world(people, members), senders=members) as place:
        place.start()
        place.launch(place.mass("spring", [(w, m) for w, (m, _) in people.items()],
                                **{"stop_when": "{not_a_friend: 20%}"}))
        place.wait_count("spring", "prompted", 21)
        place.tell("tap", {"userid": "lin.yue"})
        place.wait_count("spring", "sent", 10)
        place.service.kill()
        place.start()
        place.tell("tap", {"userid": "he.qi"})  # 1 of 2, but of 12 since it began
        place.wait_count("spring", "sent", 11)
        equal(place.show("spring")["state"], "running", "state after a restart")
        place.tell("tap", {"userid": "bo"})
        place.wait_state("spring", "paused")
        notes = [r["detail"]["note"] for r in place.audit() if r["event"] == "pause"]
        true(len(notes) == 1 and "5 of 18" in notes[0], notes)
        place.wait_count("spring", "pending", 3)
        place.cli("resume", "spring")  # a person has seen those
        place.wait_count("spring", "prompted", 3)
        place.tell("tap", {"userid": "ada"})
        place.wait_count("spring", "sent", 15)
        equal(place.show("spring")["state"], "running", "state: there is no new one")
        place.tell("tap", {"userid": "eve"})
        wait_until(lambda: len([r for r in place.audit() if r["event"] == "pause"]) == 2,
                   "asked again with the next one")


def test_members_get_app_messages():
    with Wecom(world({"wm1": "lin.yue"})) as place:
        place.start()
        place.write("staff.yaml", """campaign: staff
channel: members
audience: {recipients: [lin.yue, he.qi, nobody]}
message: {text: "hello"}
pace: {interval: 0s..0s, batch: 3}
""")
        place.launch("staff.yaml")
        place.wait_state("staff", "done")
        equal(place.states("staff"), {"lin.yue": "sent", "he.qi": "sent", "nobody": "failed"},
              "states")


if __name__ == "__main__":
    support.main(globals())
