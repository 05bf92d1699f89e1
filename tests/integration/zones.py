"""`timezone: recipient`: hours are each recipient's own; nobody waits for a zone that is closed."""
import datetime
import zoneinfo

from support import Place, equal, lines, main, ms, true, wait_until

SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")


def zoned(place, name, rows, schedule, pace="{interval: 20ms..40ms}"):
    place.write(f"{name}.csv", "recipient,timezone\n" + "".join(f"{r},{z}\n" for r, z in rows))
    return place.write(f"{name}.yaml", f"""campaign: {name}
channel: dry
senders: [a]
audience: {{file: {name}.csv}}
message: {{text: "hello {{{{recipient}}}}"}}
schedule: {{timezone: recipient, fallback_timezone: Asia/Shanghai, {schedule}}}
pace: {pace}
""")


def local(instant, zone):
    at = datetime.datetime.fromtimestamp(ms(instant) / 1000, zoneinfo.ZoneInfo(zone))
    return at.strftime("%Y-%m-%d %H:%M")


ZONES = ["America/New_York", "Asia/Tokyo", "", "Europe/Berlin", "Asia/Shanghai"]


def test_the_plan_is_in_everybodys_own_hours():
    with Place() as place:
        rows = [(f"p{n}", ZONES[n % 5]) for n in range(60)]
        file = zoned(place, "world", rows, "start: 2027-03-01 09:30, end: 2027-03-02 09:45, "
                     'windows: [{hours: "09:00-10:00"}]', "{interval: 40s..90s}")
        said = place.cli("check", file).out
        true("4 time zones" in said and "12 by fallback_timezone" in said, f"check: {said}")
        out = lines(place.cli("plan", file, "--json").out)
        equal([r["state"] for r in out[:-1]], ["planned"] * 60, "planned")
        for row in out[:-1]:
            zone = ZONES[(row["delivery"] - 1) % 5] or "Asia/Shanghai"
            at = local(row["due_at"], zone)
            true("2027-03-01 09:30" <= at < "2027-03-01 10:00" or
                 "2027-03-02 09:00" <= at < "2027-03-02 09:45", f"{at} in {zone}")
        dues = sorted(ms(r["due_at"]) for r in out[:-1])
        true(all(b - a >= 40000 for a, b in zip(dues, dues[1:])), "one lane for all of them")


def test_a_closed_zone_blocks_nobody():
    with Place() as place:
        hour = datetime.datetime.now(SHANGHAI).hour
        hours = f"{(hour - 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
        rows = [(f"far{n}", "America/Los_Angeles") for n in range(30)]
        rows += [(f"near{n}", "") for n in range(5)] + [("here", "Asia/Shanghai")]
        place.start()
        place.launch(zoned(place, "two", rows, f'windows: [{{hours: "{hours}"}}]'))
        place.wait_count("two", "sent", 6)
        sent = {d["recipient"] for d in place.deliveries("two", "--state", "sent")}
        equal(sent, {f"near{n}" for n in range(5)} | {"here"}, "sent")
        pending = {d["reason"] for d in place.deliveries("two", "--state", "pending")}
        equal(pending, {"window_closed"}, "why the others wait")
        far = place.deliveries("two", "--state", "pending")[0]
        rows = {r["gate"]: r for r in lines(place.cli("explain", str(far["delivery"]),
                                                      "--json").out)}
        equal(rows["window"]["verdict"], "hold", "explain")
        opens = local(rows["window"]["not_before"], "America/Los_Angeles")
        equal(opens[11:], hours[:5], "it opens when it is that time there")
        place.stop()
        place.start()  # and still so
        wait_until(lambda: {d["reason"] for d in place.deliveries("two", "--state", "pending")} ==
                   {"window_closed"}, "the others wait after a restart")
        lanes = [x for x in lines(place.cli("status", "--json").out) if "lane" in x]
        equal([(x["lane"], x["waiting"]) for x in lanes], [("dry/a", 30)], "one lane")
        place.check_sums("two")
        place.stop()


def test_each_zone_ends_at_its_own_time():
    with Place() as place:
        now = datetime.datetime.now(SHANGHAI)
        end = (now + datetime.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M")
        rows = [("ended", "Pacific/Auckland"), ("here", ""), ("later", "America/New_York")]
        place.start()
        place.launch(zoned(place, "ends", rows, f"end: {end}", "{interval: 20ms..40ms}"),
                     "--allow-partial")
        place.wait_count("ends", "sent", 2)
        states = {d["recipient"]: (d["state"], d["reason"]) for d in place.deliveries("ends")}
        equal(states, {"ended": ("expired", "ended"), "here": ("sent", None),
                       "later": ("sent", None)}, "states")
        place.wait_state("ends", "done")
        place.check_sums("ends")
        place.stop()


def test_a_wrong_zone_is_told_at_its_place():
    with Place() as place:
        file = zoned(place, "wrong", [("x", "Asia/Tokyo"), ("y", "Asia/Tokio")], "start: now")
        said = place.cli("check", file, expect=65).err
        true("wrong.csv:3:2: unknown time zone 'Asia/Tokio'" in said, said)


main(globals())
