"""`plan --live`: beside what the service carries, and the run that follows it (contract §4, §5).

Plan and run are equal, due instants too, under the conditions of contract §5 and, for the lanes
that are not empty: they have sent before (so what is due next follows from their last), each
carries one other campaign, and nobody pauses, cancels or approves anything meanwhile."""
import datetime
import re
import sqlite3

from support import (ALICE, BO, STRANGER, Place, equal, lines, main, ms, now_ms, run_unhurried, true,
                     wait_until)

ZONE = datetime.timezone(datetime.timedelta(hours=8))
KEYS = ["delivery", "campaign", "revision", "channel", "sender", "recipient", "state", "reason",
        "due_at", "claimed_at", "settled_at", "attempts", "channel_ref"]


def live(place, file, *options, expect=0, user=None):
    """(rows, summary) of plan --live --json."""
    objects = lines(place.cli("plan", file, "--live", "--json", *options, expect=expect,
                              user=user).out)
    return objects[:-1], objects[-1]["summary"]


def due_order(rows):
    return sorted(rows, key=lambda r: (r["due_at"] is None, r["due_at"] and ms(r["due_at"]),
                                       r["delivery"]))


def comparable(rows, settled):
    return [(r["sender"], r["recipient"], r["reason"], r["due_at"],
             r["state"] == settled or r["state"]) for r in due_order(rows)]


def sent(place, campaign):
    return [d for d in place.deliveries(campaign) if d["state"] == "sent"]


ZONES = ["", "Asia/Shanghai", "Asia/Tokyo", "Asia/Singapore"]
# of the schedule, of the pace ({0}: the gap in seconds); a channel each
PACES = {
    "uniform": ("", "interval: {0}s..{0}500ms, limits: [{{max: 1, per: week, scope: recipient, "
                "on_cap: drop}}, {{max: 500, per: day, scope: sender}}]"),
    "exponential": ("", "interval: {0}s..{0}500ms, distribution: exponential"),
    "spread": ("", "interval: {0}s..{0}500ms, distribution: spread"),
    "batch": ("", "interval: {0}s..{0}500ms, batch: 3"),
    "zones": ("timezone: recipient, fallback_timezone: Asia/Shanghai, ",
              "interval: {0}s..{0}500ms"),
}


def written(place, name, pace, people, gap_s, instants):
    schedule, how = PACES[pace]
    rows = "".join(f"{who},{'xyz'[i * i % 3]},{ZONES[i % 4]}\n" for i, who in enumerate(people))
    place.write(f"{name}.csv", "recipient,word,timezone\n" + rows)
    return place.write(f"{name}.yaml", f"""campaign: {name}
channel: {pace}
audience: {{file: {name}.csv}}
message: {{text: "hello {{{{word}}}}"}}
schedule: {{{schedule}{instants}}}
pace: {{{how.format(gap_s)}}}
""")


def at(start, seconds):
    return f'"{start + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}+08:00"'


def give_up(place, attempt):
    """The next attempt wants its lanes to itself."""
    for pace in PACES:
        for which in ("new", "old"):
            place.cli("cancel", f"{pace}-{which}{attempt}", expect=None)


def run_once(place, attempt, gap_s, lead_s):
    """{pace: (plan, summary, run, the other one's run)}: campaigns whose lanes another one is using;
    None when the machine was too slow for these gaps."""
    now = datetime.datetime.now(ZONE)
    begins = lead_s
    end = f"end: {at(now, begins + 60 * gap_s)}"
    people = {p: [f"{p}{attempt}-{i}" for i in range(132 if p == "batch" else 44)] for p in PACES}
    for pace in PACES:
        place.launch(written(place, f"{pace}-old{attempt}", pace, people[pace], gap_s, end))
    for pace in PACES:
        wait_until(lambda: {d["sender"] for d in sent(place, f"{pace}-old{attempt}")} == {"a", "b"},
                   "both lanes have sent", 60 + 60 * gap_s)
    planned = {}
    for pace in PACES:
        # every fourth is in the other campaign too: whoever writes first uses up the week
        mixed = [people[pace][43 - 2 * i] if i % 4 == 3 else f"{pace}-n{attempt}-{i}"
                 for i in range(16)]
        file = written(place, f"{pace}-new{attempt}", pace, mixed, gap_s,
                       f"start: {at(now, begins)}, {end}")
        planned[pace] = live(place, file)
        place.launch(file)
    if now_ms() >= (now.timestamp() + begins) * 1000 - 500:
        return give_up(place, attempt)
    for pace in PACES:
        for which in ("new", "old"):
            place.wait_state(f"{pace}-{which}{attempt}", "done", 60 + begins + 120 * gap_s)
    if "late: anchored anew" in place.service.said():
        return give_up(place, attempt)
    return {pace: (*planned[pace], place.deliveries(f"{pace}-new{attempt}"),
                   place.deliveries(f"{pace}-old{attempt}")) for pace in PACES}


