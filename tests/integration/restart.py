"""kill -9, three times, under three campaigns at once: nobody twice, nobody gone, no limit broken."""
import collections
import os
import random

from support import Place, equal, main, ms, true, wait_until

RECIPIENTS = [f"person-{n:02}" for n in range(1, 19)]
CAMPAIGNS = ["red", "green", "blue"]
FLOOR_MS, SPAN_MS, MAX_IN_SPAN = 200, 4000, 5
ROUNDING_MS = 1  # both clocks are read in whole milliseconds


def no_span_above(instants, what):
    """No half-open span of SPAN_MS holds more than MAX_IN_SPAN of these."""
    instants = sorted(instants)
    for first, after in zip(instants, instants[MAX_IN_SPAN:]):
        true(after - first >= SPAN_MS - ROUNDING_MS,
             f"{what}: {MAX_IN_SPAN + 1} sends within {after - first} ms")


def no_gap_under(instants, what):
    instants = sorted(instants)
    for before, after in zip(instants, instants[1:]):
        true(after - before >= FLOOR_MS - ROUNDING_MS, f"{what}: a gap of {after - before} ms")


def test_three_campaigns_survive_three_kills():
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# SEED={seed}")
    draw = random.Random(seed)
    with Place(rooms=3) as place:
        place.start()
        for number, name in enumerate(CAMPAIGNS, 1):
            place.launch(place.campaign(name, f"room-{number}", RECIPIENTS, "200ms..900ms",
                                        limits="{max: 5, per: 4s, scope: sender}"))
        for arrived in (draw.randint(2, 10), draw.randint(14, 24), draw.randint(28, 42)):
            wait_until(lambda: len(place.standin.record()) >= arrived, f"{arrived} arrived")
            place.service.kill()
            place.start()
        for name in CAMPAIGNS:
            wait_until(lambda: not place.show(name)["counts"].get("pending") and
                       not place.show(name)["counts"].get("claimed"), f"{name} is through")
        place.check_sums(*CAMPAIGNS)
        place.cli("audit", "verify")
        unknown = 0
        for number, name in enumerate(CAMPAIGNS, 1):
            rows = place.deliveries(name)
            arrived = place.standin.record(f"room-{number}")
            times = collections.Counter(r["content"].split()[-1] for r in arrived)
            for row in rows:
                count = times.pop(row["recipient"], 0)
                if row["state"] == "sent":
                    equal(count, 1, f"{name}: messages to {row['recipient']}, who is 'sent'")
                else:
                    equal(row["state"], "unknown", f"{name}: {row['recipient']}")
                    equal(row["reason"], "interrupted", f"{name}: {row['recipient']}")
                    true(count <= 1, f"{name}: {row['recipient']} got {count}")
                    unknown += 1
            equal(dict(times), {}, f"{name}: messages to nobody of the audience")
            claims = [ms(row["claimed_at"]) for row in rows]
            no_span_above(claims, f"{name}, by claimed_at")
            no_gap_under(claims, f"{name}, by claimed_at")
            no_span_above([r["at_ms"] for r in arrived], f"{name}, as the stand-in saw it")
            no_gap_under([r["at_ms"] for r in arrived], f"{name}, as the stand-in saw it")
        # a lane has one call in flight, so a kill can leave at most one a lane
        true(unknown <= 9, f"{unknown} unknown after three kills")
        place.stop()


def test_what_was_not_approved_waits_through_a_restart():
    with Place() as place:
        place.start()
        digest = place.submit(place.campaign("draft", "dry", ["x", "y"]))
        place.service.kill()
        place.start()
        shown = place.show("draft")
        equal((shown["state"], shown["revision"]), ("draft", digest), "the draft after kill -9")
        place.cli("approve", "draft")
        place.wait_state("draft", "done")
        place.stop()


def test_a_limit_and_a_pause_survive_a_restart():
    with Place() as place:
        place.start()
        limited = place.campaign("limited", "dry", ["x", "y", "z"], senders="[a]",
                                 limits="{max: 2, per: 1h, scope: sender}")
        place.launch(limited)
        place.wait_count("limited", "sent", 2)
        place.launch(place.campaign("resting", "dry", ["x"], senders="[b]",
                                    limits="{max: 1, per: day, scope: sender}"))
        place.wait_state("resting", "done")
        place.service.kill()
        place.start()
        held = wait_until(lambda: [d for d in place.deliveries("limited") if d["reason"]],
                          "the third one says why it waits")
        equal([(d["recipient"], d["state"], d["reason"]) for d in held],
              [("z", "pending", "rate_limit")], "held")
        place.cli("pause", "limited")
        place.stop()
        place.start()
        equal(place.show("limited")["state"], "paused", "state after a restart")
        equal(place.deliveries("limited")[2]["reason"], "paused", "reason")
        place.stop()


main(globals())
