#!/usr/bin/env python3
"""The real service against the stand-in, killed again and again.

    soak.py [--minutes M]    SIGKILL every 3 seconds, for so long
    soak.py --kills N        N times, as fast as it comes up: while it starts, recovers and sends

The stand-in loses 2 of 100 answers and is slow with 30. At the end tests/check/checker.py judges
what it received against `deliveries` and `audit`: nobody twice, nobody gone.
"""
import argparse
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "check"))
import kills  # noqa: E402
import records  # noqa: E402
from support import Place, now_ms  # noqa: E402

# a robot takes 20 messages a minute: evenly, or at once. A lane starts at a random phase of its gap:
# the shorter a life of the service, the shorter the gap
PACES = [("4s..8s", "{max: 30, per: 2m, scope: channel}"), ("0s..0s", None)]
SHORT = [("100ms..400ms", "{max: 30, per: 2m, scope: channel}"), ("200ms..2s", None)]


def launch(place, rooms, people, paces):
    for room in range(1, rooms + 1):
        interval, limits = paces[room % 2]
        names = [f"p{room}-{i}" for i in range(people)]
        campaign = records.Campaign(f"soak{room}", f"room-{room}", names, interval, limits)
        campaign.launch(place)
        yield campaign


def kill_for(place, minutes, every_s):
    done, ends = 0, time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        kill_at = now_ms() + 1000 * every_s
        while now_ms() < kill_at:
            time.sleep(0.05)
        place.service.kill()
        done += 1
        place.start()
    return done


def soak(a):
    # slow answers keep sends on the wire when the kill comes
    faults = ("--fault", f"lose-answer:{a.lost}", "--fault", "slow:30", "--limit", "100000")
    with Place(rooms=a.rooms, senders=["ann", "ben"], standin=faults) as place:
        place.start()
        campaigns = list(launch(place, a.rooms, a.people, SHORT if a.kills else PACES))
        began = time.monotonic()
        if a.kills:
            done = a.kills
            kills.kill(place, a.kills, random.Random(a.seed))
        else:
            done = kill_for(place, a.minutes, a.every)
        took = time.monotonic() - began
        settle(place, campaigns)
        place.stop()
        place.start()
        status, text = records.judge(place, campaigns)
        counts = [place.show(c.name)["counts"] for c in campaigns]
        place.stop()
    print(text, end="")
    for campaign, count in zip(campaigns, counts):
        print(f"{campaign.name}: {({k: v for k, v in count.items() if v})}")
    print(f"{took / 60:.1f} minutes, {done} kills, seed {a.seed}, "
          f"{'nothing found' if status == 0 else 'VIOLATIONS'}")
    return status


def settle(place, campaigns):
    """No more sends: what is under way ends, what waits is taken back."""
    for campaign in campaigns:
        place.cli("cancel", campaign.name, expect=None)
    ends = time.monotonic() + 90
    while time.monotonic() < ends and any(place.show(c.name)["counts"].get("claimed")
                                          for c in campaigns):
        time.sleep(0.2)


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--minutes", type=float, default=5)
    args.add_argument("--kills", type=int, default=0, help="so many, instead of minutes")
    args.add_argument("--lost", type=int, default=2, help="of 100 answers")
    args.add_argument("--every", type=float, default=3, help="seconds between kills")
    args.add_argument("--rooms", type=int, default=8)
    args.add_argument("--people", type=int, default=2000, help="in each room")
    args.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    sys.exit(soak(args.parse_args()))


if __name__ == "__main__":
    main()
