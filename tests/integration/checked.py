"""A real run, with kills and lost answers, before the checker (tests/check): it reads only what the
stand-in received, the deliveries and the audit log. A small ./dev soak."""
import os
import sys

from support import Place, SOURCE, equal, main, wait_until

sys.path.insert(0, os.path.join(SOURCE, "tests", "check"))
import records  # noqa: E402

KILLS = 5


def test_the_checker_finds_nothing_after_kills_and_lost_answers():
    faults = ("--fault", "lose-answer:15", "--fault", "reset-before:10", "--limit", "1000")
    with Place(rooms=2, senders=["ann", "ben"], standin=faults) as place:
        place.start()
        campaigns = [
            records.Campaign("slow", "room-1", [f"a{i}" for i in range(18)], "100ms..200ms",
                             "{max: 6, per: 2s, scope: channel}"),
            records.Campaign("fast", "room-2", [f"b{i}" for i in range(18)])]
        for campaign in campaigns:
            campaign.launch(place)
        for kill in range(1, KILLS + 1):
            wait_until(lambda: len(place.standin.record()) >= 3 * kill, "some more requests")
            place.service.kill()
            place.start()
        for campaign in campaigns:
            wait_until(lambda: not (place.show(campaign.name)["counts"].get("pending") or
                                    place.show(campaign.name)["counts"].get("claimed")),
                       f"{campaign.name} is through")
        code, text = records.judge(place, campaigns)
        equal(code, 0, text)
        place.check_sums("slow", "fast")
        place.stop()


main(globals())
