"""kill -9, fifty times: while it starts, recovers and sends; lost answers and slow ones meanwhile. The
checker (tests/check) finds nobody twice and nobody gone."""
import os
import random
import sys

from support import Place, SOURCE, equal, main, true, wait_until

sys.path.insert(0, os.path.join(SOURCE, "tests", "check"))
import kills  # noqa: E402
import records  # noqa: E402

KILLS, ROOMS, PEOPLE = 50, 9, 40


def test_fifty_kills():
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# SEED={seed}")
    draw = random.Random(seed)
    faults = ("--fault", "lose-answer:5", "--fault", "reset-before:5", "--fault", "slow:20",
              "--limit", "1000")
    with Place(rooms=ROOMS, senders=["ann", "ben"], standin=faults) as place:
        place.start()
        campaigns = []
        for room in range(1, ROOMS + 1):
            interval, limits = [("50ms..150ms", "{max: 30, per: 1m, scope: channel}"),
                                ("0s..0s", None)][room % 2]
            campaigns.append(records.Campaign(
                f"room{room}", f"room-{room}", [f"p{room}-{i}" for i in range(PEOPLE)], interval,
                limits))
            campaigns[-1].launch(place)
        wait_until(lambda: len(place.standin.record()) >= ROOMS, "some requests")
        kills.kill(place, KILLS, draw)
        for campaign in campaigns:  # what waits still is taken back: the rooms' quotas are far away
            place.cli("cancel", campaign.name, expect=None)
        wait_until(lambda: not any(place.show(c.name)["counts"].get("claimed") for c in campaigns),
                   "nothing is on its way")
        code, text = records.judge(place, campaigns)
        equal(code, 0, text)
        place.check_sums(*(c.name for c in campaigns))
        true(len(place.standin.record()) > KILLS, "the service sent between the kills")
        place.stop()


main(globals())
