"""A disk that says no, at each call that the store makes of it: latched, told, taken up again by itself;
nobody is written to twice, nobody is lost."""
import errno

from hooked import HookedPlace
from support import main, true, wait_until

CALLS = 20  # of the store, in two or three sends


class Flow:
    """Campaigns one after the other, so that something always goes out."""

    def __init__(self, place):
        self.place = place
        self.names = []

    def goes_on(self):
        """Starts the next one when the last is nearly over."""
        name = self.names[-1] if self.names else None
        if not name or self.place.show(name)["counts"].get("pending", 0) < 200:
            self.names.append(f"c{len(self.names)}")
            self.place.launch_many(self.names[-1], 400)


def each_call(place, for_ever):
    flow = Flow(place)
    for number in range(1, CALLS + 1):
        flow.goes_on()
        place.disk_fails(number, errno.EIO, for_ever)
        wait_until(lambda: place.disk_calls() >= number, f"call {number} of the store")
        if for_ever:
            wait_until(place.unhealthy, f"said so, call {number}")
            before = place.arrived()
            place.tries_again(1)
            true(place.arrived() <= before + 1, "one at most was on its way")
        place.disk_works()
        # an error that the loop has not heard of yet is heard by then: the store does one thing at a time
        count = place.arrived()
        wait_until(lambda: place.arrived() >= count + 3, f"it goes on, call {number}")
        wait_until(place.healthy, f"is back by itself, call {number}")
    for name in flow.names:
        place.wait_state(name, "done")
    place.nobody_twice_nobody_lost(*flow.names)
    place.stop()
    return place.service.said().count("back: written and read again")


def test_each_call_fails_once():
    with HookedPlace() as place:
        place.start()
        back = each_call(place, False)
        true(back > CALLS / 2, f"most of the calls were of use: {back}")


def test_each_call_fails_until_the_disk_is_right():
    with HookedPlace() as place:
        place.start()
        back = each_call(place, True)
        true(back >= CALLS, f"it was latched each time: {back}")


main(globals())
