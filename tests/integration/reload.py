"""`reload` and SIGHUP: a bad service file changes nothing, a good one counts at once. `report` says
what `deliveries` says."""
import collections
import csv
import io
import os
import re
import signal

from support import ALICE, BO, ROOM_KEY, Place, equal, lines, main, ms, need_root, true, wait_until


def change(place, *pairs):
    with open(place.path("paceline.yaml"), encoding="utf-8") as file:
        text = file.read()
    for old, new in pairs:
        equal(text.count(old), 1, f"{old!r} in the service file")
        text = text.replace(old, new)
    place.write("paceline.yaml", text)
    return text


def hang_up(place, expected):
    """SIGHUP; what the log says until `expected` is in it."""
    before = len(place.service.said())
    place.service.child.send_signal(signal.SIGHUP)
    return wait_until(lambda: (s := place.service.said()[before:]) if re.search(
        expected, place.service.said()[before:]) else None, f"the log says {expected}", 30)


def reloads(place):
    return [r for r in place.audit() if r["event"] == "reload"]


def test_a_bad_file_is_refused_whole():
    with Place() as place:
        place.start()
        good = change(place)
        bad = change(place, ("senders: [a, b]}", "senders: [a, b]}\n  more: {plugin: \"null\"}"),
                     ("timezone: Asia/Shanghai", "timezone: Asia/Shanghei"))
        refused = place.cli("reload", expect=65).err
        true(re.search(r"paceline\.yaml:3:11: .*Shanghei", refused), f"at its place: {refused}")
        said = hang_up(place, r"refused by=SIGHUP")
        true(re.search(r"paceline\.yaml:3:11: .*Shanghei", said), f"the log has the place: {said}")
        # a file that is right for a client, but not for the service
        place.write("paceline.yaml", bad.replace("Shanghei", "Shanghai").replace(
            "more: {plugin: \"null\"}", "more: {plugin: nulll}\n  other: {plugin: \"null\", x: 1}"))
        refused = place.cli("reload", expect=65).err
        true(re.search(r"paceline\.yaml:7:3: .*'nulll'.*did you mean 'null'", refused)
             and re.search(r"paceline\.yaml:8:27: .*'x'", refused), f"every error: {refused}")
        place.write("paceline.yaml", good.replace("paceline.db", "other.db"))
        refused = place.cli("reload", expect=65).err
        true(re.search(r"paceline\.yaml:1:8: .*'store'", refused), f"the store: {refused}")
        place.write("paceline.yaml", good.replace("paceline.sock", "other.sock"))
        said = hang_up(place, r"refused by=SIGHUP")
        true(re.search(r"paceline\.yaml:2:9: .*'socket'", said), f"the socket: {said}")
        place.write("paceline.yaml", good)
        equal(reloads(place), [], "records of a reload")
        place.submit(place.campaign("old", "dry", ["x"]))  # the old file is in force
        place.stop()


def test_a_plugin_that_others_can_write_is_not_permitted():
    with Place() as place:
        place.start()
        change(place, ("senders: [a, b]}", "senders: [a, b]}\n  robot: {plugin: wecom-robot, "
                       "key: {file: k}}"))
        place.write("k", ROOM_KEY.format(1), 0o600)
        os.chmod(place.path("bin/plugins/wecom-robot.so"), 0o777)
        refused = place.cli("reload", expect=77).err
        true("chmod go-w" in refused, refused)
        place.stop()


def test_a_new_channel_works_without_a_restart():
    with Place() as place:
        place.start()
        file = place.campaign("fresh", "more", ["x", "y"])
        place.cli("submit", file, expect=65)
        change(place, ("senders: [a, b]}", "senders: [a, b]}\n  more: {plugin: \"null\"}"))
        done = lines(place.cli("reload", "--json").out)[0]
        equal((done["reloaded"], done["channels"]), (True, 2), "answer")
        place.launch(file)
        place.wait_state("fresh", "done")
        record = reloads(place)[0]
        equal(record["detail"]["sha256"], done["sha256"], "SHA-256 of the file in the audit log")
        # away again, as nobody uses it any more, and back: its lane is known from before
        change(place, ("\n  more: {plugin: \"null\"}", ""))
        hang_up(place, "in force by=SIGHUP")
        change(place, ("senders: [a, b]}", "senders: [a, b]}\n  more: {plugin: \"null\"}"))
        place.cli("reload")
        place.launch(place.campaign("again", "more", ["z"], limits="{max: 2, per: day, "
                                                                   "scope: channel}"))
        wait_until(lambda: place.deliveries("again")[0]["reason"] == "rate_limit",
                   "what was sent before counts")
        place.cli("audit", "verify")
        place.stop()


