"""Calendars: a make-up day opens a window for workdays, a holiday closes it; what was approved stays
as it was when the file changes; the end of what a calendar covers is said before anybody approves."""
import datetime
import os

from support import Place, equal, main, true

DAY = datetime.timedelta(days=1)


def flipped(place):
    """Writes calendars/flip.yaml: yesterday to tomorrow are the other kind of day. Which kind of day
    today is then, and which it is not."""
    today = (datetime.datetime.utcnow() + datetime.timedelta(hours=8)).date()  # in Shanghai
    days = [today - DAY, today, today + DAY]
    os.makedirs(place.path("calendars"), exist_ok=True)
    os.chmod(place.path("calendars"), 0o755)
    place.write("calendars/flip.yaml",
                f"calendar: flip\ncovers: {today - 9 * DAY}..{today + 9 * DAY}\n"
                f"holidays: [{', '.join(str(d) for d in days if d.weekday() < 5)}]\n"
                f"workdays: [{', '.join(str(d) for d in days if d.weekday() >= 5)}]\n"
                .replace("holidays: []\n", "").replace("workdays: []\n", ""))
    kinds = ("restdays", "workdays")
    return kinds if today.weekday() < 5 else kinds[::-1], today + 3 * DAY


def schedule(days, end, calendar="flip"):
    return f"{{calendar: {calendar}, end: {end}, windows: [{{days: {days}}}]}}"


def held(place, name):
    return [(d["state"], d["reason"]) for d in place.deliveries(name)]


def test_a_calendar_opens_and_closes_windows():
    with Place() as place:
        (kind, other), end = flipped(place)
        opens = place.campaign("opens", "dry", ["x"], schedule=schedule(kind, end))
        shut = place.campaign("shut", "dry", ["x"], schedule=schedule(other, end))
        equal(place.cli("check", opens, shut).err, "", "what check says within the calendar's days")
        place.start()
        place.launch(opens)
        place.wait_state("opens", "done")
        digest = place.launch(shut, "--allow-partial")
        place.wait_state("shut", "running")
        equal(held(place, "shut"), [("pending", "window_closed")], "on the other kind of day")
        equal(place.show("shut")["calendar"], {"name": "flip"}, "calendar of show --json")

        # the file changes: what was approved does not, what is submitted now does
        place.write("calendars/flip.yaml", f"covers: {end - 9 * DAY}..{end}\n")
        place.stop()
        place.start()
        equal(held(place, "shut"), [("pending", "window_closed")], "after the file has changed")
        true(place.submit(shut) != digest, "the days of the calendar are part of the digest")
        place.stop()


def test_its_end_is_said_before_anybody_approves():
    with Place() as place:
        said = ("covers 2004-01-01 to 2026-12-31: on other days Monday to Friday count as workdays, "
                "whatever the holidays")
        file = place.campaign("far", "dry", ["x"], schedule=schedule("workdays", "2037-03-07", "cn"))
        place.start()
        line = f"far.yaml:8:22: warning: calendar 'cn' {said}\n"
        equal(place.cli("check", file).err, line, "check")
        true(place.cli("submit", file).err.count(said) == 1, "submit says it, once")
        true(f"cn ({said})" in place.cli("show", "far").out, "show, for whoever approves")
        true(f"warning: calendar 'cn' {said}" in place.cli("approve", "far").err, "approve")
        equal(place.show("far")["calendar"], {"name": "cn", "from": "2004-01-01", "to": "2026-12-31"},
              "show --json")
        unknown = place.campaign("un", "dry", ["x"], schedule="{calendar: nowhere}")
        true("unknown calendar 'nowhere'" in place.cli("check", unknown, expect=65).err, "unknown")
        place.stop()


main(globals())
