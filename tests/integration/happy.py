"""The main job: a campaign is checked, submitted, approved, and goes out, paced, each message once."""
import os
import re

from support import (Place, equal, lines, main, mode_of, ms, true)

PEOPLE = ["lin", "he", "陈晨", "o'neill", "wu.min"]
DELIVERY_KEYS = ["delivery", "campaign", "revision", "channel", "sender", "recipient", "state",
                 "reason", "due_at", "claimed_at", "settled_at", "attempts", "channel_ref"]
CAMPAIGN_KEYS = ["campaign", "title", "revision", "state", "audience", "counts", "submitted_by",
                 "approvals", "self_approved", "test"]
AUDIT_KEYS = ["seq", "at", "by", "event", "campaign", "digest", "detail", "prev", "hash"]


def has_keys(found, keys, what):
    missing = [k for k in keys if k not in found]
    true(not missing, f"{what} lacks {missing}: {found}")


def test_a_campaign_goes_out_once_each_and_paced():
    with Place(rooms=1) as place:
        file = place.campaign("spring", "room-1", [f'"{p}"' for p in PEOPLE], "150ms..400ms")
        place.cli("check", file)
        place.start()
        digest = place.submit(file)

        draft = place.show("spring")
        has_keys(draft, CAMPAIGN_KEYS, "show --json")
        equal(draft["state"], "draft", "state before approval")
        equal(draft["revision"], digest, "revision")
        equal(draft["approvals"], [], "approvals before approval")
        equal(draft["test"], True, "test, on a stand-in")
        equal(place.standin.record(), [], "what arrived before approval")

        place.cli("approve", "spring", "--digest", digest)
        done = place.wait_state("spring", "done")
        equal(done["counts"], {**done["counts"], "sent": len(PEOPLE)}, "counts")
        equal(done["self_approved"], True, "self_approved in one-person mode")
        equal(len(done["approvals"]), 1, "approvals")
        has_keys(done["approvals"][0], ["by", "at", "digest"], "an approval")
        equal(done["approvals"][0]["digest"], digest, "digest of the approval")
        place.check_sums("spring")

        texts = place.standin.texts()
        equal(texts, [f"spring {p}" for p in PEOPLE], "what arrived, in file order")

        rows = place.deliveries("spring")
        equal([d["recipient"] for d in rows], PEOPLE, "recipients by delivery")
        equal([d["delivery"] for d in rows], sorted(d["delivery"] for d in rows), "order")
        for row in rows:
            equal(list(row), DELIVERY_KEYS, "keys of deliveries --json")
            equal((row["state"], row["reason"], row["attempts"]), ("sent", None, 1), "row")
            equal((row["campaign"], row["revision"], row["channel"], row["sender"]),
                  ("spring", digest, "room-1", "room-1"), "row")
            true(ms(row["due_at"]) <= ms(row["claimed_at"]) <= ms(row["settled_at"]),
                 f"due, claimed, settled in order: {row}")
            true(row["due_at"].endswith("+08:00"), "instants in the campaign's offset")
        dues = set()
        for before, after in zip(rows, rows[1:]):
            floor = ms(after["claimed_at"]) - ms(before["settled_at"])
            true(floor >= 150, f"{floor} ms from answer to claim, under the floor")
            gap = ms(after["due_at"]) - ms(before["due_at"])
            late = ms(after["due_at"]) - ms(before["settled_at"])  # the floor after a late answer
            true(150 <= gap <= 400 or 149 <= late <= 151, f"a gap of {gap} ms outside the interval")
            dues.add(gap)
        true(len(dues) > 1, f"gaps differ: {dues}")

        equal([d["recipient"] for d in place.deliveries("spring", "--state", "sent")], PEOPLE,
              "deliveries --state sent")
        equal(place.deliveries("spring", "--state", "failed"), [], "deliveries --state failed")

        listed = lines(place.cli("list", "--json").out)
        equal([c["campaign"] for c in listed], ["spring"], "list --json")
        status = lines(place.cli("status", "--json").out)
        true("service" in status[-1], "status --json ends with the service")

        records = place.audit()
        for record in records:
            has_keys(record, AUDIT_KEYS, "audit --json")
        equal([r["seq"] for r in records], list(range(1, len(records) + 1)), "seq")
        for before, after in zip(records, records[1:]):
            equal(after["prev"], before["hash"], "prev is the hash of the record before")
        events = [r["event"] for r in records if r["campaign"] == "spring"]
        for event in ("submit", "approve"):
            true(event in events, f"'{event}' is in the audit log: {events}")
        place.cli("audit", "verify")
        place.stop()


