"""The contact book, narrowing by tags, and the do-not-send list: whoever is on it gets nothing."""
from support import (ALICE, BO, STRANGER, Place, equal, lines, main, need_root, true)

BOOK = '''recipient,name,sender,timezone,tags,city
w1,林,a,,vip;老客,上海
w2,Bo,,Asia/Tokyo,vip,北京
w3,"Ann ""A""",b,,已退订;vip,
w4,,,,,广州
'''


def book(place, text=BOOK, name="book.csv"):
    place.write(name, text)
    return lines(place.cli("contacts", "import", name, "--json").out)[0]


def campaign(place, name, audience, text="{{name|您}} {{recipient}}", channel="dry", interval="0s..0s"):
    return place.write(f"{name}.yaml", f"campaign: {name}\nchannel: {channel}\naudience: {audience}\n"
                       f'message: {{text: "{name} {text}"}}\npace: {{interval: {interval}}}\n')


def outcome(place, name):
    return [(d["recipient"], d["state"], d["reason"]) for d in place.deliveries(name)]


def test_an_import_says_what_it_did():
    with Place() as place:
        place.start()
        true("nobody is in the contact book" in place.cli("contacts", "list").err, "an empty book")
        equal(book(place), {"added": 4, "changed": 0, "unchanged": 0, "duplicates": 0}, "first")
        equal(book(place), {"added": 0, "changed": 0, "unchanged": 4, "duplicates": 0}, "again")
        # a column that the file does not have is left as it is; attributes are replaced
        equal(book(place, "\ufeffrecipient;city\r\nw4;深圳\r\nw5;\r\nw4;x\r\n"),
              {"added": 1, "changed": 1, "unchanged": 0, "duplicates": 1}, "other columns")
        listed = lines(place.cli("contacts", "list", "--json").out)
        equal([c["recipient"] for c in listed], ["w1", "w2", "w3", "w4", "w5"], "in order of import")
        equal(listed[0], {"recipient": "w1", "name": "林", "sender": "a", "timezone": None,
                          "tags": ["vip", "老客"], "attributes": {"city": "上海"}}, "a contact")
        equal(listed[3]["attributes"], {"city": "深圳"}, "a changed one")
        true("vip; 老客" in place.cli("contacts", "list").out, "the table")

        place.write("bad.csv", "recipient,timezone\n,\nw9,Asia/Nowhere\nw9,,x\n")
        bad = place.cli("contacts", "import", "bad.csv", expect=65).err
        for said in ("bad.csv:2:1: ", "bad.csv:3:2: ", "bad.csv:4:3: ", "nothing was imported"):
            true(said in bad, f"'{said}' in {bad}")
        true("bad.csv:1:1: " in (place.write("bad.csv", "receipient\n"),
                                 place.cli("contacts", "import", "bad.csv", expect=65).err)[1],
             "a wrong header")
        place.cli("contacts", "import", "not-there.csv", expect=65)
        equal(len(lines(place.cli("contacts", "list", "--json").out)), 5, "nothing came of those")
        records = [r for r in place.audit() if r["event"] == "contacts_import"]
        equal([(r["detail"]["file"], r["detail"]["added"]) for r in records],
              [("book.csv", 4), ("book.csv", 0), ("book.csv", 1)], "the records")
        place.cli("audit", "verify")
        place.stop()


def test_a_campaign_for_the_contact_book():
    with Place() as place:
        file = campaign(place, "all", "{contacts: true}", "{{name|您}} {{city|}} {{recipient}}")
        checked = place.cli("check", file)
        true("warning" in checked.err and "at submit" in checked.err, f"what check says: {checked}")
        place.cli("submit", file, expect=69)
        place.start()
        empty = campaign(place, "empty", "{contacts: true}")
        true("the audience is empty" in place.cli("submit", empty, expect=1).err, "an empty book")
        book(place)
        place.launch(file)
        place.wait_state("all", "done")
        rows = place.deliveries("all")
        equal([(d["recipient"], d["state"]) for d in rows],
              [("w1", "sent"), ("w2", "sent"), ("w3", "sent"), ("w4", "sent")], "rows")
        equal([rows[0]["sender"], rows[2]["sender"]], ["a", "b"], "the contacts' own senders")
        place.check_sums("all")
        digest = place.show("all")["revision"]
        equal(place.submit(file), digest, "the same book is the same revision")
        wrong = campaign(place, "wrong", "{contacts: true}", "{{citty|}}")
        said = place.cli("submit", wrong, expect=65).err
        true("citty" in said and "'city'" in said, f"names are the book's attributes: {said}")
        place.stop()


