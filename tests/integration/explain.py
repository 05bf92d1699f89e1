"""`explain`: every gate in order with its numbers, for what waits, was left out, and has gone."""
import datetime
import re

from support import ALICE, BO, STRANGER, Place, equal, lines, main, ms, need_root, true, wait_until

GATES = ["halt", "campaign", "start_end", "suppression", "missing_value", "closed_day", "quiet_hours",
         "window", "rate_limit", "frequency_cap", "gap", "channel"]


def gates(place, delivery):
    """{gate: its row}; in order, with the contract's keys."""
    rows = lines(place.cli("explain", str(delivery), "--json").out)
    equal([r["gate"] for r in rows], GATES, "gates, in order")
    for row in rows:
        equal(list(row), ["gate", "verdict", "not_before", "detail"], "keys")
        true(row["verdict"] in ("go", "hold", "drop") and row["detail"], f"a row: {row}")
    return {r["gate"]: r for r in rows}


def stops(rows):
    return [r["gate"] for r in rows.values() if r["verdict"] != "go"]


def test_each_delivery_can_say_why():
    with Place() as place:
        place.write("people.csv", "recipient,name\nx,Xu\ny,\nx,Xu\nz,Zhao\nw,Wu\nv,Vu\n")
        place.write("m.yaml", """campaign: m
channel: dry
senders: [a]
audience: {file: people.csv}
message: {text: "{{name}}, hello"}
schedule: {end: 2099-01-01 00:00}
pace: {interval: 200ms..300ms, limits: [{max: 2, per: 1h, scope: sender}]}
""")
        place.start()
        place.launch("m.yaml")
        place.wait_count("m", "sent", 2)
        found = {d["delivery"]: d for d in place.deliveries("m")}

        sent = gates(place, 1)
        equal(stops(sent), [], "what held a delivery that was sent")
        equal(sent["rate_limit"]["detail"], "0 of 2 per 1h sender a", "room that it found")
        true(found[1]["channel_ref"] in sent["channel"]["detail"], sent["channel"])
        true("a random start" in sent["gap"]["detail"], sent["gap"])
        second = gates(place, 4)
        true(re.match(r"1 of 2 per 1h sender a since \d\d:\d\d:\d\d$", second["rate_limit"]["detail"]),
             second["rate_limit"])
        gap = ms(found[4]["due_at"]) - ms(found[1]["due_at"])
        s, rest = divmod(gap, 1000)
        gap = (f"{s}s" if s else "") + (f"{rest}ms" if rest else "")
        true(f", {gap} after the last one (200ms..300ms)" in second["gap"]["detail"], second["gap"])

        missing = gates(place, 2)
        equal(stops(missing), ["missing_value"], "what left row 2 out")
        true("'name'" in missing["missing_value"]["detail"], missing["missing_value"])
        equal(stops(gates(place, 3)), ["campaign"], "what left row 3 out")

        waits = gates(place, 5)
        limit = waits["rate_limit"]
        true(re.match(r"2 of 2 per 1h sender a since \d\d:\d\d:\d\d$", limit["detail"]), limit)
        equal(ms(limit["not_before"]) - ms(found[1]["settled_at"]), 3600 * 1000, "until when")
        behind = gates(place, 6)
        equal((behind["gap"]["verdict"], behind["gap"]["not_before"]), ("hold", None), "behind 5")
        true("a has others" in behind["gap"]["detail"], behind["gap"])

        place.cli("pause", "m")
        equal(gates(place, 5)["campaign"]["detail"], "paused", "paused")
        place.cli("cancel", "m")
        true(gates(place, 5)["campaign"]["detail"].startswith("canceled "), "canceled")
        place.cli("explain", "99", expect=1)
        place.cli("explain", "x", expect=64)
        said = place.cli("explain", "5").out
        true(said.startswith("5  m  a → w  canceled") and "GATE" in said, said)
        log = place.service.said()
        true(re.search(r'lane: holds lane=dry/a campaign=m gate=rate_limit detail="2 of 2 per 1h sender a '
                       r'since \d\d:\d\d:\d\d"', log), "the same row in the log")
        equal(log.count("gate=rate_limit"), 1, "once, when it begins")
        place.stop()


def test_hours_and_days_speak_for_themselves():
    with Place() as place:
        place.start()
        opens = (datetime.datetime.now() + datetime.timedelta(days=30)).strftime("%Y-%m-%d")
        place.launch(place.campaign("q", "dry", ["x"], schedule=f"{{quiet_hours: \"00:00-23:59\", "
                                    f"windows: [{{dates: {opens}}}], skip_dates: [2099-01-02]}}"))
        wait_until(lambda: place.deliveries("q")[0]["reason"] == "window_closed", "it is held")
        rows = gates(place, place.deliveries("q")[0]["delivery"])
        window = rows["window"]
        equal((window["verdict"], window["not_before"], window["detail"]),
              ("hold", f"{opens}T00:00:00.000+08:00",
               f"outside the send window, opens {opens} 00:00:00"), "window")
        true("(00:00-23:59)" in rows["quiet_hours"]["detail"], rows["quiet_hours"])
        equal(rows["closed_day"]["verdict"], "go", "today is no closed day")
        place.stop()


def test_whoever_may_read_may_ask():
    need_root()
    users = [("alice", ["submitter"], ALICE), ("bo", ["viewer"], BO)]
    with Place(users=users, allow_self=False) as place:
        place.start()
        place.submit(place.campaign("d", "dry", ["x"]), user=ALICE)
        rows = lines(place.cli("explain", "1", "--json", user=BO).out)
        equal([(r["gate"], r["detail"]) for r in rows if r["verdict"] != "go"],
              [("campaign", "waits for approval")], "a draft")
        place.cli("explain", "1", user=STRANGER, expect=77)
        place.stop()


main(globals())
