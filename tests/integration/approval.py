"""Nothing goes out without somebody else's approval of exactly this: roles, digests, revisions."""
from support import ALICE, BO, STRANGER, Place, equal, lines, main, need_root, true

USERS = [("alice", ["submitter"], ALICE), ("bo", ["approver", "operator", "resolver"], BO),
         ("eve", ["submitter", "approver"], "nobody"), ("root", ["admin"], "root")]


def three_people(**options):
    need_root()
    return Place(users=USERS, allow_self=False, **options)


def test_submitter_stranger_and_approver():
    with three_people(rooms=1) as place:
        file = place.campaign("shared", "room-1", ["x", "y"])
        place.start()
        place.cli("submit", file, user=STRANGER, expect=77)
        place.cli("submit", file, user=BO, expect=77)  # an approver who may not submit
        digest = place.submit(file, user=ALICE)
        place.cli("list", user=STRANGER, expect=77)
        place.cli("approve", "shared", user=STRANGER, expect=77)
        place.cli("approve", "shared", user=ALICE, expect=77)
        place.cli("approve", "shared", expect=77)  # root is nobody special; admin may not approve
        equal(place.show("shared")["state"], "draft", "state after refusals")
        equal(place.standin.record(), [], "what arrived")
        place.cli("approve", "shared", "--digest", "sha256:" + "0" * 64, user=BO, expect=1)
        place.cli("approve", "shared", "--digest", digest, user=BO)
        done = place.wait_state("shared", "done")
        equal((done["submitted_by"], done["self_approved"]), ("alice", False), "who")
        equal([a["by"] for a in done["approvals"]], ["bo"], "approvals")
        equal(len(place.standin.record()), 2, "messages")
        place.stop()


def test_both_roles_are_not_enough_for_ones_own():
    with three_people() as place:
        place.start()
        place.submit(place.campaign("own", "dry", ["x"]), user="nobody")
        refused = place.cli("approve", "own", user="nobody", expect=77)
        true(refused.err.strip(), "a refusal says why")
        place.cli("approve", "own", user=BO)
        place.wait_state("own", "done")
        place.stop()


def test_what_each_role_may_not_do():
    with three_people() as place:
        place.start()
        place.submit(place.campaign("roles", "dry", ["x"], schedule="{start: 2099-01-01}"),
                     user=ALICE)
        place.cli("pause", "roles", user=ALICE, expect=77)
        place.cli("unhalt", "--reason", "r", user=BO, expect=77)
        place.cli("outcome", "1", "sent", "--note", "n", user=ALICE, expect=77)
        place.cli("resend", "1", "--note", "n", user=ALICE, expect=77)
        place.cli("halt", "--reason", "any role", user=ALICE)
        place.cli("halt", user=STRANGER, expect=77)
        place.cli("unhalt", "--reason", "admin")
        place.cli("reject", "roles", "--reason", "no", user=ALICE, expect=77)
        place.cli("reject", "roles", "--reason", "not like this", user=BO)
        equal(place.show("roles")["state"], "rejected", "state")
        place.cli("approve", "roles", user=BO, expect=1)
        who = [(r["event"], r["by"]) for r in place.audit()]
        for decision in (("submit", "alice"), ("halt", "alice"), ("unhalt", "root"),
                         ("reject", "bo")):
            true(decision in who, f"{decision} is in the audit log: {who}")
        place.stop()


def test_a_submitter_may_cancel_only_their_own():
    with three_people() as place:
        place.start()
        later = "{start: 2099-01-01}"
        place.submit(place.campaign("eves", "dry", ["x"], schedule=later), user="nobody")
        place.submit(place.campaign("alices", "dry", ["x"], schedule=later), user=ALICE)
        place.cli("cancel", "eves", user=ALICE, expect=77)
        place.cli("cancel", "alices", user=ALICE)
        equal(place.show("alices")["state"], "canceled", "state")
        equal(place.show("eves")["state"], "draft", "state")
        place.stop()


def test_without_allow_self_one_person_approves_nothing():
    with Place(allow_self=False) as place:
        place.start()
        place.submit(place.campaign("alone", "dry", ["x"]))
        place.cli("approve", "alone", expect=77)
        equal(place.show("alone")["state"], "draft", "state")
        place.stop()


def test_one_byte_changed_is_another_revision():
    """It needs its own approval, and writes only to whom the first has not written."""
    recipients = [f"p{n}" for n in range(6)]
    with Place(rooms=1) as place:
        place.start()
        file = place.campaign("notice", "room-1", recipients,
                              limits="{max: 3, per: 1h, scope: campaign}")
        first = place.launch(file)
        place.wait_count("notice", "sent", 3)
        text = open(place.path(file), encoding="utf-8").read()
        changed = text.replace('"notice {{', '"Notice {{').replace("max: 3", "max: 6")
        place.write(file, changed)
        second = place.submit(file)
        true(first != second, "another digest")
        shown = place.show("notice")
        equal((shown["revision"], shown["state"]), (second, "draft"), "the new revision waits")
        equal(len(place.standin.record()), 3, "messages while it waits")
        place.cli("approve", "notice", "--digest", second)
        done = place.wait_state("notice", "done")
        equal(done["counts"]["sent"], 3, "sent by the second")
        equal([(d["recipient"], d["state"], d["reason"]) for d in place.deliveries("notice")],
              [(p, "skipped", "already_handled") for p in recipients[:3]] +
              [(p, "sent", None) for p in recipients[3:]], "rows of the second")
        equal(sorted(t.split()[-1] for t in place.standin.texts()), recipients, "each once")
        equal([t.split()[0] for t in place.standin.texts()], ["notice"] * 3 + ["Notice"] * 3,
              "which text")
        place.check_sums("notice")
        # what the first still had to send is canceled, and stays so
        place.stop()


def test_a_new_revision_pauses_the_old_one():
    with Place() as place:
        place.start()
        file = place.campaign("held", "dry", ["x", "y"], "1s..2s", senders="[a]",
                              limits="{max: 1, per: 1h, scope: sender}")
        place.launch(file)
        place.wait_count("held", "sent", 1)
        text = open(place.path(file), encoding="utf-8").read()
        place.write(file, text.replace("message: {text: \"held", "message: {text: \"Held"))
        place.submit(file)
        place.cli("reject", "held", "--reason", "no")
        # the old one is the campaign's current one again, and waits for a person to resume it
        equal(place.show("held")["state"], "paused", "the old one after the rejection")
        place.cli("resume", "held")
        equal(place.show("held")["state"], "running", "the old one resumed")
        place.stop()


def test_the_audience_file_and_the_sender_are_part_of_the_digest():
    with Place() as place:
        place.start()
        digests = set()
        for rows in ("x,a\n", "x,b\n", "x,a\ny,b\n"):
            place.write("who.csv", "recipient,sender\n" + rows)
            place.write("who.yaml", 'campaign: who\ntitle: who\nchannel: dry\n'
                        'audience: {file: who.csv}\nmessage: {text: "hi"}\n')
            digests.add(place.submit("who.yaml"))
        equal(len(digests), 3, "different digests")
        # what is no part of it: title, comments, layout
        same = place.submit("who.yaml")
        text = open(place.path("who.yaml"), encoding="utf-8").read()
        place.write("who.yaml", "# a comment\n" + text.replace("title: who", "title: Who"))
        equal(place.submit("who.yaml"), same, "digest with another title")
        place.stop()


main(globals())