def test_where_narrows_and_expect_counts_what_is_left():
    with Place() as place:
        place.start()
        book(place)
        where = "where: {tags_any: [vip, 老客], tags_none: [已退订]}"
        file = campaign(place, "vip", f"{{contacts: true, {where}, expect: 2}}")
        place.launch(file)
        place.wait_state("vip", "done")
        equal([r[0] for r in outcome(place, "vip")], ["w1", "w2"], "who is meant")
        place.cli("submit", campaign(place, "both", "{contacts: true, where: {tags_all: [vip, 老客]}, "
                                     "expect: 1}"))
        refused = place.cli("submit", campaign(place, "few", f"{{contacts: true, {where}, expect: 3}}"),
                            expect=1)
        true("few.yaml:3:" in refused.err and "3 recipients expected" in refused.err, refused.err)
        nobody = place.cli("submit", campaign(place, "none", "{contacts: true, where: {tags_all: "
                                              "[nope]}}"), expect=1)
        true("nobody fits 'where'" in nobody.err, nobody.err)

        # a file with tags of its own is narrowed without the service too
        place.write("own.csv", "recipient,tags\nx1,vip\nx2, 已退订 ; vip\nx3,\nw3,vip\n")
        own = campaign(place, "own", f"{{file: own.csv, {where}, expect: 2}}", "{{recipient}}")
        true(" 2 recipients" in place.cli("check", own).out, "check counts after 'where'")
        place.launch(own)
        place.wait_state("own", "done")
        equal([r[0] for r in outcome(place, "own")], ["x1", "w3"], "the file's own tags")
        place.cli("check", campaign(place, "own-few", f"{{file: own.csv, {where}, expect: 4}}",
                                      "{{recipient}}"), expect=1)
        # one without is narrowed by the contact book's, at submit; a list likewise
        place.write("plain.csv", "recipient\nw1\nw3\nw4\n")
        for name, source in (("plain", "file: plain.csv"), ("named", "recipients: [w1, w3, w4]")):
            file = campaign(place, name, f"{{{source}, {where}, expect: 1}}", "{{recipient}}")
            true("known at submit" in place.cli("check", file).err, "check says what it cannot know")
            place.launch(file)
            place.wait_state(name, "done")
            equal([r[0] for r in outcome(place, name)], ["w1"], "the contact book's tags")
        place.stop()


def test_nobody_on_the_list_gets_anything():
    people = [f"p{n}" for n in range(1, 13)]
    with Place(rooms=1) as place:
        file = place.campaign("spring", "room-1", people, "500ms..600ms")
        place.start()

        def suppress(who, *options):
            return lines(place.cli("suppress", who, "--reason", "asked", *options, "--json").out)[0]
        equal(suppress("p1"), {"recipient": "p1", "sender": None, "added": True, "skipped": 0,
                               "already_out": 0}, "before the submission")
        place.submit(file)
        equal(suppress("p2")["skipped"], 1, "between submission and approval")
        place.cli("approve", "spring")
        place.wait_count("spring", "sent", 2)
        out = place.cli("suppress", "p12", "--reason", "asked").out
        true("1 skipped, 0 already out" in out, f"while it goes: {out}")
        equal(suppress("p11")["skipped"], 1, "while it goes")
        equal(suppress("p10", "--sender", "room-1")["skipped"], 1, "for this sender")
        equal(suppress("p9", "--sender", "a")["skipped"], 0, "for a sender of another channel")
        place.cli("suppress", "p9", "--sender", "nobody", "--reason", "x", expect=1)
        equal(suppress("p12")["added"], False, "again")
        status = lines(place.cli("status", "--json").out)
        true(all(row.get("waiting", 0) <= 5 for row in status), f"waiting, in status: {status}")
        place.wait_state("spring", "done")
        equal(place.standin.texts(), [f"spring {p}" for p in people[2:9]], "what arrived")
        skipped = [r[0] for r in outcome(place, "spring") if r[1:] == ("skipped", "suppressed")]
        equal(skipped, ["p1", "p2", "p10", "p11", "p12"], "skipped/suppressed")
        place.check_sums("spring")

        # it outlives the service, and its end is for later revisions
        place.stop()
        place.start()
        place.cli("unsuppress", "p3", "--reason", "x", expect=1)
        said = place.cli("unsuppress", "p1", "--reason", "asked again").out
        true("from now on" in said, said)
        true("--sender" in place.cli("unsuppress", "p10", "--reason", "x", expect=1).err, "a hint")
        place.launch(place.campaign("summer", "room-1", ["p1", "p2", "p12"]))
        place.wait_state("summer", "done")
        equal(place.standin.texts()[7:], ["summer p1"], "what arrived of the next")
        place.check_sums("spring", "summer")
        events = [r["event"] for r in place.audit()]
        equal((events.count("suppress"), events.count("unsuppress")), (6, 1), "records")
        place.cli("audit", "verify")
        place.stop()


def test_who_may():
    need_root()
    users = [("alice", ["submitter"], ALICE), ("bo", ["operator"], BO), ("eve", ["viewer"], STRANGER)]
    with Place(users=users) as place:
        place.start()
        place.write("book.csv", BOOK)
        for user in (ALICE, STRANGER):
            place.cli("suppress", "w1", "--reason", "x", user=user, expect=77)
        for user in (ALICE, BO, STRANGER):
            place.cli("contacts", "import", "book.csv", user=user, expect=77)
            place.cli("contacts", "list", user=user, expect=77)
        place.cli("suppress", "w1", "--reason", "x", user=BO)
        place.cli("unsuppress", "w1", "--reason", "x", user=BO, expect=77)
        place.cli("contacts", "import", "book.csv")  # whoever runs the service is admin
        place.cli("unsuppress", "w1", "--reason", "x")
        place.stop()


main(globals())
