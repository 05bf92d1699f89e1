"""`plan`: the campaign before it runs, and the run that follows it (contract §4, §5)."""
import collections
import datetime
import re
import xml.etree.ElementTree

from support import Place, equal, lines, main, ms, now_ms, run_unhurried, true

KEYS = ["delivery", "campaign", "revision", "channel", "sender", "recipient", "state", "reason",
        "due_at", "claimed_at", "settled_at", "attempts", "channel_ref"]
ZONE = datetime.timezone(datetime.timedelta(hours=8))


def planned(place, file, *options, expect=0):
    """(rows, summary) of plan --json."""
    objects = lines(place.cli("plan", file, "--json", *options, expect=expect).out)
    return objects[:-1], objects[-1]["summary"]


def due_order(rows):
    """By due instant, then row; who never goes comes last."""
    return sorted(rows, key=lambda r: (r["due_at"] is None, ms(r["due_at"]) if r["due_at"] else 0,
                                       r["delivery"]))


def wide_service(place, senders):
    place.write("paceline.yaml", f"""store: sqlite:paceline.db
socket: paceline.sock
timezone: Asia/Shanghai
language: en
channels:
  wide: {{plugin: "null", senders: [{", ".join(senders)}]}}
approval: {{allow_self: true}}
""")


def test_rows_and_summary_are_the_contracts():
    with Place() as place:
        place.write("people.csv", "recipient,name\n" + "x,Xu\ny,\nx,Xu\nz,Zhao\nw,Wu\n")
        place.write("all.yaml", """campaign: all
channel: dry
audience: {file: people.csv}
message: {text: "{{name}}, hello"}
schedule: {start: 2027-03-01 09:30, windows: [{days: mon, hours: "09:30-12:00"}]}
pace: {interval: 40s..3m}
""")
        rows, summary = planned(place, "all.yaml")
        equal([list(row) for row in rows], [KEYS] * 5, "keys, in order")
        equal(rows, due_order(rows), "order of rows")
        equal({r["delivery"]: (r["state"], r["reason"]) for r in rows},
              {1: ("planned", None), 2: ("skipped", "missing_value"), 3: ("skipped", "duplicate"),
               4: ("planned", None), 5: ("planned", None)}, "what becomes of each row")
        equal(summary["skipped"], {"duplicate": 1, "missing_value": 1}, "skipped")
        equal((summary["feasible"], summary["recipients"], summary["planned"],
               summary["shortfall"], summary["taps"]), (True, 5, 3, 0, {}), "summary")
        dues = [r["due_at"] for r in rows if r["due_at"]]
        equal((summary["first"], summary["last"]), (dues[0], dues[-1]), "first and last")
        true(all("2027-03-01T09:30" <= due < "2027-03-01T12:00" for due in dues), f"dues: {dues}")
        equal(planned(place, "all.yaml"), (rows, summary), "the same bytes again")
        other = planned(place, "all.yaml", "--seed", "7")
        true([r["due_at"] for r in other[0]] != [r["due_at"] for r in rows], "another seed")
        equal(other[1]["seed"], "7", "the seed given")
        place.start()
        equal({r["revision"] for r in rows}, {place.submit("all.yaml")}, "the submitted revision")
        place.stop()


def test_start_is_when_it_is_approved():
    with Place() as place:
        file = place.campaign("free", "dry", ["x", "y", "z"], interval="1s..2s")
        rows, _ = planned(place, file, "--from", "2027-05-01 10:00")
        true(all(r["due_at"].startswith("2027-05-01T10:00:0") for r in rows), f"dues: {rows}")
        for wrong in (["--from", "tomorrow"], ["--seed", "x"], ["--seed", "-1"],
                      ["--seed", "99999999999999999999"]):
            place.cli("plan", file, *wrong, expect=64)


def test_too_much_for_the_time_is_infeasible():
    with Place() as place:
        file = place.campaign("much", "dry", [f"r{i}" for i in range(100)], interval="0s..0s",
                              limits="{max: 10, per: 1h, scope: sender}",
                              schedule="{start: 2027-03-01 09:00, end: 2027-03-01 12:00}")
        rows, summary = planned(place, file, expect=1)
        equal((summary["feasible"], summary["planned"], summary["shortfall"]), (False, 60, 40),
              "summary")
        equal([(r["state"], r["reason"], r["due_at"]) for r in rows[60:]],
              [("expired", "ended", None)] * 40, "who is not reached")
        equal((summary["binding"][0]["limit"], summary["binding"][0]["holds_s"]),
              ("10 per 1h sender", 3 * 3600), "what binds")
        said = place.cli("plan", file, expect=1).out
        true("infeasible" in said and "40 of 100" in said and "10 per 1h sender" in said, said)


