"""`contacts sync`: whose the customers and groups are, read from the stand-in; and campaigns for them."""
import collections
import json

from corp import Corp, customer, group
from support import equal, lines, main, true, wait_until
from wecom import CORP, SECRET, Wecom


class Synced(Wecom):
    """A service on a seeded world: `world` as the stand-in's option."""

    def __init__(self, world, *options, **more):
        super().__init__(options=("--world", world, *options), **more)

    def __enter__(self):
        super().__enter__()
        self.corp = Corp(self.standin, CORP, SECRET)
        return self

    def sync(self, **options):
        return lines(self.cli("contacts", "sync", "brand", "--json", **options).out)[-1]

    def tagged(self, name, audience, channel="customers", text=None, **parts):
        out = [f"campaign: {name}", f"channel: {channel}", f"audience: {audience}",
               f"message: {{text: \"{text or name + ' 春季上新'}\"}}", "pace: {interval: 0s..0s}"]
        out += [f"{key}: {value}" for key, value in parts.items()]
        return self.write(f"{name}.yaml", "\n".join(out) + "\n")


def counts(place, name):
    return {k: v for k, v in place.show(name)["counts"].items() if v}


def test_what_is_new_is_written_and_what_is_gone_goes():
    with Synced("1:2:250:7:2") as place:
        place.start()
        place.cli("contacts", "sync", "nobody", expect=1)
        said = place.sync()
        pairs = 250 + 30 # 10 in 100 are two members'
        equal((said["state"], said["customers"], said["groups"], said["added"]),
              ("done", pairs, 7, pairs + 7), "the first time")
        said = place.sync()
        equal((said["added"], said["changed"], said["unchanged"], said["removed"]),
              (0, 0, pairs + 7, 0), "again")
        place.corp.order("world", customers=[
            {"external_userid": customer(1), "follows": [{"userid": "lin.yue", "remark": "新的"}]},
            {"external_userid": customer(102), "follows": [{"userid": "he.qi", "removed": True}]},
            {"external_userid": "wmNew", "follows": [{"userid": "he.qi", "tags": ["渠道/展会"]}]}],
            groups=[{"chat_id": group(3), "dismissed": True}])
        out = place.cli("contacts", "sync", "brand").out
        true("1 added, 1 changed" in out and "2 removed" in out, out)
        equal([r["event"] for r in place.audit() if r["event"] == "contacts_sync"],
              ["contacts_sync"] * 3, "records")
        place.cli("audit", "verify")
        place.corp.check_blocks()
        place.stop()


def test_a_reading_that_breaks_off_goes_on_where_it_was():
    # 2 members, 3 pages each: the service dies while the second member's second page is on its way
    with Synced("1:2:500:0:2", "--fault", "slow:#5:get_by_user") as place:
        place.start()
        place.api("POST", "accounts/brand/sync", {})
        wait_until(lambda: len(place.corp.calls("get_by_user")) == 5, "the fifth page")
        place.service.kill()
        before = len(place.corp.calls("get_by_user"))
        place.start()
        said = place.sync()
        equal(said["state"], "done", "state")
        asked = [c["request"]["userid_list"] for c in place.corp.calls("get_by_user")[before:]]
        equal(set(map(tuple, asked)), {("he.qi",)}, "who is asked about")
        place.stop()


def test_faults_of_the_platform_are_borne():
    faults = ("--fault", "lose-answer:5", "--fault", "reset-before:5", "--fault", "busy:5",
              "--fault", "lose-token:3", "--fault", "concurrent:3", "--seed", "5")
    with Synced("1:3:700:20:3", *faults, senders=("lin.yue", "he.qi", "member.003")) as place:
        place.start()

        def done():
            return place.sync(expect=None)["state"] == "done"
        wait_until(done, "a reading that ends well")
        place.corp.faults()
        said = place.sync()
        equal((said["added"], said["changed"], said["removed"]), (0, 0, 0),
              "nothing was missed")
        place.corp.check_blocks()
        place.stop()


def test_a_block_is_waited_for():
    with Synced("1:2:300:0:2", "--fault", "quota:#2:get_by_user") as place:
        place.start()
        place.api("POST", "accounts/brand/sync", {})

        def waits():
            said = json.loads(place.api("GET", "accounts/brand/sync")[1])
            equal((said["state"], said["problem"]), ("running", None), "while it waits")
            return said["waits_ms"] > 1000 # the platform's minute
        wait_until(waits, "it says that it waits")
        equal([c["errcode"] for c in place.corp.calls("get_by_user")], [0, 45009], "calls")
        place.stop()


def test_a_campaign_by_tag_writes_to_each_customer_once():
    with Synced("1:2:200:0:2") as place:
        place.start()
        place.sync()
        place.launch(place.tagged("fair", "{contacts: true, where: {tags_any: [展会]}, expect: 120}"))
        place.wait_count("fair", "prompted", 120)
        place.corp.tap()
        place.wait_state("fair", "done")
        equal(len(place.corp.tasks()), 2, "one task a member")
        place.check_sums("fair")
        reached = collections.Counter(r["recipient"] for r in place.corp.reached())
        equal(set(reached.values()), {1}, "each once")
        # whose they are: who has added them last
        whose = {c["external_contact"]["external_userid"]: c["follow_info"]
                 for m in ("lin.yue", "he.qi") for c in sorted(
                     place.corp.contact("batch/get_by_user", {"userid_list": [m], "limit": 100})
                     ["external_contact_list"], key=lambda c: c["follow_info"]["createtime"])}
        for d in place.deliveries("fair"):
            if d["recipient"] in whose and int(d["recipient"][-5:]) % 100 > 10: # one member's
                equal(d["sender"], whose[d["recipient"]]["userid"], d["recipient"])
        place.stop()


