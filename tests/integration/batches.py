"""Batches: who goes together, as check has counted; limits that count sends, across a restart."""
import datetime

from support import Place, equal, lines, main, ms, true


def midday():
    """A time zone in which it is about noon: no day ends during a test."""
    east = 12 - datetime.datetime.now(datetime.timezone.utc).hour
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


def batched(place, name, pace, people=30, words=3):
    rows = "".join(f"p{n},{'abcdefgh'[n % words]}\n" for n in range(people))
    place.write(f"{name}.csv", "recipient,word\n" + rows)
    return place.write(f"{name}.yaml", f"""campaign: {name}
channel: dry
senders: [a]
audience: {{file: {name}.csv}}
message: {{text: "{{{{word}}}}, hello"}}
schedule: {{timezone: {midday()}}}
pace: {pace}
""")


def sends(place, campaign):
    """{claimed_at: rows} of those that are sent; one lane with a gap: one instant, one send."""
    found = {}
    for d in place.deliveries(campaign, "--state", "sent"):
        found.setdefault(d["claimed_at"], []).append(int(d["recipient"][1:]))
    return found


def test_equal_messages_go_together():
    with Place() as place:
        file = batched(place, "mixed", "{interval: 20ms..40ms, batch: 4}")
        said = lines(place.cli("check", file, "--json").out)
        equal([x for x in said if x.get("level") == "error"], [], "check")
        true("9 sends" in place.cli("check", file).out, "check says how many sends")
        place.start()
        place.launch(file)
        place.wait_state("mixed", "done")
        found = sends(place, "mixed")
        equal(sorted(len(rows) for rows in found.values()), [2, 2, 2, 4, 4, 4, 4, 4, 4],
              "recipients of each send")
        for rows in found.values():
            equal(len({row % 3 for row in rows}), 1, f"messages of the send {rows}")
        place.check_sums("mixed")
        place.stop()


def test_sends_are_counted_across_a_restart():
    with Place() as place:
        place.start()
        place.launch(batched(place, "few", "{interval: 20ms..40ms, batch: 10, limits: "
                             "[{max: 2, per: 1h, scope: sender, count: sends}]}", words=1))
        place.wait_count("few", "sent", 20)
        place.stop()
        place.start()
        pending = {d["reason"] for d in place.deliveries("few", "--state", "pending")}
        true(pending <= {"rate_limit", "not_started", None}, f"held by the limit: {pending}")
        place.launch(batched(place, "more", "{interval: 20ms..40ms, limits: "
                             "[{max: 3, per: 1h, scope: sender, count: sends}]}", people=5, words=1))
        place.wait_count("more", "sent", 1)
        equal(len(sends(place, "few")), 2, "sends of the first campaign")
        lane = [x for x in lines(place.cli("status", "--json").out) if x.get("lane") == "dry/a"][0]
        used = {x["limit"]: x["used"] for x in lane["limits"]}
        equal(used, {"2 sends per 1h sender": 2, "3 sends per 1h sender": 3}, "used")
        at = sorted(ms(d["claimed_at"]) for d in place.deliveries("more", "--state", "sent"))
        equal(len(at), 1, "sends of the second campaign")
        place.check_sums("few", "more")
        place.stop()


def test_a_sender_is_warmed_up():
    with Place() as place:
        place.start()
        place.launch(batched(place, "warm", "{interval: 20ms..40ms, limits: [{max: 9, per: day, "
                             "scope: sender, ramp: {from: 4, step: 3}}]}", people=20))
        place.wait_count("warm", "sent", 4)
        place.stop()
        place.start()
        place.launch(batched(place, "also", "{interval: 20ms..40ms, limits: [{max: 9, per: day, "
                             "scope: sender, ramp: {from: 5, step: 3}}]}", people=20))
        place.wait_count("also", "sent", 1)  # 5 today, all campaigns together
        lane = [x for x in lines(place.cli("status", "--json").out) if x.get("lane") == "dry/a"][0]
        equal({x["limit"]: x["used"] for x in lane["limits"]},
              {"9 per day sender, ramp 4+3 per day": 5, "9 per day sender, ramp 5+3 per day": 5},
              "used")
        equal([place.show(c)["counts"]["sent"] for c in ("warm", "also")], [4, 1], "sent")
        planned = lines(place.cli("plan", "warm.yaml", "--json").out)[:-1]
        days = {}
        for row in planned:
            days[row["due_at"][:10]] = days.get(row["due_at"][:10], 0) + 1
        equal([days[d] for d in sorted(days)][:3], [4, 7, 9], "planned a day")
        place.check_sums("warm", "also")
        place.stop()


main(globals())