def applied(text, help):
    """The campaign file with the suggestion written into it."""
    if help["change"] == "end":
        return re.sub(r"end: [^,}]*", f"end: {help['to'][:16].replace('T', ' ')}", text)
    if help["change"] == "hours":
        for hours in help["windows"]:
            text = re.sub(r'hours: "[^"]*"', f'hours: "{hours}"', text, count=1)
        return text
    return text.replace("senders: [s0, s1]", f"senders: [s0, s1, {', '.join(help['add'])}]")


def test_the_picture_has_every_sender_and_both_themes():
    with Place() as place:
        wide_service(place, ["lin.yue", "he.qi", "<&>"])
        file = place.campaign("pic", "wide", [f"r{i}" for i in range(60)], interval="25m..45m",
                              schedule="{start: 2026-09-30 09:00, calendar: cn, windows: [{days: workdays, "
                              "hours: \"09:00-18:00\"}], quiet_hours: \"21:00-09:00\"}")
        place.cli("plan", file, "--from", "2026-09-29", "--svg", "out.svg", "--json")
        root = xml.etree.ElementTree.parse(place.path("out.svg")).getroot()
        kinds = collections.Counter(e.get("class") for e in root.iter())
        texts = [e.text for e in root.iter() if e.tag.endswith("text")]
        for sender in ("lin.yue", "he.qi", "<&>"):
            true(sender in texts, f"{sender} in {texts}")
        equal(kinds["s"], 3, "a line of strokes each")
        true(kinds["w"] > 0 and kinds["q"] > 0, f"shaded: {kinds}")
        strokes = "".join(e.get("d") for e in root.iter() if e.get("class") == "s")
        true(strokes.count("M") >= 30, "strokes")
        true(any("10-08" in t for t in texts), f"the first workday after the holidays: {texts}")
        with open(place.path("out.svg"), encoding="utf-8") as svg:
            true("prefers-color-scheme:dark" in svg.read(), "a dark theme")
        place.cli("plan", file, "--svg", "no/such/folder.svg", expect=65)


def test_what_is_suggested_makes_it_feasible():
    with Place() as place:
        wide_service(place, [f"s{i}" for i in range(20)])
        text = f"""campaign: much
channel: wide
senders: [s0, s1]
audience: {{recipients: [{", ".join(f"r{i}" for i in range(300))}]}}
message: {{text: "hello {{{{recipient}}}}"}}
schedule: {{start: 2026-09-28 09:00, end: 2026-09-29 00:00, calendar: cn, windows: [{{days: workdays, hours: "09:00-12:00, 14:00-18:00"}}]}}
pace: {{interval: 2m..4m}}
"""
        place.write("much.yaml", text)
        at = ["--from", "2026-09-27 08:00"]
        rows, summary = planned(place, "much.yaml", *at, expect=1)
        found = {h["change"]: h for h in summary["help"]}
        # 300 gaps of three minutes on two senders: 7.5 hours, and 7 there are
        equal(sorted(found), ["end", "hours", "senders"], "suggestions")
        equal(found["hours"]["windows"][0][:12], "09:00-12:00,", "the morning as it was")
        equal(found["senders"]["add"], ["s2"], "the fewest, in the channel's order")
        for change, help in found.items():
            place.write("helped.yaml", applied(text, help))
            true(applied(text, help) != text, f"{change}: it changes the file")
            _, helped = planned(place, "helped.yaml", *at)
            equal((helped["feasible"], helped["last"]), (True, help["last"]), change)
        said = place.cli("plan", "much.yaml", *at, expect=1).out
        for words in ("a later end: 2026-09-29 10:00", "longer hours: 09:00-12:00, 14:00-1",
                      "more senders: s2", "the gaps between sends"):
            true(words in said, f"'{words}' in: {said}")


