"""`senders: all`: the members that the last `contacts sync` found send; who is gone waits."""
import datetime

from corp import customer, group
from support import equal, lines, main, true, wait_until
from wecom_sync import Synced


class All(Synced):
    """The channels customers and groups with `senders: all`."""

    def __enter__(self):
        super().__enter__()
        self.service_file("senders: [lin.yue, he.qi]", "senders: all")
        return self

    def service_file(self, old, new):
        with open(self.path("paceline.yaml"), encoding="utf-8") as file:
            text = file.read()
        true(old in text, f"{old} is in the service file")
        self.write("paceline.yaml", text.replace(old, new))

    def member(self, name, *customers, follows=True):
        self.corp.order("world", members=[{"userid": name, "taps": "never", "follows": follows}],
                        customers=[{"external_userid": c, "follows": [{"userid": name}]}
                                   for c in customers])

    def lane_of(self, sender):
        said = [json for json in lines(self.cli("status", "--json").out)
                if json.get("lane") == f"customers/{sender}"]
        return said[0] if said else {}


def senders(place, name):
    return {d["sender"] for d in place.deliveries(name) if d["state"] != "skipped"}


def test_before_the_first_reading_nobody_sends():
    with All("1:2:20:0:2") as place:
        place.start()
        file = place.tagged("early", "{contacts: true}")
        said = place.cli("submit", file, expect=1).err
        true("nobody has read the members of account 'brand' yet: paceline contacts sync brand"
             in said, said)
        place.sync()
        *rows, end = lines(place.cli("plan", file, "--live", "--json").out)
        equal(end["summary"]["taps"], {"lin.yue": 1, "he.qi": 1}, "each is asked once")
        place.launch(file)
        place.wait_count("early", "prompted", 20)
        equal(senders(place, "early"), {"lin.yue", "he.qi"}, "both send")
        equal({d["recipient"]: d["sender"] for d in place.deliveries("early")},
              {r["recipient"]: r["sender"] for r in rows}, "as it was planned")
        # the receive cap of the day is used up by what people are being asked
        *rows, end = lines(place.cli("plan", place.tagged("late", "{contacts: true}"), "--live",
                                     "--json").out)
        true(all(r["due_at"][:10] > d["claimed_at"][:10] for r in rows
                 for d in place.deliveries("early")[:1]), f"the next day: {end}")
        place.stop()


def test_a_member_who_comes_later_sends_from_then_on():
    with All("1:2:20:0:2") as place:
        place.start()
        place.sync()
        place.launch(place.tagged("first", "{contacts: true}"))
        place.wait_count("first", "prompted", 20)
        place.member("new.one", "wmNew1", "wmNew2")
        refused = place.cli("submit", place.tagged("named", "{contacts: true}",
                                                   senders="[new.one]"), expect=65).err
        true("channel 'customers' has no sender 'new.one'; it has: he.qi, lin.yue" in refused, refused)
        place.sync()
        place.launch(place.tagged("second", "{contacts: true}", text="{{sender}} 向您问好"))
        place.wait_count("second", "prompted", 2) # the others are asked once a day
        equal({d["recipient"] for d in place.deliveries("second") if d["sender"] == "new.one"},
              {"wmNew1", "wmNew2"}, "no restart, no reload")
        equal(senders(place, "first"), {"lin.yue", "he.qi"}, "a frozen revision keeps its senders")
        made = [c["request"] for c in place.corp.calls("add_msg_template")]
        equal([m["text"]["content"] for m in made if m["sender"] == "new.one"],
              ["new.one 向您问好"], "the built-in name")
        # a subset, and the do-not-send list for one of them
        place.submit(place.tagged("third", "{contacts: true}", senders="[new.one]", text="三"))
        equal(senders(place, "third"), {"new.one"}, "the campaign's own senders")
        place.cli("suppress", "wmNew1", "--sender", "new.one", "--reason", "asked us to")
        refused = place.cli("suppress", "wmNew1", "--sender", "nobody", "--reason", "x", expect=1)
        true("no channel has a sender 'nobody'" in refused.err, refused.err)
        place.stop()


