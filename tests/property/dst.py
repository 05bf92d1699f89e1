#!/usr/bin/env python3
"""Every change of every zone's clock from 2024 to 2037, as Python's zoneinfo reads the same tzdata,
against ours: the offset around it, and what local times around it mean (contract §2: one that a gap
skips is the next valid instant, one that occurs twice is the first).

    dst.py PATH-OF-property-dst
"""
import datetime as dt
import subprocess
import sys
import zoneinfo

FIRST = int(dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc).timestamp())
LAST = int(dt.datetime(2038, 1, 1, tzinfo=dt.timezone.utc).timestamp())
STEP = 7 * 86400  # no zone sets its clock twice in a week
AROUND = (-86400, -7200, -3601, -3600, -1800, -1, 0, 1, 1799, 1800, 3599, 3600, 7200, 86400)
EPOCH = dt.datetime(1970, 1, 1)


def offset_at(zone, seconds):
    return int(dt.datetime.fromtimestamp(seconds, zone).utcoffset().total_seconds())


def changes(zone):
    before = offset_at(zone, FIRST)
    for start in range(FIRST, LAST, STEP):
        low, high = start, min(start + STEP, LAST)
        after = offset_at(zone, high)
        if after == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if offset_at(zone, middle) == before:
                low = middle
            else:
                high = middle
        yield high, before, after
        before = after


def means(zone, wall, change):
    """The instant of a local time: PEP 495's first, or the change where there is no such time."""
    instant = int(wall.replace(tzinfo=zone, fold=0).timestamp())
    there = dt.datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0)
    return (instant, "first") if there == wall else (change, "gap")


def questions(name):
    zone = zoneinfo.ZoneInfo(name)
    yield f"Z {name}"
    for seconds in range(FIRST, LAST, 50 * 86400):
        yield f"O {seconds} {offset_at(zone, seconds)}"
    for change, before, after in changes(zone):
        yield f"C {change} {before} {after}"
        for seconds in (change - 1, change, change + 1):
            yield f"O {seconds} {offset_at(zone, seconds)}"
        for offset in (before, after):
            for away in AROUND:
                wall = EPOCH + dt.timedelta(seconds=change + offset + away)
                instant, kind = means(zone, wall, change)
                yield f"W {wall:%Y-%m-%d %H:%M:%S} {instant} {kind}"


def main(program):
    zoneinfo.reset_tzpath(to=["/usr/share/zoneinfo"])
    names = sorted(zoneinfo.available_timezones() - {"localtime"})  # this machine's, not a zone
    text = "".join(line + "\n" for name in names for line in questions(name))
    done = subprocess.run([program], input=text, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
