"""Kills the service again and again, at moments that do not depend on how fast the machine is: while
it starts, just after it is ready, after some more requests."""
import os
import signal
import time

EARLY = 20  # of 100 kills come before it is ready
PATIENCE_S = 0.4  # when no request comes (a room is full, say) it is killed all the same


def kill_early(place, draw):
    """A start that ends somewhere: before the store is open, while it recovers, or later."""
    place.start(wait=False)
    time.sleep(draw.uniform(0, 0.12))
    place.service.kill()


def kill_at_work(place, draw):
    """After a few requests more, or none."""
    place.start()
    size = os.path.getsize(place.standin.record_path)
    ends = time.monotonic() + PATIENCE_S
    for _ in range(draw.randrange(4)):
        while os.path.getsize(place.standin.record_path) == size and time.monotonic() < ends:
            time.sleep(0.001)
        size = os.path.getsize(place.standin.record_path)
    time.sleep(draw.uniform(0, 0.02))
    place.service.kill()


def kill(place, times, draw):
    """The service runs before and after."""
    place.service.child.send_signal(signal.SIGKILL)
    place.service.child.wait()
    for _ in range(times - 1):
        (kill_early if draw.randrange(100) < EARLY else kill_at_work)(place, draw)
    place.start()