def test_what_a_live_campaign_was_approved_for_stays():
    with Place(rooms=1) as place:
        place.start()
        place.launch(place.campaign("live", "room-1", ["x"], schedule="{start: 2099-01-01}"))
        good = change(place)
        place.write("paceline.yaml", "".join(line for line in good.splitlines(True)
                                             if "room-1" not in line))
        refused = place.cli("reload", expect=1).err
        true("'room-1'" in refused and "'live'" in refused, f"names both: {refused}")
        change(place, ("  dry:", "  room-1: {plugin: \"null\"}\n  dry:"))
        refused = place.cli("reload", expect=1).err
        true(re.search(r"paceline\.yaml:6:3: .*'live'", refused), f"at its place: {refused}")
        place.cli("cancel", "live")
        wait_until(lambda: "nothing left to do campaign=live" in place.service.said(), "it is gone")
        place.write("paceline.yaml", "".join(line for line in good.splitlines(True)
                                             if "room-1" not in line))
        place.cli("reload")
        place.write("paceline.yaml", good)
        place.cli("reload")
        place.launch(place.campaign("next", "room-1", ["y"]))
        place.wait_state("next", "done")
        place.stop()


def test_a_changed_secret_counts_for_the_next_send_and_the_one_in_flight_ends():
    with Place(rooms=2, standin=("--fault", "slow:100")) as place:
        place.start()
        place.launch(place.campaign("keys", "room-1", ["x", "y"], "1ms..2ms"))
        place.wait_count("keys", "claimed", 1)
        place.write("room-1.key", ROOM_KEY.format(2) + "\n", 0o600)  # the key of the other room
        place.cli("reload")
        equal(place.show("keys")["counts"].get("sent", 0), 0, "sent while the first is in flight")
        place.wait_state("keys", "done")
        equal(place.standin.texts("room-1"), ["keys x"], "by the old key")
        equal(place.standin.texts("room-2"), ["keys y"], "by the new one")
        equal(place.states("keys"), {"x": "sent", "y": "sent"}, "states")
        wait_until(lambda: "instance from before the reload is closed" in place.service.said(),
                   "the old instance is gone")
        place.cli("audit", "verify")
        place.stop()


def test_a_refused_key_in_flight_does_not_stop_the_channel_with_the_right_one():
    with Place(rooms=1, standin=("--fault", "slow:100")) as place:
        place.write("room-1.key", ROOM_KEY.format(9) + "\n", 0o600)  # the platform knows no such key
        place.start()
        place.launch(place.campaign("wrong", "room-1", ["x"]))
        place.wait_count("wrong", "claimed", 1)
        place.write("room-1.key", ROOM_KEY.format(1) + "\n", 0o600)
        place.cli("reload")
        place.wait_state("wrong", "done")
        equal([(d["state"], d["attempts"]) for d in place.deliveries("wrong")], [("sent", 2)], "x")
        place.stop()


def test_secrets_of_the_environment_are_read_again():
    with Place(rooms=1) as place:
        place.env["ROOM"] = ROOM_KEY.format(1)
        change(place, ("key: {file: room-1.key}", "key: {env: ROOM}"))
        place.start()
        place.cli("reload")
        change(place, ("senders: [a, b]}", "senders: [a]}"))
        place.cli("reload")
        place.launch(place.campaign("env", "room-1", ["x"]))
        place.wait_state("env", "done")
        equal(place.standin.texts("room-1"), ["env x"], "what arrived")
        place.stop()


