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
  - {terms: [%s], level: block, says: {en: is not said here, zh: 不能说}, article: rule 1,
     source: the house}
  - {terms: [cheap], level: warn, says: {en: is better not said, zh: 最好别说}, source: the house}
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


def test_the_title_of_a_link_is_judged_too():
    with Place() as place:
        set_up(place)
        file = place.write("c.yaml", "campaign: c\nchannel: dry\naudience: {recipients: [wm1]}\n"
                           "message:\n  text: the usual greeting\n  attachments:\n    - link:\n"
                           "        title: 最佳选择\n        url: \"https://shop.example.com\"\n"
                           "        description: not cheap\n")
        told = place.cli("check", file, expect=1).err
        true("c.yaml:8:16: '最佳' is not said here" in told, told)
        true("c.yaml:10:26: warning: 'cheap' is better not said" in told, told)


def test_a_message_is_judged_as_a_whole():
    """What a card says counts with the text: its address is a link to buy, its words may be the mark."""
    with Place() as place:
        shipped(place, "cn-advertising", "")
        card = ("    - link:\n        title: %s\n        url: \"https://shop.example.com\"\n"
                "        description: %s\n")
        head = "campaign: c\nchannel: dry\naudience: {recipients: [wm1, wm2]}\nmessage:\n"
        text = "  text: 春季上新\n"
        wants = "warning: a link to buy, and the text is not marked 广告"
        for body, place_of, marked in ((text, "c.yaml:5:9", "新品"), (text, None, "广告"),
                                       ("", "c.yaml:5:3", "新品"), ("", None, "（广告）新品")):
            file = place.write("c.yaml", head + body + "  attachments:\n" + card % ("春装", marked))
            told = place.cli("check", file, expect=1).err  # the channel carries no links either
            equal(wants in told, place_of is not None, f"{body!r} {marked}: {told}")
            true(not place_of or f"{place_of}: {wants}" in told, told)
        file = place.write("c.yaml", head + text + "  attachments:\n" +
                           card % ("'春装 最佳'", "广告"))
        told = place.cli("check", file, expect=1).err
        true("c.yaml:8:20: '最佳' is an absolute term" in told and "more row" not in told, told)


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
        told = lines(place.cli("show", "c", "--json").out)[0]
        equal(told["warnings"],
              [{"en": warning, "zh": "'cheap' 最好别说 (house 2026-11)"}], "show --json")
        equal([(p["name"], p["version"]) for p in told["policy"]], [("house", "2026-11")], "policy")
        true("house 2026-11" in place.cli("show", "c").out, "show names the pack")
        true(f"warning: {warning}" in place.cli("approve", "c").err, "approve")


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
        true("policies/house.yaml:12:29: " in told.err, told.err)


def shipped(place, names, text, **parts):
    with open(place.path("paceline.yaml"), encoding="utf-8") as file:
        service = file.read()
    place.write("paceline.yaml", f"policy: [{names}]\n" + service)
    return campaign(place, text, **parts)


def test_the_shipped_packs_say_what_the_law_says():
    cases = (
        ("全场最佳选择", 1, "c.yaml:5:12: '最佳' is an absolute term "
                            "(cn-advertising 2026-11, 广告法 art. 9(3))"),
        ("绝对 最-佳 的选择", 1, "c.yaml:5:13: '最佳' is an absolute term"),
        ("最佳食用时间为三日内", 0, None),
        ("國家級品质", 1, "c.yaml:5:10: '国家级' is an absolute term"),
        ("顶级礼盒到店", 0, "c.yaml:5:10: warning: '顶级' may count as an absolute term"),
        ("顶级疗效看得见", 1, "c.yaml:5:10: '顶级' is an absolute claim in a medical"),
        ("电子烟到货", 1, "c.yaml:5:10: '电子烟' must not be advertised on the internet"),
        ("非处方药到货", 0, None),
        ("集赞有礼", 1, "c.yaml:5:10: '集赞' asks for sharing, likes or help against a reward"),
        ("为活动征集赞助", 0, None),
        ("立即购买", 0, "c.yaml:5:9: warning: a link to buy, and the text is not marked 广告"),
        ("立即购买（广告）", 0, None),
    )
    with Place() as place:
        shipped(place, "cn-advertising, wechat", "")
        for text, code, told in cases:
            answer = place.cli("check", campaign(place, text), expect=code)
            true(told in answer.err if told else "warning" not in answer.err,
                 f"{text}: {answer.err}")


