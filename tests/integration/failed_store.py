"""A store that failed: what people are told, the brake, stopping and starting while the disk says no."""
import errno

from hooked import HookedPlace
from support import equal, main, true, wait_until

AT_START = (1, 2, 3, 5, 8, 13, 21, 34, 55)  # calls of the store


def refused(place, *args):
    """75, and why."""
    said = place.cli(*args, expect=75).err
    true("paceline.db" in said, f"{args} says which store: {said!r}")


def test_read_only():
    """While it lasts: nothing is claimed, everybody is told, what was on its way keeps its outcome."""
    with HookedPlace(slow_s=0.05) as place:
        place.start()
        place.under_way("spring", 120)
        autumn = place.campaign("autumn", "crm", ["a1", "a2"], "10ms..30ms")
        place.store_fails(errno.EROFS)
        true("in_flight=" in place.service.said(), "the log too")
        status, body = place.readyz()
        equal((status, body["status"]), (503, "store unhealthy"), "readyz")
        true("paceline.db" in body["problem"], f"readyz says why: {body}")
        said = place.service_status()
        equal((said["state"], said["store"]), ("store unhealthy", "unhealthy"), "status")
        true("nothing is sent" in said["problem"], f"status says why: {said}")
        shown = place.cli("status").out
        true("nothing is sent: " in shown, f"status for people: {shown}")
        count = place.arrived()
        refused(place, "submit", autumn)
        refused(place, "pause", "spring")
        refused(place, "unhalt", "--reason", "x")
        place.tries_again(3)  # some more tries of its own
        true(place.arrived() <= count + 1, "nothing new went out")
        place.disk_works()
        wait_until(place.healthy, "is back by itself")
        equal(place.service_status()["problem"], None, "nothing is wrong any more")
        place.launch(autumn)
        for name in ("spring", "autumn"):
            place.wait_state(name, "done")
        place.nobody_twice_nobody_lost("spring", "autumn")
        place.stop()


def test_halted_while_it_fails():
    """The brake needs no store; the log hears of it later."""
    with HookedPlace() as place:
        place.start()
        place.under_way("spring", 400)
        place.store_fails(errno.EIO)
        place.cli("halt", "--reason", "wrong price")
        place.disk_works()
        wait_until(place.healthy, "is back by itself")
        true(place.service_status()["halted"], "halted still")
        wait_until(lambda: [r["event"] for r in place.audit()].count("halt") == 1, "in the log, once")
        place.nobody_twice_nobody_forgotten("spring")
        place.cli("unhalt", "--reason", "price corrected")
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        place.stop()


def test_stopped_while_it_fails():
    """What could not be saved is unknown at the next start, and nobody is written to again."""
    with HookedPlace(slow_s=0.1) as place:
        place.start()
        place.under_way("spring", 120)
        place.store_fails(errno.EIO)
        code = place.service.stop()
        true(code in (0, 75), f"exit status: {code}")
        place.disk_works()
        place.start()
        wait_until(lambda: place.show("spring")["counts"].get("pending", 0) == 0, "the others go out")
        wait_until(lambda: place.show("spring")["counts"].get("claimed", 0) == 0, "and are answered")
        place.nobody_twice_nobody_forgotten("spring")
        true(place.show("spring")["counts"].get("unknown", 0) <= 1, "one was on its way at most")
        place.stop()


def test_a_disk_that_is_right_again_when_it_stops():
    """Put right a moment before the stop, between two of its tries: nothing is lost by the stop."""
    with HookedPlace(slow_s=0.1) as place:
        place.start()
        place.under_way("spring", 120)
        place.store_fails(errno.EIO)
        place.tries_again(4)  # each after twice the time
        place.disk_works()
        place.stop()
        place.start()
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        place.stop()


def test_a_call_fails_at_the_start():
    """It starts all the same, or says why not; and the next start is right."""
    with HookedPlace() as place:
        place.start()
        place.launch_many("spring", 1500, "200ms..400ms")
        place.wait_count("spring", "sent", 2)
        refusals = 0
        for number in AT_START:
            place.stop()
            place.disk_fails(number, errno.EIO, False)
            program = place.start(wait=False)
            wait_until(lambda: not program.running() or "ready\n" in program.said(), "its start")
            if program.running():
                wait_until(place.healthy, "is back by itself")
            else:
                refusals += 1
                true(program.child.returncode in (65, 75), f"exit {program.child.returncode}")
                true("paceline.db" in program.said(), f"says why not: {program.said()}")
            place.disk_works()
            if not program.running():
                place.start()
        true(refusals > 0, "some of them were met")
        place.cli("pause", "spring")
        wait_until(lambda: "claimed" not in place.states("spring").values(), "all is answered")
        place.nobody_twice_nobody_forgotten("spring")
        place.stop()


main(globals())
