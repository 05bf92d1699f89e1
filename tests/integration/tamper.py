"""audit verify names the first record that somebody changed behind our back."""
import sqlite3

from support import Place, equal, main, true


def with_history(place):
    place.start()
    place.launch(place.campaign("said", "dry", ["x", "y", "z"]))
    place.wait_state("said", "done")
    place.cli("audit", "verify")
    place.stop()


def change(place, statement, *values):
    base = sqlite3.connect(place.path("paceline.db"))
    with base:
        equal(base.execute(statement, values).rowcount, 1, "rows changed")
    base.close()


def broken(place, number):
    place.start()
    said = place.cli("audit", "verify", expect=1)
    true(str(number) in said.out + said.err, f"names record {number}: {said}")
    place.stop()


def test_one_changed_byte_of_a_record():
    with Place() as place:
        with_history(place)
        change(place, "update audit set by = by || 'x' where event = 'approve'")
        base = sqlite3.connect(place.path("paceline.db"))
        seq = base.execute("select seq from audit where event = 'approve'").fetchone()[0]
        base.close()
        broken(place, seq)


def test_a_record_that_is_gone():
    with Place() as place:
        with_history(place)
        change(place, "delete from audit where seq = 2")
        broken(place, 2)


def test_an_outcome_that_was_rewritten():
    """Claims and outcomes are covered by the commit records' digests."""
    with Place() as place:
        with_history(place)
        change(place, "update life set at = at + 1 where rowid = (select max(rowid) from life)")
        place.start()
        place.cli("audit", "verify", expect=1)
        place.stop()


main(globals())
