"""halt within a second while the store thread hangs in a sync, and `status` still answers."""
import signal
import time

from faulty import FaultyPlace
from support import equal, lines, main, now_ms, true, wait_until

PEOPLE = [f"r{n:03}" for n in range(300)]


def many(place):
    """Calls on their way when the store hangs, ten lanes, half of the answers slow."""
    for room in range(1, 11):
        place.launch(place.campaign(f"c{room}", f"room-{room}", PEOPLE, "50ms..150ms"))
    wait_until(lambda: len(place.standin.record()) >= 20, "sends are under way")


def status(place):
    began = time.monotonic()
    service = lines(place.cli("status", "--json").out)[-1]["service"]
    return service, time.monotonic() - began


def halted_while_it_hangs(halt):
    with FaultyPlace(rooms=10, standin=("--fault", "slow:50")) as place:
        place.start()
        many(place)
        with place.store_hangs():
            wait_until(lambda: "has not answered" in (status(place)[0]["problem"] or ""),
                       "status names the store")
            asked = now_ms()
            halt(place)
            service, took = wait_until(
                lambda: (s := status(place))[0]["halted"] and s, "status says halted", 5)
            true(now_ms() - asked < 3000, "halted soon after it was asked")
            true(took < 2, f"status answers: {took:.1f} s")
            equal(service["unknown"], None, "what the store does not say")
        # the store goes on: what was claimed meanwhile must not go out
        wait_until(lambda: status(place)[0]["unknown"] is not None, "the store answers again")
        settled = now_ms() + 1500
        wait_until(lambda: now_ms() > settled, "time for dozens")
        late = [r for r in place.standin.record() if r["at_ms"] > asked + 1000]
        equal(late, [], "arrived later than a second after the halt")
        events = [r["event"] for r in place.audit()]
        true("halt" in events, f"in the audit log: {events}")
        place.stop()


def test_halt_by_command():
    halted_while_it_hangs(lambda place: place.cli("halt", "--reason", "wrong price"))


def test_halt_by_signal():
    halted_while_it_hangs(lambda place: place.service.child.send_signal(signal.SIGUSR1))


def test_halt_by_file():
    halted_while_it_hangs(lambda place: place.write("paceline.halt", ""))


def test_halt_while_it_hangs_for_thirty_seconds():
    with FaultyPlace(rooms=10, standin=("--fault", "slow:50")) as place:
        place.start()
        many(place)
        with place.store_hangs():
            began = now_ms()
            wait_until(lambda: "has not answered" in (status(place)[0]["problem"] or ""),
                       "status names the store")
            asked = now_ms()
            place.cli("halt", "--reason", "wrong price")
            wait_until(lambda: now_ms() > began + 30000, "it hangs for 30 s")
            true(status(place)[0]["halted"], "halted")
        wait_until(lambda: status(place)[0]["unknown"] is not None, "the store answers again")
        late = [r for r in place.standin.record() if r["at_ms"] > asked + 1000]
        equal(late, [], "arrived later than a second after the halt")
        place.stop()
        late = [r for r in place.standin.record() if r["at_ms"] > asked + 1000]
        equal(late, [], "arrived while it stopped")


main(globals())
