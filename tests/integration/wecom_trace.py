"""`trace: true` of a link: each task's address carries a value of its own, by which a task whose answer
was lost is known again among others of the same words."""
import json
import urllib.parse

from support import equal, main, true, wait_until
from wecom import Wecom, world

SHOP = "https://shop.example.com/p/7?from=wecom#buy"
EIGHT = world({f"wm{n}": "lin.yue" if n % 2 else "he.qi" for n in range(1, 9)})


class Traced(Wecom):
    """Campaigns with a traced link, to customers that may get several a week."""

    def __init__(self, *faults, after="300ms", **more):
        options = [word for fault in faults for word in ("--fault", fault)]
        super().__init__(EIGHT, options=("--receive-cap", "none", *options),
                         account="receive_cap: 7 per week", **more)
        self.after = after

    def __enter__(self):
        super().__enter__()
        text = open(self.path("paceline.yaml")).read().replace("after: 300ms", f"after: {self.after}")
        self.write("paceline.yaml", text)
        return self

    def traced(self, name, numbers, link=SHOP, trace="true"):
        """The same words whatever the campaign."""
        rows = "".join(f"wm{n},{'lin.yue' if n % 2 else 'he.qi'}\n" for n in numbers)
        self.write(f"{name}.csv", "recipient,sender\n" + rows)
        return self.write(f"{name}.yaml", f"""campaign: {name}
channel: customers
audience: {{file: {name}.csv}}
message:
  text: 春季上新
  attachments:
    - link: {{title: 春季上新, url: "{link}", trace: {trace}}}
pace: {{interval: 0s..0s}}
""")

    def links(self):
        """msgid -> the link's address, as the platform has it."""
        return {t["msgid"]: t["content"]["attachments"][0]["link"]["url"]
                for t in self.state()["tasks"]}


def value_of(url):
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qs(parts.query)
    equal(urllib.parse.urlunsplit(parts._replace(query="from=wecom")), SHOP, "the rest is as it was")
    equal(query["from"], ["wecom"], "what was in it")
    (value,) = query["pl"]
    return value


def test_each_task_has_a_value_of_its_own():
    with Traced() as place:
        file = place.traced("spring", range(1, 9))
        said = place.cli("preview", file).out
        true("春季上新 <https://shop.example.com/p/7?from=wecom&pl=…#buy>" in said, said)
        true(" 2 sends" in place.cli("check", file).out, "equal messages stay one send a member")
        place.start()
        place.launch(file)
        place.wait_count("spring", "prompted", 8)
        first = [value_of(url) for url in place.links().values()]
        equal(len(set(first)), 2, f"one value a task: {first}")
        true(all(len(v) == 16 and v.isalnum() for v in first), first)
        place.cli("pause", "spring")  # the next attempt is another task
        place.wait_count("spring", "pending", 8)
        place.cli("resume", "spring")
        place.wait_count("spring", "prompted", 8)
        equal(len({value_of(url) for url in place.links().values()}), 4, "and a value an attempt")
        digest = place.show("spring")["revision"]
        equal(place.submit(file), digest, "the value is no part of the revision")
        true(place.submit(place.traced("spring", range(1, 9), trace="false")) != digest,
             "the option is")
        place.stop()


def test_campaigns_of_the_same_words_to_the_same_people_are_told_apart():
    lost = [f"lose-answer:#{n}:externalcontact/add_msg_template" for n in (1, 2)]
    with Traced(*lost, after="2s") as place:
        place.start()
        refs = {}
        for number, name in enumerate(("spring", "summer"), 1):
            place.launch(place.traced(name, (1, 3)))
            wait_until(lambda: len(place.links()) == number, "the platform has it")
            (refs[name],) = set(place.links()) - set(refs.values())
        for name in refs:
            place.wait_count(name, "prompted", 2)
            equal({d["channel_ref"] for d in place.deliveries(name)}, {refs[name]},
                  f"{name} has found its own task")
        equal(len(place.calls("externalcontact/add_msg_template")), 2, "nothing was repeated")
        equal(place.calls("externalcontact/cancel_groupmsg_send"), [], "nor withdrawn")
        place.stop()


def test_after_a_kill_the_value_is_the_same():
    with Traced("slow:#1:externalcontact/add_msg_template") as place:
        place.start()
        place.launch(place.traced("spring", (1, 3)))
        wait_until(place.links, "the platform has it")
        place.service.kill()
        place.start()
        place.wait_count("spring", "prompted", 2)
        equal(set(place.links()), {d["channel_ref"] for d in place.deliveries("spring")}, "found")
        place.stop()


def test_what_cannot_be_traced_is_refused():
    with Traced() as place:
        longest = "https://shop.example.com/" + "x" * (2048 - 25 - len("?pl=") - 16)
        place.cli("check", place.traced("fits", (1,), longest))
        said = place.cli("check", place.traced("long", (1,), longest + "x"), expect=1).err
        true("'url' is 2049 bytes with what 'trace' adds; wecom takes at most 2048" in said, said)
        place.cli("check", place.traced("plain", (1,), longest + "x", trace="false"))
        said = place.cli("check", place.traced("taken", (1,), SHOP.replace("from", "pl")),
                         expect=65).err
        true("has a parameter 'pl' already" in said, said)
        said = place.cli("check", "--json", place.traced("wrong", (1,), trace="perhaps"),
                         expect=65).out
        equal(json.loads(said.splitlines()[0])["message"], "'trace' must be true or false, without quotes", "value")
        place.write("staff.yaml", "campaign: staff\nchannel: members\naudience: {recipients: [lin.yue]}"
                    f"\nmessage: {{text: hi, attachments: [{{link: {{title: t, url: \"{SHOP}\", "
                    "trace: true}}]}\n")
        said = place.cli("check", "staff.yaml", expect=1).err
        true("cannot carry an attachment of kind 'link'" in said, said)


if __name__ == "__main__":
    main(globals())