def test_who_is_gone_waits_and_comes_back():
    with All("1:2:20:0:2") as place:
        place.start()
        place.sync()
        place.submit(place.tagged("spring", "{contacts: true}"))
        whose = {d["recipient"]: d["sender"] for d in place.deliveries("spring")}
        place.member("he.qi", follows=False)
        place.sync()
        place.cli("approve", "spring")
        waits = sum(sender == "he.qi" for sender in whose.values())
        place.wait_count("spring", "prompted", 20 - waits)
        # whoever waits with a member who is gone uses up nobody's cap
        left = [r for r in whose if whose[r] == "he.qi"]
        file = place.mass("instead", [(r, "") for r in left[:1]], text="换人")
        place.member("lin.yue", left[0])
        place.sync()
        *rows, end = lines(place.cli("plan", file, "--live", "--json").out)
        now = datetime.datetime.now(datetime.timezone.utc)
        due = datetime.datetime.fromisoformat(rows[0]["due_at"])
        true(rows[0]["sender"] == "lin.yue" and due - now < datetime.timedelta(minutes=5), f"{rows}")
        for again in ("at once", "after a restart"):
            held = [d for d in place.deliveries("spring") if d["state"] == "pending"]
            equal({(d["sender"], d["reason"]) for d in held}, {("he.qi", "sender_away")}, again)
            equal(len(held), waits, again)
            equal(place.lane_of("he.qi")["held_by"], "sender_away", again)
            why = [r for r in lines(place.cli("explain", str(held[0]["delivery"]), "--json").out)
                   if r["gate"] == "channel"][0]
            equal(why["verdict"], "hold", again)
            true("he.qi is none of the channel's senders any more" in why["detail"], why)
            place.stop()
            place.start()
        place.member("he.qi")
        place.sync()
        place.wait_count("spring", "prompted", 20)
        equal({c["request"]["sender"] for c in place.corp.calls("add_msg_template")},
              {"lin.yue", "he.qi"}, "asked of the platform")
        place.stop()


def test_a_reload_makes_all_of_a_list():
    with All("1:3:20:0:2") as place:
        place.service_file("customers, senders: all", "customers, senders: [lin.yue]")
        place.start()
        place.sync()
        place.submit(place.tagged("one", "{contacts: true}"))
        equal(senders(place, "one"), {"lin.yue"}, "as listed")
        place.service_file("customers, senders: [lin.yue]", "customers, senders: all")
        place.cli("reload")
        place.submit(place.tagged("all", "{contacts: true}"))
        equal(senders(place, "all"), {"lin.yue", "he.qi", "member.003"}, "all of them")
        place.stop()


def test_groups_are_written_to_by_who_owns_them():
    with All("1:3:10:12:2") as place: # three members, two of them own groups
        place.start()
        place.sync()
        place.launch(place.tagged("clubs", "{groups: {}}", "groups"))
        place.wait_count("clubs", "prompted", 12)
        equal(senders(place, "clubs"), {"lin.yue", "he.qi"}, "the owners")
        refused = place.cli("submit", place.tagged("third", "{groups: {}}", "groups",
                                                   senders="[member.003]"), expect=65).err
        true("channel 'groups' has no sender 'member.003'; it has: he.qi, lin.yue" in refused, refused)
        place.corp.order("world", groups=[{"chat_id": group(n), "dismissed": True}
                                          for n in range(2, 13, 2)]) # all of he.qi's
        place.sync()
        place.submit(place.tagged("late", "{groups: {}}", "groups", text="晚"))
        equal(senders(place, "late"), {"lin.yue"}, "who owns none is no sender any more")
        place.stop()


def test_what_is_known_without_the_service_is_checked():
    with All("1:2:20:0:2") as place:
        file = place.mass("list", [(customer(1), "lin.yue"), (customer(2), "")],
                          text="{{sender}} 你好")
        done = place.cli("check", file)
        true("list.yaml: ok: 2 recipients, the account's members send" in done.out, done.out)
        true("list.yaml:2:10: warning: the members of account 'brand' are in the service: who "
             "writes to whom" in done.err, done.err)
        done = place.cli("plan", file, expect=1)
        true("'paceline plan --live' plans with them" in done.err, done.err)
        true("lin.yue 你好" in place.cli("preview", file).out, "a row that names its sender")
        wide = place.mass("wide", [(customer(1), "")], text="长" * 1400)
        true("4200 bytes" in place.cli("check", wide, expect=1).err, "the message is judged")
        named = place.mass("named", [(customer(1), "lin.yue")], senders="[lin.yue]")
        done = place.cli("check", named)
        true("whether these are among them is known at submit" in done.err, done.err)
        true("1 recipient, 1 send, 1 sender" in done.out, done.out)
        place.cli("plan", named)
        own = place.tagged("own", "{senders: all}")
        true("writes one post for each sender" in place.cli("check", own, expect=1).err, "no post")
        done = place.cli("plan", place.tagged("clubs", "{groups: {}}", "groups"), expect=1)
        true("plan --live' plans with them" in done.err, done.err)


def test_it_is_refused_where_it_means_nothing():
    with All("1:2:20:0:2") as place:
        place.cli("config", "check")
        place.service_file("mode: members", "mode: members, senders: all")
        true("channels that members send on" in place.cli("config", "check", expect=65).err,
             "an app message is the app's own")


if __name__ == "__main__":
    main(globals())
