"""Where recipients come from: CSV files as programs write them, and the senders themselves."""
from support import Place, equal, lines, main, true

PEOPLE = [("wm1", "李雷", "lin.yue"), ("wm2", "韩梅梅", ""), ("wm3", "Ann, \"𠮷\"", "he.qi"),
          ("wm2", "again", ""), ("wm4", "两\n行", "")]
SENDERS = "channels:\n  people: {plugin: \"null\", senders: [lin.yue, he.qi]}\n"


def written(delimiter=",", end="\n", start="", encoding="utf-8"):
    rows = [("recipient", "name", "sender")] + PEOPLE
    text = "".join(delimiter.join('"' + v.replace('"', '""').replace("\n", end) + '"' for v in row)
                   + end for row in rows)
    return (start + text).encode(encoding)


WRITINGS = {
    "utf-8": written(),
    "bom": written(start="\ufeff"),
    "crlf": written(end="\r\n"),
    "tab": written("\t"),
    "semicolon": written(";"),
    "gb18030": written(encoding="gb18030"),
    "gb18030 of a spreadsheet": written(";", "\r\n", encoding="gb18030"),
}


def people(place):
    with open(place.path("paceline.yaml"), encoding="utf-8") as file:
        text = file.read()
    place.write("paceline.yaml", text.replace("channels:\n", SENDERS))


def campaign(place, audience, text="{{name}}"):
    return place.write("c.yaml", f"campaign: c\nchannel: people\naudience: {audience}\n"
                       f"message: {{text: \"{text}\"}}\npace: {{interval: 0s..0s}}\n")


def test_every_writing_is_the_same_audience():
    with Place() as place:
        people(place)
        place.start()
        file = campaign(place, "{file: vip.csv}")
        digests = {}
        for name, data in WRITINGS.items():
            place.write("vip.csv", data)
            told = place.cli("check", file, "--json").out
            notes = lines(told)
            if name.startswith("gb18030"):
                equal(len(notes), 1, f"{name}: lines of check --json: {told}")
                true(notes[0]["file"].endswith("vip.csv"), f"{name}: {notes}")
                equal((notes[0]["line"], notes[0]["column"], notes[0]["level"],
                       notes[0]["message"]), (1, 1, "warning", "read as GB18030"), name)
            else:
                equal(notes, [], f"{name}: check --json")
            result = place.cli("submit", file)
            equal(result.err.count("read as GB18030"), name.startswith("gb18030"),
                  f"{name}: how often submit says it: {result.err}")
            digests[name] = result.out
        equal(len(set(digests.values())), 1, f"revisions: {digests}")
        equal(len(lines(place.cli("list", "--json").out)), 1, "campaigns")

        place.cli("approve", "c")
        place.wait_state("c", "done")
        equal([(d["recipient"], d["sender"], d["state"]) for d in place.deliveries("c")],
              [("wm1", "lin.yue", "sent"), ("wm2", "he.qi", "sent"), ("wm3", "he.qi", "sent"),
               ("wm2", "lin.yue", "skipped"), ("wm4", "lin.yue", "sent")], "deliveries")
        place.check_sums("c")


def test_a_file_that_is_neither_is_refused_at_its_place():
    with Place() as place:
        people(place)
        place.start()
        file = campaign(place, "{file: vip.csv}")
        good = written(encoding="gb18030")
        place.write("vip.csv", good.replace("韩梅梅".encode("gb18030"), b"\xba\xab\xff"))
        for command in ("check", "submit"):
            found = place.cli(command, file, expect=65).err
            true("vip.csv:3:2: neither UTF-8 nor GB18030" in found, found)
        # by chance this is GB18030 as a whole; the names would come out as others
        place.write("vip.csv", "recipient,name\na,李雷\nb,".encode() + "王".encode("gb18030") + b"\n")
        found = place.cli("check", file, expect=65).err
        true("vip.csv:3:2: not UTF-8" in found, found)


def test_senders_write_for_themselves():
    with Place() as place:
        people(place)
        place.start()
        file = campaign(place, "{senders: all, expect: 2}", "{{sender}} 发一条朋友圈")
        true("2 recipients, 2 sends" in place.cli("check", file).out, "check counts them")
        digest = place.submit(file)
        listed = campaign(place, "{recipients: [lin.yue, he.qi]}", "{{sender}} 发一条朋友圈")
        equal(place.submit(listed), digest, "the same rows are the same revision")
        place.cli("approve", "c")
        place.wait_state("c", "done")
        equal([(d["recipient"], d["sender"], d["state"]) for d in place.deliveries("c")],
              [("lin.yue", "lin.yue", "sent"), ("he.qi", "he.qi", "sent")], "deliveries")

        place.write("one.yaml", "campaign: one\nchannel: people\nsenders: [he.qi]\n"
                    "audience: {senders: all}\nmessage: {text: hi}\n")
        true("1 recipient, 1 send" in place.cli("check", "one.yaml").out, "the campaign's senders")
        campaign(place, "{senders: some}", "hi")
        true("c.yaml:3:21: " in place.cli("check", file, expect=65).err, "only `all` is known")


main(globals())
