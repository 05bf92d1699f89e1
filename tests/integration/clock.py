"""The clock is set, the machine sleeps, a zone's data changes: nothing bursts, nothing is lost, and
what cannot be believed is asked."""
import datetime
import os
import re
import shutil

from faulty import FaultyPlace
from support import equal, lines, main, now_ms, true, wait_until

PEOPLE = [f"r{n:03}" for n in range(200)]
HOUR_MS = 3600 * 1000


def service(place):
    return lines(place.cli("status", "--json").out)[-1]["service"]


def under_way(place, name="slow", **parts):
    place.launch(place.campaign(name, "room-1", PEOPLE, "200ms..400ms", **parts))
    wait_until(lambda: len(place.standin.record()) >= 3, "sends are under way")


def logged(place, text):
    wait_until(lambda: text in place.service.said(), f"the log says {text!r}")


def steps_logged(place):
    """Milliseconds of each step of the clock in the log. The service measures them from clocks that it
    reads one after the other: a few milliseconds off what was ordered is right."""
    return [int(by) for by in re.findall(r"clock: set by_ms=(-?\d+)", place.service.said())]


def near(found, expected):
    return abs(found - expected) < 1000


def goes_on(place):
    before = len(place.standin.record())
    wait_until(lambda: len(place.standin.record()) >= before + 3, "it goes on")


def stands_still(place, since_ms):
    until = now_ms() + 2000
    wait_until(lambda: now_ms() > until, "time for several")
    equal([r for r in place.standin.record() if r["at_ms"] > since_ms + 1000], [], "sent since")


def ends_in_an_hour():
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return f"{{timezone: UTC, end: \"{end:%Y-%m-%d %H:%M}\"}}"


def test_a_jump_forward_holds_through_a_restart_until_a_person_has_looked():
    with FaultyPlace(rooms=1) as place:
        place.start()
        under_way(place, schedule=ends_in_an_hour())
        asked = now_ms()
        place.order("wall", 2 * HOUR_MS)
        wait_until(lambda: service(place)["halted"], "it is held", 5)
        for _ in range(2):
            stands_still(place, asked)
            shown = service(place)
            true("set forward" in shown["halt_reason"], f"the reason: {shown}")
            true("off what has passed" in shown["problem"], f"the problem: {shown}")
            equal(place.show("slow")["counts"].get("expired", 0), 0, "expired by a wrong clock")
            place.service.kill()
            place.start()
        events = [r["event"] for r in place.audit()]
        true("clock jumped" in events and "halt" in events, f"audit: {events}")
        place.order("wall", 0)  # somebody has put it right
        place.cli("unhalt", "--reason", "the time server was wrong")
        equal(service(place)["problem"], None, "the problem is gone")
        goes_on(place)
        place.stop()


def test_a_step_forward_is_an_event_and_no_burst():
    with FaultyPlace(rooms=1) as place:
        place.start()
        place.launch(place.campaign("few", "room-1", PEOPLE, "100ms..200ms",
                                    limits="{max: 5, per: 1m, scope: sender}"))
        wait_until(lambda: len(place.standin.record()) == 5, "the limit is full")
        place.order("wall", 5 * 60 * 1000)
        wait_until(lambda: steps_logged(place), "the step is logged")
        true(near(steps_logged(place)[0], 5 * 60 * 1000), f"by how much: {steps_logged(place)}")
        until = now_ms() + 2000
        wait_until(lambda: now_ms() > until, "time for several")
        equal(len(place.standin.record()), 5, "a minute that has not passed frees no place")
        equal(service(place)["halted"], False, "halted")
        true("clock set" in [r["event"] for r in place.audit()], "in the audit log")
        place.stop()


def test_a_step_back_waits_and_says_so_only_when_it_is_long():
    with FaultyPlace(rooms=1) as place:
        place.start()
        under_way(place)
        asked = now_ms()
        place.order("wall", -40 * 1000)
        wait_until(lambda: steps_logged(place), "the step is logged")
        true(near(steps_logged(place)[0], -40 * 1000), f"by how much: {steps_logged(place)}")
        stands_still(place, asked)
        equal(service(place)["halted"], False, "halted")
        place.order("wall", 0)
        goes_on(place)

        asked = now_ms()
        place.order("wall", -2 * HOUR_MS)
        wait_until(lambda: service(place)["halted"], "it is held", 5)
        place.cli("unhalt", "--reason", "the clock is right now")
        stands_still(place, asked)
        shown = service(place)
        equal(shown["halted"], False, "halted")
        true("behind the last recorded instant" in shown["problem"], f"the problem: {shown}")
        place.service.kill()
        place.start()  # the store remembers
        true("behind the last recorded instant" in service(place)["problem"], "after a restart")
        place.order("wall", 0)
        goes_on(place)
        place.stop()


def test_what_is_too_late_after_a_suspend_expires():
    with FaultyPlace(rooms=1) as place:
        place.start()
        under_way(place, schedule=ends_in_an_hour())
        place.launch(place.campaign("long", "room-1", PEOPLE, "200ms..400ms"))
        place.order("slept", 8 * HOUR_MS)
        logged(place, "clock: the machine slept")
        wait_until(lambda: place.show("slow")["counts"].get("expired", 0) > 100, "it expires")
        equal(service(place)["halted"], False, "halted")
        wait_until(lambda: place.show("long")["counts"].get("sent", 0) >= 3, "the other goes on")
        place.stop()


def test_new_zone_data_is_looked_at_again():
    with FaultyPlace(rooms=1) as place:
        zones = place.path("zoneinfo")
        shutil.copytree("/usr/share/zoneinfo/Etc", os.path.join(zones, "Etc"))
        os.makedirs(os.path.join(zones, "Asia"))
        shutil.copy("/usr/share/zoneinfo/Asia/Shanghai", os.path.join(zones, "Asia"))
        place.env["TZDIR"] = zones

        def zone(hours_east):
            name = f"GMT{'-' if hours_east >= 0 else '+'}{abs(hours_east)}"
            shutil.copy(f"/usr/share/zoneinfo/Etc/{name}", os.path.join(zones, "Test.new"))
            os.rename(os.path.join(zones, "Test.new"), os.path.join(zones, "Test"))

        noon = 12 - datetime.datetime.now(datetime.timezone.utc).hour
        zone(noon)
        place.start()
        under_way(place, schedule="{timezone: Test, windows: [{hours: [\"09:00-15:00\"]}]}")
        zone(noon - 8 if noon > 0 else noon + 8)
        place.cli("reload")
        equal({d["reason"] for d in place.deliveries("slow", "--state", "pending")},
              {"window_closed"}, "why they wait")
        true("zones changed" in [r["event"] for r in place.audit()], "in the audit log")
        zone(noon)
        place.cli("reload")
        goes_on(place)
        place.stop()


main(globals())