def test_the_run_beside_another_is_as_it_was_planned():
    with Place() as place:
        text = "".join(f'  {pace}: {{plugin: "null", senders: [a, b]}}\n' for pace in PACES)
        place.write("paceline.yaml", "store: sqlite:paceline.db\nsocket: paceline.sock\n"
                    f"timezone: Asia/Shanghai\nlanguage: en\nchannels:\n{text}"
                    "approval: {allow_self: true}\n")
        result = run_unhurried(place, run_once, 15)
        for pace, (rows, summary, deliveries, others) in result.items():
            equal([list(row) for row in rows], [KEYS] * 16, f"{pace}: keys, in order")
            equal(rows, due_order(rows), f"{pace}: order of rows")
            true(summary["live"]["campaigns"] >= 5, f"{pace}: {summary['live']}")
            dues = [ms(o["due_at"]) for o in others if o["due_at"]]
            true(min(dues) < ms(summary["first"]) < max(dues), f"{pace}: the lanes were shared")
            equal(comparable(rows, "planned"), comparable(deliveries, "sent"), f"{pace}: plan and run")
        reasons = [r["reason"] for r in result["uniform"][0]]
        true(0 < reasons.count("frequency_cap") < 4, f"the other one was first at some: {reasons}")


def test_what_was_sent_before_holds_its_places():
    with Place() as place:
        place.start()
        place.launch(place.campaign("before", "dry", ["x", "y", "z"], senders="[a]"))
        place.wait_state("before", "done")
        file = place.campaign("after", "dry", ["q"], senders="[a]",
                              limits="{max: 3, per: 1h, scope: sender}")
        rows, summary = live(place, file)
        room = min(ms(d["settled_at"]) for d in sent(place, "before")) + 3600 * 1000
        true(0 <= ms(rows[0]["due_at"]) - room <= 1000, f"{rows[0]['due_at']} and {room}")
        equal(summary["binding"][0]["limit"], "3 per 1h sender", "what binds")
        alone = lines(place.cli("plan", file, "--json").out)
        true(ms(alone[0]["due_at"]) < now_ms() + 60000, "without the service it is due at once")
        # the approver sees it too
        place.submit(file)
        equal(place.show("after")["plan"]["first"][:16], rows[0]["due_at"][:16], "as submitted")
        place.stop()


def test_who_is_left_out():
    with Place() as place:
        place.start()
        place.launch(place.campaign("news", "dry", ["x", "y", "s"], senders="[a]"))
        place.wait_state("news", "done")
        place.cli("suppress", "s", "--reason", "asked us to stop")
        file = place.campaign("news", "dry", ["x", "y", "z", "s"], senders="[a]",
                              schedule="{start: 2099-01-01}")
        before = place.cli("audit", "--json").out
        rows, summary = live(place, file)
        equal({r["recipient"]: (r["state"], r["reason"]) for r in rows},
              {"x": ("skipped", "already_handled"), "y": ("skipped", "already_handled"),
               "z": ("planned", None), "s": ("skipped", "suppressed")}, "who")
        equal(place.cli("audit", "--json").out, before, "nothing was decided")
        equal(len(lines(place.cli("list", "--json").out)), 1, "nor stored")
        place.submit(file)
        equal(place.show("news")["plan"]["skipped"], summary["skipped"], "as submitted")
        place.submit(file, "--again")
        equal(place.show("news")["plan"]["skipped"], {"suppressed": 1}, "submitted with --again")
        place.cli("approve", "news")
        counts = place.show("news")["counts"]
        equal((counts["pending"], counts["skipped"]), (3, 1), "and approved")

        lately = place.write("lately.yaml", """campaign: lately
channel: dry
audience: {recipients: [x, y, z], where: {not_contacted: 7d}}
message: {text: hello}
schedule: {start: 2099-01-01}
""")
        rows, _ = live(place, lately)
        equal([r["recipient"] for r in rows], ["z"], "not_contacted")
        place.stop()
        with sqlite3.connect(place.path("paceline.db")) as store:
            equal(store.execute("SELECT count(*) FROM revision WHERE serial = 0").fetchone(), (0,),
                  "nothing is left of what was only planned")


def test_whom_only_the_service_knows():
    with Place() as place:
        place.write("book.csv", "recipient,name,sender\nk1,Xu,a\nk2,Li,b\nk3,Wu,a\n")
        file = place.write("book.yaml", """campaign: book
channel: dry
audience: {contacts: true}
message: {text: "hello {{name}}"}
schedule: {start: 2099-01-01}
""")
        place.start()
        place.cli("contacts", "import", "book.csv")
        true("--live" in place.cli("plan", file, expect=1).err, "without the service it is refused")
        rows, summary = live(place, file, "--svg", "book.svg")
        equal({(r["recipient"], r["sender"]) for r in rows}, {("k1", "a"), ("k2", "b"), ("k3", "a")},
              "rows")
        with open(place.path("book.svg"), encoding="utf-8") as svg:
            picture = svg.read()
        equal(re.findall(r'text-anchor="end" x="122"[^>]*>(\w+)<', picture), ["a", "b"], "senders")
        equal(rows[0]["revision"], place.submit(file), "the revision that would be submitted")
        equal(place.show("book")["plan"]["first"], summary["first"], "as submitted")
        place.stop()


