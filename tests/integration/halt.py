"""halt: nothing new within a second, through restarts, and by hand as a file."""
import os
import signal

from support import Place, equal, lines, main, ms, now_ms, true, wait_until

MANY = [f"r{n:03}" for n in range(300)]


def going_out(place, name="flood"):
    """A campaign that sends about twenty a second, under way."""
    place.launch(place.campaign(name, "dry", MANY, "20ms..60ms"))
    place.wait_count(name, "sent", 5)


def stands_still(place, since_ms, name="flood"):
    """No claim later than a second after `since_ms`, though the service had time for dozens."""
    look_until = now_ms() + 2500
    wait_until(lambda: now_ms() > look_until, "time passes")
    claims = [d["claimed_at"] for d in place.deliveries(name)]
    late = [c for c in claims if c and ms(c) > since_ms + 1000]
    equal(late, [], "claims later than a second after the halt")
    true(None in claims, "something was left to be sent")


def reasons(place, name="flood"):
    return {d["reason"] for d in place.deliveries(name, "--state", "pending")}


def test_halt_stops_and_survives_a_restart():
    with Place() as place:
        place.start()
        going_out(place)
        asked = now_ms()
        place.cli("halt", "--reason", "wrong price")
        stands_still(place, asked)
        equal(reasons(place), {"halted"}, "why they wait")
        true(os.path.exists(place.path("paceline.halt")), "the file beside the store")
        place.service.kill()
        place.start()
        stands_still(place, asked)
        status = lines(place.cli("status", "--json").out)[-1]["service"]
        true(status.get("halted"), f"status says so: {status}")
        place.cli("unhalt", expect=64)  # a reason is needed
        place.cli("unhalt", "--reason", "price corrected")
        true(not os.path.exists(place.path("paceline.halt")), "unhalt removes the file")
        place.wait_state("flood", "done")
        place.check_sums("flood")
        events = [r["event"] for r in place.audit()]
        true("halt" in events and "unhalt" in events, f"both are in the audit log: {events}")
        place.stop()


def test_halt_with_the_service_down_is_a_file():
    with Place() as place:
        place.start()
        going_out(place)
        place.stop()
        asked = now_ms()
        place.cli("halt", "--reason", "at night")
        true(os.path.exists(place.path("paceline.halt")), "the file beside the store")
        place.cli("unhalt", "--reason", "x", expect=69)  # needs the service
        true(os.path.exists(place.path("paceline.halt")), "the file is still there")
        place.start()
        stands_still(place, asked)
        place.cli("unhalt", "--reason", "morning")
        place.wait_state("flood", "done")
        place.stop()


def test_a_file_made_by_hand_halts_a_running_service():
    with Place() as place:
        place.start()
        going_out(place)
        asked = now_ms()
        place.write("paceline.halt", "")
        stands_still(place, asked)
        os.unlink(place.path("paceline.halt"))  # only unhalt lifts it
        stands_still(place, asked)
        place.cli("unhalt", "--reason", "looked at it")
        place.wait_state("flood", "done")
        place.stop()


def test_sigusr1_halts():
    with Place() as place:
        place.start()
        going_out(place)
        asked = now_ms()
        place.service.child.send_signal(signal.SIGUSR1)
        stands_still(place, asked)
        true(os.path.exists(place.path("paceline.halt")), "the file beside the store")
        place.stop()


main(globals())
