"""When the answer is lost nobody is written to twice, and a person settles what is not known."""
import collections

from support import Place, equal, lines, main, now_ms, true, wait_until


def test_a_connection_closed_after_the_body_gets_each_body_once():
    with Place(rooms=1, standin=("--close-after-body", "2")) as place:
        place.start()
        # the first answer keeps the connection alive; the second request is read and dropped
        place.launch(place.campaign("lost", "room-1", ["a", "b", "c", "d"], "100ms..200ms"))
        wait_until(lambda: not place.show("lost")["counts"].get("pending"), "all are through")
        wait_until(lambda: not place.show("lost")["counts"].get("claimed"), "all are settled")
        rows = place.deliveries("lost")
        equal([d["state"] for d in rows], ["sent", "unknown", "sent", "sent"], "states")
        equal(rows[1]["reason"], "no_answer", "reason")
        arrived = collections.Counter(place.standin.texts())
        equal(arrived, {f"lost {r}": 1 for r in "abcd"}, "each body once")
        place.check_sums("lost")
        place.stop()


def test_a_person_settles_the_unknown():
    with Place(rooms=1, standin=("--close-after-body", "1")) as place:
        place.start()
        place.launch(place.campaign("one", "room-1", ["a"]))
        place.wait_count("one", "unknown", 1)
        number = str(place.deliveries("one")[0]["delivery"])
        place.cli("resend", number, "--note", "again", expect=1)  # only what is known not to have gone
        place.cli("outcome", number, "sent", expect=64)  # a note is needed
        place.cli("outcome", number, "sent", "--note", "the group has it")
        place.cli("outcome", number, "not-sent", "--note", "no", expect=1)
        row = place.deliveries("one")[0]
        equal((row["state"], row["attempts"]), ("sent", 1), "row")
        equal(place.wait_state("one", "done")["counts"]["sent"], 1, "sent")
        equal(len(place.standin.record()), 1, "messages")
        place.cli("audit", "verify")
        place.stop()


def test_the_unknown_is_named_in_log_and_status():
    with Place(rooms=1, standin=("--close-after-body", "1")) as place:
        place.start()
        place.launch(place.campaign("one", "room-1", ["a"]))
        place.wait_count("one", "unknown", 1)
        number = place.deliveries("one")[0]["delivery"]
        place.service.kill()
        place.start()
        wait_until(lambda: f"unknown: deliveries=1 first={number};" in place.service.said(),
                   "a line in the log")
        said = lines(place.cli("status", "--json").out)[-1]["service"]
        equal((said["unknown"], said["unknown_deliveries"]), (1, [number]), "status")
        true(f"the first is {number}" in said["problem"], f"the problem: {said}")
        place.stop()


def test_what_did_not_go_is_sent_again_only_by_a_person():
    with Place(rooms=1, standin=("--close-after-body", "1")) as place:
        place.start()
        place.launch(place.campaign("two", "room-1", ["a"]))
        place.wait_count("two", "unknown", 1)
        number = str(place.deliveries("two")[0]["delivery"])
        place.cli("outcome", number, "not-sent", "--note", "asked them")
        row = place.deliveries("two")[0]
        equal((row["state"], row["reason"]), ("failed", "not_sent"), "row")
        place.service.kill()
        place.start()
        equal(len(place.standin.record()), 1, "nothing is repeated by itself")
        place.cli("resend", number, "--note", "they want it")
        place.wait_count("two", "sent", 1)
        equal(place.deliveries("two")[0]["attempts"], 2, "attempts")
        equal(place.standin.texts(), ["two a", "two a"], "what arrived")
        place.check_sums("two")
        place.stop()


def test_a_stand_in_that_is_away_is_proven_not_sent():
    with Place(rooms=1) as place:
        place.start()
        port = place.standin.port
        place.standin.program.kill()
        place.launch(place.campaign("away", "room-1", ["a", "b"], "50ms..60ms"))
        wait_until(lambda: any(d["attempts"] for d in place.deliveries("away")), "a first try")
        for row in place.deliveries("away"):
            true(row["state"] in ("pending", "claimed", "failed"), f"never unknown: {row}")
        place.start_standin("--port", str(port))
        place.wait_state("away", "done")
        place.check_sums("away")
        equal(sorted(place.standin.texts()), ["away a", "away b"], "each once")
        place.stop()


def test_a_wrong_key_stops_the_channel_and_loses_nobody():
    with Place(rooms=1) as place:
        right = open(place.path("room-1.key"), encoding="ascii").read()
        place.write("room-1.key", "wrong-key\n", 0o600)
        place.start()
        place.launch(place.campaign("key", "room-1", ["a", "b", "c"], "50ms..60ms"))
        wait_until(lambda: place.standin.record(), "the refusal")
        wait_until(lambda: place.deliveries("key")[0]["state"] == "pending", "it waits again")
        looked_at = now_ms()
        wait_until(lambda: now_ms() > looked_at + 1500, "time passes")
        equal(len(place.standin.record()), 1, "the channel rests after the refusal")
        with open(place.service.err_path, encoding="utf-8") as log:
            true("wrong-key" not in log.read(), "the key is in the log")
        place.stop()
        place.write("room-1.key", right, 0o600)
        place.start()
        place.wait_state("key", "done")
        equal(sorted(place.standin.texts()), ["key a", "key b", "key c"], "each once")
        place.check_sums("key")
        place.stop()


def test_the_platforms_own_rate_limit_is_obeyed():
    """The stand-in allows three a minute, which nobody told us: 45009 holds the rest, unsent."""
    with Place(rooms=1, standin=("--limit", "3")) as place:
        place.start()
        place.launch(place.campaign("often", "room-1", list("abcde"), "20ms..40ms"))
        wait_until(lambda: any(r["errcode"] == 45009 for r in place.standin.record()), "45009")
        wait_until(lambda: not place.show("often")["counts"].get("claimed"), "the answer")
        refused_at = now_ms()
        wait_until(lambda: now_ms() > refused_at + 1500, "time passes")
        shown = place.show("often")
        equal((shown["counts"]["sent"], shown["counts"]["pending"]), (3, 2), "sent and pending")
        first = place.deliveries("often", "--state", "pending")[0]
        equal(first["reason"], "channel_quota", "why the next one waits")
        equal(len(place.standin.record()), 4, "requests")
        place.stop()


main(globals())
