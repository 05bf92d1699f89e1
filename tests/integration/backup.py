"""`paceline backup`: a whole copy while sending goes on, private, on record, and never over a file."""
import errno
import os
import sqlite3

from hooked import HookedPlace
from support import ALICE, BO, equal, lines, main, mode_of, need_root, true, wait_until

CONTACTS = 20000  # megabytes: several steps of the copy


def many_contacts(place):
    rows = "".join(f"c{n:05},{'x' * 100}\n" for n in range(CONTACTS))
    place.write("book.csv", "recipient,remark\n" + rows)
    place.cli("contacts", "import", "book.csv")


def test_a_copy_while_sending_goes_on():
    with HookedPlace() as place:
        place.start()
        many_contacts(place)
        place.launch_many("spring", 300)
        wait_until(lambda: place.arrived() >= 10, "some arrive")
        os.mkdir(place.path("kept"))
        told = place.cli("backup", "kept/copy.db", "--json")
        made = lines(told.out)
        equal(len(made), 1, "one object")
        equal(made[0]["file"], place.path("kept/copy.db"), "the file, from here")
        equal(made[0]["bytes"], os.path.getsize(place.path("kept/copy.db")), "its size")
        equal(mode_of(place.path("kept/copy.db")), 0o600, "its mode")
        equal(os.listdir(place.path("kept")), ["copy.db"], "nothing beside it")
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        record = [r for r in place.audit() if r["event"] == "backup"]
        equal(len(record), 1, "records of it")
        equal(record[0]["detail"], {"bytes": made[0]["bytes"], "file": made[0]["file"],
                                    "seq": made[0]["audit_seq"]}, "what the log says of it")
        base = sqlite3.connect(place.path("kept/copy.db"))
        equal(base.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "the copy is whole")
        equal(base.execute("SELECT max(seq) FROM audit").fetchone()[0], made[0]["audit_seq"],
              "as far as was said")
        equal(base.execute("SELECT count(*) FROM contact").fetchone()[0], CONTACTS, "contacts in it")
        base.close()

        said = place.cli("backup", "kept/copy.db", expect=1).err
        true("is there already" in said, f"never over a file: {said}")
        said = place.cli("backup", "paceline.db", expect=1).err
        true("is there already" in said, f"not over the store either: {said}")
        said = place.cli("backup", "nowhere/copy.db", expect=65).err
        true("nowhere/copy.db" in said, f"a folder that is not there: {said}")
        place.cli("backup", expect=64)
        shown = place.cli("backup", "again.db").out
        true("bytes, up to audit record" in shown, f"for people: {shown}")
        equal([r["event"] for r in place.audit()].count("backup"), 2, "only what was made is on record")
        place.stop()


def test_a_copy_is_restored_and_held():
    with HookedPlace() as place:
        place.start()
        place.launch_many("spring", 300)
        wait_until(lambda: place.arrived() >= 10, "some arrive")
        place.cli("backup", "copy.db")
        wait_until(lambda: place.arrived() >= 60, "more arrive")
        place.service.kill()
        arrived = place.arrived()
        os.unlink(place.path("paceline.db-wal"))  # as docs/operations.md says
        os.rename(place.path("copy.db"), place.path("paceline.db"))
        place.start()
        said = place.service_status()
        true(said["halted"] and "older copy" in said["halt_reason"], f"held: {said}")
        place.cli("cancel", "spring")
        place.cli("unhalt", "--reason", "spring is canceled")
        place.cli("audit", "verify")
        equal(place.arrived(), arrived, "nobody was written to again")
        place.stop()


def test_a_store_that_fails_gives_no_copy():
    with HookedPlace() as place:
        place.start()
        place.disk_fails(1, errno.EIO, True)
        place.cli("suppress", "r1", "--reason", "x", expect=75)
        said = place.cli("backup", "copy.db", expect=75).err
        true("paceline.db" in said, f"says why: {said}")
        true(not os.path.exists(place.path("copy.db")), "no half of one is left")
        place.disk_works()
        wait_until(place.healthy, "is back by itself")
        place.cli("backup", "copy.db")
        place.stop()


def test_only_an_admin_takes_the_store_out():
    need_root()
    users = [("alice", ["submitter", "operator", "resolver", "viewer"], ALICE),
             ("bo", ["approver", "admin"], BO)]
    with HookedPlace(users=users, allow_self=False) as place:
        os.chmod(place.dir, 0o755)
        place.start()
        place.cli("backup", "copy.db", user=ALICE, expect=77)
        true(not os.path.exists(place.path("copy.db")), "nothing was written")
        place.cli("backup", "copy.db", user=BO)
        equal([r["by"] for r in place.audit() if r["event"] == "backup"], ["bo"], "who it was")
        place.stop()


main(globals())