def test_rights_count_at_once():
    need_root()
    users = [("alice", ["submitter"], ALICE), ("bo", ["approver"], BO), ("root", ["admin"], "root")]
    with Place(users=users, allow_self=False) as place:
        place.start()
        place.submit(place.campaign("shared", "dry", ["x"]), user=ALICE)
        place.cli("reload", user=BO, expect=77)
        change(place, (f"  - {{name: bo, roles: [approver], os_user: {BO}}}\n", ""))
        place.cli("reload")
        place.cli("approve", "shared", user=BO, expect=77)
        place.cli("list", user=BO, expect=77)
        change(place, ("[submitter]", "[submitter, approver]"))
        hang_up(place, "in force by=SIGHUP")
        place.cli("approve", "shared", user=ALICE, expect=77)  # her own
        change(place, ("allow_self: false", "allow_self: true"))
        place.cli("reload")
        place.cli("approve", "shared", user=ALICE)
        place.wait_state("shared", "done")
        equal([r["by"] for r in reloads(place)], ["root", "SIGHUP", "root"], "who reloaded")
        place.stop()


# --- report ---------------------------------------------------------------------------------------


def report(place, *options):
    return lines(place.cli("report", "--json", *options).out)


def test_the_report_says_what_the_deliveries_say():
    with Place(rooms=1, standin=("--close-after-body", "2")) as place:
        place.start()
        place.launch(place.campaign("lost", "room-1", ["a", "b", "c", "c"], "1ms..2ms"))
        place.launch(place.campaign("dry-run", "dry", ["a", "b", "d", "e", "f"]))
        place.launch(place.campaign("waits", "dry", ["x"], schedule="{start: 2099-01-01}"))
        place.submit(place.campaign("draft", "dry", ["z"]))
        place.wait_state("dry-run", "done")
        # row by row: two of them are of one recipient
        wait_until(lambda: {d["state"] for d in place.deliveries("lost")} <= {"sent", "unknown", "skipped"},
                   "settled")
        rows = {r["campaign"]: r for r in report(place)}
        equal(set(rows), {"lost", "dry-run", "waits"}, "approved campaigns")
        for name, row in rows.items():
            found = place.deliveries(name)
            states = collections.Counter(d["state"] for d in found)
            equal(row["audience"], len(found), "audience")
            for state in ("sent", "failed", "skipped", "expired", "canceled", "unknown"):
                equal(row[state], states[state], f"{name}: {state}")
            equal(row["open"], states["pending"], "open")
            equal(row["reasons"], dict(collections.Counter(
                d["reason"] for d in found if d["state"] not in ("sent", "pending"))), "reasons")
            took = sorted(ms(d["settled_at"]) - ms(d["claimed_at"]) for d in found
                          if d["state"] == "sent")
            equal(row["median_answer_ms"], took[(len(took) - 1) // 2] if took else None, "median")
        equal(rows["lost"]["reach_percent"], 50.0, "reach")
        equal((rows["lost"]["test"], rows["dry-run"]["test"]), (True, False), "TEST")
        by_sender = {r["sender"]: r for r in report(place, "--by", "sender")}
        equal(sum(r["audience"] for r in by_sender.values()),
              sum(r["audience"] for r in rows.values()), "audience by sender")
        month = place.deliveries("dry-run")[0]["settled_at"][:7]
        equal({r["campaign"]: r for r in report(place, "--month", month)}, rows, "this month")
        equal(report(place, "--month", "2020-02"), [], "another month")
        place.cli("report", "--month", "2020-13", expect=64)
        place.cli("report", "--by", "tag", expect=64)
        place.cli("report", "--json", "--csv", expect=64)
        table = place.cli("report").out
        true(re.search(r"lost \(TEST\) +4 +2 +0 +1 ", table) and "50.0%" in table, table)
        raw = place.cli("report", "--csv").out
        true(raw.startswith("\ufeffcampaign,audience,") and "\r\n" in raw, "BOM and CRLF")
        sheet = {r["\ufeffcampaign"]: r for r in csv.DictReader(io.StringIO(raw, newline=""))}
        equal({n: r["sent"] for n, r in sheet.items()},
              {n: str(r["sent"]) for n, r in rows.items()}, "CSV")
        place.stop()


main(globals())