def test_feasible_alone_is_not_feasible_beside():
    with Place() as place:
        place.start()
        day = "{start: 2099-01-05 09:00, end: 2099-01-05 12:00, windows: [{hours: \"09:00-12:00\"}]}"
        place.launch(place.campaign("old", "dry", [f"o{i}" for i in range(100)], senders="[a]",
                                    interval="60s..60s",
                                    schedule="{start: 2099-01-05 09:00, end: 2099-01-05 11:00}"))
        file = place.campaign("new", "dry", [f"n{i}" for i in range(120)], senders="[a]",
                              interval="60s..60s", schedule=day)
        place.cli("plan", file)
        rows, summary = live(place, file, expect=1)
        equal((summary["feasible"], summary["planned"] + summary["shortfall"]), (False, 120), "sum")
        # 180 minutes; the other one, which ends earlier, goes first
        true(39 <= summary["shortfall"] <= 42, f"shortfall: {summary['shortfall']}")
        equal([r["reason"] for r in rows].count("ended"), summary["shortfall"], "who is not reached")
        true("other campaigns" in [b["limit"] for b in summary["binding"]], "what binds")
        helps = {h["change"]: h for h in summary["help"]}
        equal(sorted(helps), ["end", "senders"], "what would help")
        equal(helps["senders"]["add"], ["b"], "whom to add")
        with open(place.path("new.yaml"), encoding="utf-8") as text:
            helped = text.read().replace("senders: [a]", "senders: [a, b]")
        place.write("helped.yaml", helped)
        equal(live(place, "helped.yaml")[1]["last"], helps["senders"]["last"], "with that sender")
        said = place.cli("plan", file, "--live", expect=1).out
        for words in ("infeasible", "other campaigns: 1, waiting: 100", "more senders: b",
                      "other campaigns on the same senders"):
            true(words in said, f"'{words}' in: {said}")
        refused = place.cli("submit", file, expect=1)
        true("paceline plan --live" in refused.err, refused.err)
        place.cli("submit", file, "--allow-partial")
        shown = place.show("new")["plan"]
        equal((shown["shortfall"], shown["live"]["waiting"]), (summary["shortfall"], 100), "shown")
        true("other campaigns: 1, waiting: 100" in place.cli("show", "new").out, "to the approver")

        place.cli("pause", "old")
        _, summary = live(place, "helped.yaml")
        equal((summary["live"]["campaigns"], summary["live"]["paused"]), (1, 1), "paused")
        place.cli("halt", "--reason", "look")
        true("halted" in place.cli("plan", file, "--live").out, "halted is said, and planned all the same")
        place.stop()


def test_other_gaps_and_another_day():
    with Place() as place:
        file = place.campaign("free", "dry", [f"r{i}" for i in range(9)], interval="1s..9s")
        place.start()
        rows, summary = live(place, file, "--from", "2099-01-05 10:00")
        true(all(r["due_at"].startswith("2099-01-05T10:0") for r in rows), f"dues: {rows}")
        other, named = live(place, file, "--from", "2099-01-05 10:00", "--seed", "7")
        equal(named["seed"], "7", "the seed given")
        true([r["due_at"] for r in other] != [r["due_at"] for r in rows], "other gaps")
        alone = lines(place.cli("plan", file, "--from", "2099-01-05 10:00", "--json").out)
        equal(rows, alone[:-1], "beside nobody it is the plan alone")
        del summary["live"]
        equal(summary, alone[-1]["summary"], "its summary too")
        for wrong in (["--from", "tomorrow"], ["--from", "2001-01-01"], ["--seed", "-1"]):
            place.cli("plan", file, "--live", *wrong, expect=64)
        place.cli("plan", place.campaign("bad", "nowhere", ["x"]), "--live", expect=65)
        place.stop()


def test_who_may_ask_and_whom():
    users = [("alice", ["submitter"], ALICE), ("bo", ["approver"], BO), ("eve", ["viewer"], STRANGER)]
    with Place(users=users, allow_self=False) as place:
        file = place.campaign("mine", "dry", ["x"])
        away = place.cli("plan", file, "--live", user=ALICE, expect=69)
        true("paceline serve" in away.err, away.err)
        place.start()
        rows, _ = live(place, file, user=ALICE)
        equal([r["state"] for r in rows], ["planned"], "a submitter may plan")
        place.cli("plan", file, "--live", user=STRANGER, expect=77)
        place.cli("plan", file, "--live", user=BO, expect=77)
        place.stop()


main(globals())