def test_without_consent_nobody_is_written_to():
    with Place() as place:
        rows = "".join(f"wm{i},{c}\n" for i, c in enumerate(
            ("2026-03-01 in the shop", "", " no ", "否", "yes")))
        place.write("vip.csv", "recipient,consent\n" + rows + "wm0,\n")
        file = shipped(place, "cn-privacy", "您好，门店客服电话 400，回T退订", audience="{file: vip.csv}")
        told = place.cli("check", file)
        true("6 recipients, 2 sends, 1 duplicate, 3 without consent" in told.out, told.out)
        true("gets nothing: cn-privacy wants consent" in
             place.cli("preview", file, "--recipient", "wm2").err, "preview")
        place.start()
        place.cli("submit", file)
        states = [(d["recipient"], d["state"], d["reason"])
                  for d in lines(place.cli("deliveries", "c", "--json").out)]
        equal(states, [("wm0", "pending", "not_started"), ("wm1", "skipped", "no_consent"),
                       ("wm2", "skipped", "no_consent"), ("wm3", "skipped", "no_consent"),
                       ("wm4", "pending", "not_started"), ("wm0", "skipped", "duplicate")], "rows")
        told = place.cli("check", campaign(place, "您好，门店客服电话 400，回T退订"))
        true("c.yaml:3:24: warning: cn-privacy writes only to who agreed to it" in told.err, told.err)
        place.cli("check", campaign(place, "您好，门店客服电话 400，回T退订", "{senders: all}"))


def test_privacy_looks_at_how_the_audience_is_chosen():
    with Place() as place:
        place.write("vip.csv", "recipient,consent,tags\nwm1,yes,高消费;孕妈\n")
        audience = "{file: vip.csv, where: {tags_any: [高消费, 孕妈]}}"
        file = shipped(place, "cn-privacy", "您好，客服电话 400", audience=audience)
        told = place.cli("check", file).err
        for warning in ("c.yaml:3:34: warning: '孕妈' looks like sensitive personal data",
                        "c.yaml:5:9: warning: the text names no way to refuse further messages",
                        "c.yaml:5:9: warning: the audience is chosen by behaviour, and the text"):
            true(warning in told, told)
        told = place.cli("check", campaign(place, "您好，客服电话 400，回T退订", audience)).err
        true("refuse" not in told, told)
        # what is a warning there can block here
        os.makedirs(place.path("policies"), mode=0o755)
        place.write("policies/strict.yaml", "policy: strict\nversion: 2026-11\nread: 2026-11-27\n"
                    "source: our own\nblock: [cn-privacy/refuse, cn-privacy/identity]\n")
        with open(place.path("paceline.yaml"), encoding="utf-8") as service:
            text = service.read()
        place.write("paceline.yaml", text.replace("[cn-privacy]", "[cn-privacy, strict]"))
        told = place.cli("check", campaign(place, "您好", audience), expect=1).err
        true("c.yaml:5:9: the text names no way to refuse" in told, told)
        place.cli("config", "check")
        with open(place.path("policies/strict.yaml"), "a", encoding="utf-8") as pack:
            pack.write("rules: [{terms: x, level: warn, says: x, source: x}]\n")
        place.write("paceline.yaml", text.replace("[cn-privacy]", "[strict]"))
        told = place.cli("config", "check", expect=65).err
        true("strict.yaml:5:9: no pack in force has a rule 'cn-privacy/refuse'" in told, told)


def test_quiet_hours_of_a_pack_hold_for_the_recipient_and_for_the_campaign():
    """21:00-09:00 there and in Shanghai: New York has the hour from 20:00, Tokyo waits for Shanghai."""
    with Place() as place:
        place.write("z.csv", "recipient,timezone\nsh,\nny,America/New_York\nlon,Europe/London\n"
                    "tok,Asia/Tokyo\n")
        shipped(place, "wechat", "")
        file = place.write("z.yaml", """campaign: z
channel: dry
audience: {file: z.csv}
message: {text: hello}
schedule: {start: 2027-03-01, end: 2027-03-03, timezone: recipient, fallback_timezone: Asia/Shanghai}
pace: {interval: 1s..1s}
""")
        due = {d["recipient"]: d["due_at"][:16] for d in lines(place.cli("plan", file, "--json").out)
               if "recipient" in d}
        equal(due, {"sh": "2027-03-01T09:00", "tok": "2027-03-01T09:00", "lon": "2027-03-01T17:00",
                    "ny": "2027-03-02T09:00"}, "due")


main(globals())
