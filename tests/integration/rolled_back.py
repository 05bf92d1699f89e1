"""An older copy of the store put back, or another store in its place: it starts held, names the gap, and
sends only when a person has said so."""
import os
import re
import shutil

from hooked import HookedPlace
from support import equal, main, mode_of, now_ms, true, wait_until

FILES = ("paceline.db", "paceline.db-wal")


def keep(place, folder):
    """`cp` of the store."""
    os.mkdir(place.path(folder))
    for name in FILES:
        if os.path.exists(place.path(name)):
            shutil.copy2(place.path(name), place.path(folder))


def put_back(place, folder):
    for name in FILES:
        if os.path.exists(place.path(name)):
            os.unlink(place.path(name))
    shutil.copytree(place.path(folder), place.dir, dirs_exist_ok=True)


def send(place, more):
    """So many more arrive, and the campaign is paused with nothing on its way."""
    goal = place.arrived() + more
    place.cli("resume", "spring")
    wait_until(lambda: place.arrived() >= goal, f"{more} more arrive")
    place.cli("pause", "spring")
    wait_until(lambda: "claimed" not in place.states("spring").values(), "all is answered")


def begin(place):
    place.start()
    place.launch_many("spring", 1000)
    wait_until(lambda: place.arrived() >= 10, "some arrive")
    place.cli("pause", "spring")
    send(place, 10)


def held(place, says):
    """And stays so, though a campaign could go on."""
    said = place.service_status()
    true(said["halted"] and said["state"] == "halted", f"status: {said}")
    true(says in said["halt_reason"], f"names the gap: {said}")
    true(says in place.service.said(), "the log too")
    true("then lift the halt" in said["halt_reason"], f"and what to do: {said}")
    return said["halt_reason"]


def stands_still(place):
    count, until = place.arrived(), now_ms() + 2000
    wait_until(lambda: now_ms() > until, "time for dozens")
    equal(place.arrived(), count, "arrivals while it is held")


def test_fifty_sends_and_the_old_copy_put_back():
    with HookedPlace() as place:
        begin(place)
        place.stop()
        equal(mode_of(place.path("paceline.db.mark")), 0o600, "mode of the mark")
        keep(place, "old")
        place.start()
        records = len(place.audit())
        send(place, 50)
        missing = len(place.audit()) - records
        arrived = place.arrived()
        last = place.audit()[-1]["at"]
        place.stop()
        put_back(place, "old")
        place.start()
        problem = held(place, "older copy")
        found = re.search(r"(\d+) audit records and (\d+) steps of deliveries are missing, from (\S+) "
                          r"to (\S+)\.", problem)
        true(found, f"names the gap: {problem}")
        equal(int(found[1]), missing, "audit records that are missing")
        true(int(found[2]) >= 100, f"50 claims, 50 answers: {problem}")
        equal(found[4], last, "until when it was used")
        true(found[3] < found[4], f"since when: {problem}")
        shown = place.cli("status").out
        true("older copy" in shown and "unhalt --reason" in shown, f"for people: {shown}")
        place.cli("resume", "spring")  # a person may prepare what is to happen
        stands_still(place)
        place.cli("halt", "--reason", "wrong price")  # another halt beside it hides nothing
        place.service.kill()
        place.start()
        true("older copy" in place.service_status()["problem"], "the gap is a problem then")
        os.unlink(place.path("paceline.halt"))

        place.service.kill()  # a restart releases nothing, whatever was written meanwhile
        place.start()
        held(place, "older copy")
        stands_still(place)

        place.cli("unhalt", expect=64)
        place.cli("cancel", "spring")
        place.cli("unhalt", "--reason", "spring is canceled, nothing else was going out")
        equal(place.service_status()["halt_reason"], None, "released")
        record = [r for r in place.audit() if r["event"] == "unhalt"][-1]
        true("older copy" in record["detail"]["released"], f"on record: {record}")
        place.launch(place.campaign("autumn", "crm", ["a1", "a2"]))
        place.wait_state("autumn", "done")
        equal(place.arrived(), arrived + 2, "of spring nobody was written to again")
        place.stop()
        place.start()
        equal(place.service_status()["halted"], False, "and it stays released")
        place.stop()


def test_more_was_written_since_than_is_missing():
    """The copy has gone on elsewhere, further than the store had been here."""
    with HookedPlace() as place:
        begin(place)
        place.stop()
        keep(place, "old")
        place.start()
        place.cli("resume", "spring")
        place.stop()
        mark = place.path("paceline.db.mark")
        os.rename(mark, mark + ".kept")
        put_back(place, "old")
        place.start()
        place.cli("unhalt", "--reason", "no mark there")
        send(place, 20)
        place.stop()
        os.rename(mark + ".kept", mark)
        place.start()
        held(place, "went another way")
        stands_still(place)
        place.stop()


def test_files_copied_from_a_running_service():
    """As a snapshot of the machine would: the store goes back, the mark does not."""
    with HookedPlace() as place:
        begin(place)
        keep(place, "old")
        send(place, 50)
        wait_until(lambda: marked_until(place) == len(place.audit()), "the mark follows")
        place.service.kill()
        put_back(place, "old")
        place.start()
        held(place, "older copy")
        place.stop()


def marked_until(place):
    with open(place.path("paceline.db.mark"), encoding="ascii") as file:
        return int(file.read().split()[3])


def test_no_mark_and_a_new_store_are_doubts_too():
    with HookedPlace() as place:
        begin(place)
        place.service.kill()
        os.unlink(place.path("paceline.db.mark"))
        place.start()
        said = held(place, "there is no mark")
        true(re.search(r"Its last record is of 2\d{3}-", said), f"how old it is: {said}")
        place.stop()
        true(not os.path.exists(place.path("paceline.db.mark")), "it is not made by itself")
        place.start()
        held(place, "there is no mark")
        place.cli("unhalt", "--reason", "the folder was moved by hand")
        send(place, 5)
        place.stop()
        os.unlink(place.path("paceline.db"))
        place.start()
        held(place, "not the one that was used here")
        place.stop()


main(globals())