def test_what_cannot_be_helped_is_said():
    with Place() as place:
        file = place.campaign("never", "dry", ["x", "y"], schedule="{start: 2027-03-01, end: 2027-03-02, "
                              "windows: [{dates: 2027-04-01}]}")
        _, summary = planned(place, file, expect=1)
        equal([h["change"] for h in summary["help"]], ["end"], "only a later end")
        file = place.campaign("shut", "dry", ["x", "y"], schedule="{start: 2027-03-01, end: 2027-03-02, "
                              "windows: [{hours: \"10:00-11:00\"}], quiet_hours: \"00:00-24:00\"}")
        _, summary = planned(place, file, expect=1)
        equal(summary["help"], [], "nothing")
        true("neither a later end" in place.cli("plan", file, expect=1).out, "and so it is said")


def test_the_infeasible_is_not_submitted_by_accident():
    with Place() as place:
        file = place.campaign("much", "dry", [f"r{i}" for i in range(100)], interval="0s..0s",
                              limits="{max: 10, per: 1h, scope: sender}",
                              schedule="{start: 2027-03-01 09:00, end: 2027-03-01 12:00}")
        place.start()
        refused = place.cli("submit", file, expect=1)
        true("40 of 100" in refused.err and "--allow-partial" in refused.err, refused.err)
        place.cli("show", "much", expect=1)
        place.cli("submit", file, "--allow-partial")
        _, summary = planned(place, file, expect=1)
        del summary["help"]
        shown = place.show("much")["plan"]
        equal(shown.pop("live")["campaigns"], 0, "beside nothing")
        equal(shown, summary, "what the approver sees is what was planned")
        said = place.cli("show", "much").out
        for words in ("infeasible: 40 of 100", "10 per 1h sender", "2027-03-01 Mon"):
            true(words in said, f"'{words}' in: {said}")
        record = [r for r in place.audit() if r["event"] == "submit"]
        equal([(r["detail"]["allow_partial"], r["detail"]["shortfall"]) for r in record],
              [(True, 40)], "in the audit log")
        place.cli("submit", file)  # unchanged: nothing is asked again

        place.cli("suppress", "x", "--reason", "asked us to stop")
        place.submit(place.campaign("some", "dry", ["x", "y"], schedule="{start: 2027-03-01}"))
        shown = place.show("some")["plan"]
        equal((shown["feasible"], shown["planned"], shown["skipped"]), (True, 1, {"suppressed": 1}),
              "who is on the do-not-send list")
        place.stop()


def comparable(rows, settled):
    return [(r["sender"], r["recipient"], r["reason"], r["due_at"],
             r["state"] == settled or r["state"]) for r in due_order(rows)]


def run_once(place, attempt, gap_s, lead_s):
    """Plans, runs; (plan, run) or None when the machine was too slow for these gaps."""
    name = f"run{attempt}"
    start = datetime.datetime.now(ZONE) + datetime.timedelta(seconds=lead_s)
    people = "".join(f"{name}{i},N{i}\n" for i in range(997))
    place.write(f"{name}.csv", f"recipient,name\n{people}{name}5,twice\n{name}x,\n{name}y,\n")
    file = place.write(f"{name}.yaml", f"""campaign: {name}
channel: wide
audience: {{file: {name}.csv}}
message: {{text: "hello {{{{name}}}}"}}
schedule: {{start: "{start:%Y-%m-%d %H:%M:%S}"}}
pace:
  interval: {gap_s}s..{2 * gap_s}s
  limits: [{{max: 500, per: day, scope: sender}}, {{max: 1, per: week, scope: recipient, on_cap: drop}}]
""")
    rows, summary = planned(place, file)
    place.launch(file)
    if now_ms() >= start.timestamp() * 1000 - 500:
        place.cli("cancel", name)  # the next attempt wants its lanes to itself
        return None
    place.wait_state(name, "done", 60 + lead_s + 40 * gap_s)
    if "late: anchored anew" in place.service.said():
        return None
    return rows, place.deliveries(name)


def test_the_run_is_as_it_was_planned():
    senders = [f"s{i}" for i in range(100)]
    with Place() as place:
        wide_service(place, senders)
        result = run_unhurried(place, run_once, 10)
        rows, deliveries = result
        equal(len(rows), 1000, "rows")
        equal(len({r["sender"] for r in rows}), 100, "senders")
        equal(comparable(rows, "planned"), comparable(deliveries, "sent"), "plan and run")


main(globals())