def test_submitting_the_same_again_changes_nothing():
    with Place(rooms=1) as place:
        file = place.campaign("twice", "room-1", ["a", "b"])
        place.start()
        digest = place.launch(file)
        place.wait_state("twice", "done")
        equal(place.submit(file), digest, "the digest of the same")
        equal(place.show("twice")["state"], "done", "state")
        equal(len(place.standin.record()), 2, "messages")
        place.cli("approve", "twice", expect=1)  # nothing waits
        place.stop()


def test_names_are_filled_in_from_a_csv():
    with Place() as place:
        place.write("vip.csv", "recipient,name,sender\nw1,林,a\nw2,,b\nw1,again,a\nw3,{{recipient}},\n")
        file = place.write("csv.yaml", 'campaign: csv\ntitle: CSV\nchannel: dry\n'
                           'audience: {file: vip.csv}\nmessage: {text: "{{ name | 您 }}，好 {{sender}}"}\n'
                           'pace: {interval: 0s..0s}\n')
        preview = place.cli("preview", file, "--recipient", "w3").out
        true("{{recipient}}，好" in preview, f"values are not expanded again: {preview}")
        true("您，好 b" in place.cli("preview", file, "--recipient", "w2").out, "the default")
        place.start()
        place.launch(file)
        shown = place.wait_state("csv", "done")
        equal(shown["counts"]["skipped"], 1, "duplicates")
        rows = place.deliveries("csv")
        equal([(d["recipient"], d["state"], d["reason"], d["sender"]) for d in rows],
              [("w1", "sent", None, "a"), ("w2", "sent", None, "b"),
               ("w1", "skipped", "duplicate", "a"), ("w3", "sent", None, rows[3]["sender"])], "rows")
        place.check_sums("csv")
        place.stop()


def test_init_makes_what_works():
    with Place() as place:
        place.cli("init", "mine")
        base = place.path("mine")
        service_file = os.path.join(base, "paceline.yaml")
        place.cli("config", "check", "--config", service_file)
        campaigns = []
        for folder, _, names in os.walk(base):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                if re.search(r"^campaign:", text, re.M):
                    campaigns.append(path)
                if name.endswith((".key", ".secret")):
                    equal(mode_of(path), 0o600, f"mode of {name}")
        true(campaigns, "init writes a first campaign")
        for path in campaigns:
            place.cli("check", path, "--config", service_file)
        # never over what somebody has written
        before = open(service_file, encoding="utf-8").read()
        true(place.cli("init", "mine", expect=None).code != 0, "init into what exists is refused")
        equal(open(service_file, encoding="utf-8").read(), before, "the file that existed")


def test_exit_codes():
    with Place() as place:
        good = place.campaign("good", "dry", ["x"])
        place.cli("version")
        place.cli("no-such-command", expect=64)
        place.cli("show", expect=64)
        place.cli("check", "--no-such-option", good, expect=64)
        down = place.cli("list", expect=69)
        true("paceline.sock" in down.err and "paceline serve" in down.err,
             f"69 names the socket and the cure: {down.err}")
        place.write("bad.yaml", "campaign: [\n")
        place.cli("check", "bad.yaml", expect=65)
        place.cli("check", good, "bad.yaml", expect=65)  # several files: the highest
        wrong_count = place.campaign("count", "dry", ["x"])
        place.write(wrong_count, open(place.path(wrong_count)).read().replace(
            "recipients: [x]", "recipients: [x], expect: 9"))
        place.cli("check", wrong_count, expect=1)
        place.start()
        second = place.cli("serve", expect=75)
        true("paceline.db" in second.err or str(place.service.child.pid) in second.err,
             f"75 says who holds it: {second.err}")
        place.cli("show", "nobody", expect=1)
        place.cli("approve", "nobody", expect=1)
        place.cli("outcome", "999", "sent", "--note", "x", expect=1)
        for command in ("completion",):
            code = place.cli(command, "good", expect=None)
            true(code.code != 0 and "not supported yet" in code.err,
                 f"'{command}' says that it is not built yet: {code}")
        place.cli("list")
        place.stop()


def test_a_channel_that_is_not_there_or_a_sender_that_is_not_listed():
    with Place() as place:
        lost = place.campaign("lost", "nowhere", ["x"])
        found = place.cli("check", lost, expect=65).err
        true(re.search(r"lost\.yaml:3:10: ", found), f"the place of the channel: {found}")
        stray = place.campaign("stray", "dry", ["x"], senders="[a, zoe]")
        found = place.cli("check", stray, expect=65).err
        true(re.search(r"stray\.yaml:\d+:\d+: .*zoe", found), f"the place of the sender: {found}")


main(globals())
