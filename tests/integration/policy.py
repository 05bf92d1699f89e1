"""Policy packs: what they refuse, what they warn of, and what an approved revision keeps."""
import os

from support import Place, equal, lines, main, true

PACK = """policy: house
version: 2026-11
source: the house itself
read: 2026-11-24
interval: 2s..3s
quiet_hours: "03:00-04:00"
windows: [{days: daily, hours: "00:00-24:00"}]
limits: [{max: 500, per: 1h, scope: channel}]
rules:
  - {terms: [%s], level: block, says: {en: is not said here, zh: 不能说}, article: rule 1}
  - {terms: [cheap], level: warn, says: {en: is better not said, zh: 最好别说}}
"""


def set_up(place, named="[house]"):
    with open(place.path("paceline.yaml"), encoding="utf-8") as file:
        text = file.read()
    place.write("paceline.yaml", f"policy: {named}\n" + text)
    os.makedirs(place.path("policies"))
    os.chmod(place.path("policies"), 0o755)
    place.write("policies/house.yaml", PACK % "最佳")


def campaign(place, text, audience="{recipients: [wm1, wm2]}"):
    return place.write("c.yaml", f"campaign: c\nchannel: dry\naudience: {audience}\nmessage:\n"
                       f"  text: \"{text}\"\npace: {{interval: 0s..0s}}\n")


def test_a_blocked_term_is_told_where_it_stands():
    with Place() as place:
        set_up(place)
        file = campaign(place, "the usual greeting, 最 佳 of all")
        told = place.cli("check", file, expect=1)
        true("c.yaml:5:30: '最佳' is not said here (house 2026-11, rule 1) (and 1 more row)"
             in told.err, told.err)
        place.write("vip.csv", "recipient,name\nwm1,Ann\nwm2,最-佳\n")
        file = campaign(place, "the usual greeting to {{name}}, as ever", "{file: vip.csv}")
        told = place.cli("check", file, expect=1)
        true("vip.csv:3:2: '最佳' is not said here" in told.err, told.err)
        place.start()
        place.cli("submit", file, expect=1)


def test_a_text_that_is_mostly_a_variable_is_refused():
    with Place() as place:
        set_up(place)
        place.write("vip.csv", "recipient,name\nwm1,a long one\n")
        told = place.cli("check", campaign(place, "Hi {{name}}", "{file: vip.csv}"), expect=1)
        true("c.yaml:5:9: 10 of the text's 13 characters come from the audience" in told.err,
             told.err)


def test_a_warning_reaches_the_approver():
    with Place() as place:
        set_up(place)
        place.start()
        file = campaign(place, "a CHEAP thing")
        warning = "'cheap' is better not said (house 2026-11)"
        for told in (place.cli("check", file), place.cli("submit", file)):
            true(f"c.yaml:5:12: warning: {warning} (and 1 more row)" in told.err, told.err)
        true(warning in place.cli("show", "c").out, "show names the warning")
        equal(lines(place.cli("show", "c", "--json").out)[0]["warnings"], [warning], "show --json")


def test_a_pack_that_changes_changes_the_digest_of_the_next_revision_only():
    with Place() as place:
        set_up(place)
        place.start()
        file = campaign(place, "a thing")
        first = place.cli("submit", file).out.strip()
        place.write("policies/house.yaml", "# a remark\n" + PACK % "最佳")
        equal(place.cli("submit", file).out.strip(), first, "a comment is no change")
        equal(place.cli("approve", "c").code, 0, "approve")
        place.write("policies/house.yaml", PACK % "thing")
        equal(lines(place.cli("show", "c", "--json").out)[0]["revision"], first, "approved")
        place.cli("submit", file, expect=1)
        equal(lines(place.cli("show", "c", "--json").out)[0]["revision"], first, "still approved")
        place.write("policies/house.yaml", PACK % "another")
        second = place.cli("submit", file).out.strip()
        true(second.startswith("sha256:") and second != first, f"{first} then {second}")


def test_what_is_wrong_with_a_pack_is_told_at_its_place():
    with Place() as place:
        set_up(place, "[house, nowhere]")
        place.write("policies/house.yaml", (PACK % "最佳").replace("level: warn", "level: wran"))
        told = place.cli("config", "check", expect=65)
        true("paceline.yaml:1:17: unknown policy 'nowhere': " in told.err, told.err)
        with open(place.path("paceline.yaml"), encoding="utf-8") as file:
            text = file.read()
        place.write("paceline.yaml", text.replace("senders: [a, b]", "senders: [a, b], policy: [no]"))
        true("unknown policy 'no'" in place.cli("config", "check", expect=65).err, "channel")
        true("policies/house.yaml:11:29: " in told.err, told.err)


main(globals())
