"""The power goes at any point of a real run (tests/power): who was written to is never written to
again, and what was decided is there. A small ./dev power."""
import importlib.util
import os
import random

from support import SOURCE, equal, main, true

spec = importlib.util.spec_from_file_location(
    "power_loss", os.path.join(SOURCE, "tests", "power", "power.py"))
power_loss = importlib.util.module_from_spec(spec)
spec.loader.exec_module(power_loss)


def test_images_of_a_disk_without_power():
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# SEED={seed}")
    ops, messages, wrong = power_loss.power(300, 2, seed)
    equal(wrong, [], "violations")
    true(ops > 200 and messages > 60, f"{ops} operations, {messages} requests")


def test_the_disk_keeps_what_was_synced_and_may_lose_the_rest():
    disk, draw = power_loss.Disk(), random.Random(1)
    write = power_loss.WRITE
    for op in ((0, power_loss.CREATE, "paceline.db", 0, b""), (0, write, "paceline.db", 0, b"aa"),
               (0, power_loss.SYNC, "paceline.db", 0, b""), (0, write, "paceline.db", 1, b"bb")):
        disk.step(op)
    found = {disk.image(draw).get("paceline.db") for _ in range(200)}
    equal(found, {None, b"aa", b"abb"}, "what is on the disk")


main(globals())