def test_names_of_a_file_go_to_their_member_and_strangers_to_nobody():
    with Synced("1:2:20:0:2", account="suppress_tags: [已退订]") as place:
        place.corp.order("world", customers=[
            {"external_userid": customer(15), "follows": [{"userid": "lin.yue",
                                                           "tags": ["状态/已退订"]}]}])
        place.start()
        place.sync()
        rows = [(customer(11), ""), (customer(12), ""), ("wmStranger", ""),
                (customer(13), "lin.yue"), (customer(14), "lin.yue"), (customer(15), "")]
        place.launch(place.mass("list", rows, text="list 你好"))
        place.wait_count("list", "prompted", 3)
        equal({d["recipient"]: (d["sender"], d["state"], d["reason"])
               for d in place.deliveries("list") if d["recipient"] != "wmStranger"},
              {customer(11): ("lin.yue", "prompted", None),
               customer(12): ("he.qi", "prompted", None),
               customer(13): ("lin.yue", "prompted", None),
               customer(14): ("lin.yue", "skipped", "no_relation"), # he.qi's
               customer(15): ("lin.yue", "skipped", "suppressed")}, "rows")
        equal(counts(place, "list"), {"prompted": 3, "skipped": 3}, "counts")
        place.stop()


def test_how_and_when_somebody_was_added_narrows():
    with Synced("1:2:0:0:2") as place:
        now = place.corp.state()["now_ms"] // 1000
        day = 86400
        place.corp.order("world", members=[{"userid": "lin.yue"}, {"userid": "he.qi"}], customers=[
            {"external_userid": f"wm{n}", "follows": [
                {"userid": member, "createtime": now - age * day, "add_way": way, "state": state}]}
            for n, (member, age, way, state) in enumerate([
                ("lin.yue", 2, 1, "fair"), ("lin.yue", 40, 1, ""), ("he.qi", 10, 4, "fair"),
                ("he.qi", 100, 3, "")])])
        place.corp.order("world", customers=[{"external_userid": "wm0", "follows": [
            {"userid": "he.qi", "createtime": now - 50 * day, "add_way": 1}]}])
        place.start()
        place.sync()

        def asked(name, where="", more=""):
            file = place.tagged(name, f"{{contacts: true{more}" +
                                (f", where: {{{where}}}" if where else "") + "}")
            place.submit(file)
            return [(d["recipient"], d["sender"]) for d in place.deliveries(name)]
        lin, he = "lin.yue", "he.qi"
        everybody = [("wm0", lin), ("wm1", lin), ("wm2", he), ("wm3", he)]
        equal(sorted(asked("all")), everybody, "nothing is asked")
        equal(sorted(asked("first", more=", of_several: first_added")),
              [("wm0", he)] + everybody[1:], "who has added them first")
        equal(sorted(asked("recent", "added_within: 30d")), [("wm0", lin), ("wm2", he)], "recent")
        equal(sorted(asked("old", "not_added_within: 30d")),
              [("wm0", he), ("wm1", lin), ("wm3", he)], "long ago, each by a member of that time")
        equal(sorted(asked("fair", "added_states: [fair]")), [("wm0", lin), ("wm2", he)], "state")
        equal(sorted(asked("ways", "added_ways: [3, 4]")), [("wm2", he), ("wm3", he)], "ways")
        place.write("x.yaml", "campaign: x\nchannel: customers\nmessage: {text: hi}\n"
                    "audience: {recipients: [wm1], where: {added_within: 3d}}\n")
        true("x.yaml:4:38: 'added_…' is about" in place.cli("check", "x.yaml", expect=1).err,
             "of the book only")
        place.stop()


def test_the_list_has_the_customers_too():
    with Synced("1:2:120:0:2") as place:
        place.write("book.csv", f"recipient,tags\nwmOwn,vip\n{customer(2)},vip\n")
        place.start()
        place.cli("contacts", "import", "book.csv")
        place.sync()
        found = lines(place.cli("contacts", "list", "--json").out)
        equal([f["recipient"] for f in found][:3], ["wmOwn", customer(2), customer(1)],
              "first those who were imported, then in the order of the reading")
        equal(sorted(f["recipient"] for f in found),
              ["wmOwn"] + [customer(n) for n in range(1, 121)], "who")
        equal((found[1]["sender"], found[1]["tags"]), (None, ["vip"]), "as it was imported")
        equal((found[2]["sender"] in ("lin.yue", "he.qi"), found[2]["name"], found[2]["tags"]),
              (True, "客户00001", ["展会", "VIP"]), "as the platform says")
        place.stop()


def test_groups_by_name_and_owner():
    with Synced("1:2:10:12:2") as place:
        place.start()
        place.cli("submit", place.tagged("early", "{groups: {name: \"老*\"}}", "groups"), expect=1)
        place.sync()
        place.cli("check", place.tagged("wrong", "{groups: {}}"), expect=1) # of channel customers
        place.launch(place.tagged("old", "{groups: {name: \"老*\"}, expect: 9}", "groups"))
        place.launch(place.tagged("lins", "{groups: {owners: [lin.yue]}}", "groups"))
        place.wait_count("old", "prompted", 9)
        whose = {d["recipient"]: d["sender"] for d in place.deliveries("old")}
        equal(whose[group(1)], "lin.yue", "the owner sends")
        equal(whose[group(2)], "he.qi", "the owner sends")
        equal({d["sender"] for d in place.deliveries("lins")}, {"lin.yue"}, "of one owner")
        equal(len(place.deliveries("lins")), 6, "all of that owner's")
        place.stop()


if __name__ == "__main__":
    main(globals())
