"""Whole runs on the stand-in: synchronised, approved by tag, confirmed by members; and the same with
faults and the service killed. What the platform has seen is compared with what deliveries says."""
import os
import re
import sys

from faulty import FaultyPlace
from support import SOURCE, equal, lines, main, now_ms, true, wait_until
from wecom import SECRET
from wecom_sync import Synced, counts

sys.path.insert(0, os.path.join(SOURCE, "tests", "check"))
import mass # noqa: E402

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


def judge(place, *names, **options):
    found = list(mass.violations([d for name in names for d in place.deliveries(name)],
                                 place.corp.tasks(), place.standin.lines(), **options))
    equal(found[:5], [], f"violations, of {len(found)}")
    place.check_sums(*names)
    place.cli("audit", "verify")


def test_three_thousand_customers_by_tag_with_two_taps():
    with Synced("1:2:5000:0:2") as place:
        with open(place.path("spring.png"), "wb") as file:
            file.write(PNG)
        place.start()
        equal(place.sync()["customers"], 5500, "pairs")
        file = place.write("spring.yaml", """campaign: spring
channel: customers
audience: {contacts: true, where: {tags_any: [展会]}, expect: 3000}
message:
  text: "spring 春季上新"
  attachments:
    - image: spring.png
    - link: {title: 春季上新, url: "https://shop.example.com/p/7", picture: spring.png}
pace: {interval: 0s..0s}
confirm: {within: 4h, taps_per_day: 1}
""")
        place.launch(file)
        place.wait_count("spring", "prompted", 3000)
        equal(sorted(t["open"] for t in place.tasks()), sorted(
            len(t["rows"]) for t in place.corp.tasks()), "what tasks says is open")
        equal(len(place.corp.tasks()), 2, "one tap a member")
        equal(len({c["media_id"] for c in place.corp.calls("upload")}), 2,
              "the picture, fresh for each task")
        for task in place.corp.tasks():
            image, link = task["content"]["attachments"]
            equal((image["msgtype"], link["msgtype"]), ("image", "link"), "attachments")
            equal({k: v for k, v in link["link"].items() if k != "picurl"},
                  {"title": "春季上新", "url": "https://shop.example.com/p/7"}, "the link")
            true("/pic/" in link["link"]["picurl"], "its picture")
        place.corp.tap(userid="lin.yue")
        wait_until(lambda: counts(place, "spring").get("sent", 0) > 1000, "results of one")
        place.corp.tap()
        place.wait_state("spring", "done")
        judge(place, "spring")
        found = counts(place, "spring")
        equal(found["sent"] + found["failed"], 3000, "everybody is settled")
        true(found["failed"] > 20, "who has deleted the member is found out")
        place.stop()


def test_six_hundred_groups_of_twelve_owners():
    owners = ["lin.yue", "he.qi"] + [f"member.{n:03}" for n in range(3, 13)]
    with Synced("1:12:50:600:12", senders=owners) as place:
        place.start()
        equal(place.sync()["groups"], 600, "groups")
        place.launch(place.tagged("week", "{groups: {}, expect: 600}", "groups"))
        place.wait_count("week", "prompted", 600)
        equal(len(place.corp.tasks()), 12, "one tap an owner")
        place.corp.tap()
        place.wait_state("week", "done")
        judge(place, "week")
        equal(counts(place, "week"), {"sent": 600}, "counts")
        place.stop()


def test_a_typo_is_corrected_after_half_have_confirmed():
    with Synced("1:2:200:0:2") as place:
        place.start()
        place.sync()

        def submit(text):
            place.launch(place.tagged("fair", "{contacts: true, where: {tags_any: [展会]}, expect: 120}",
                                      text=text))
        submit("fair 春季上新，九拆")
        place.wait_count("fair", "prompted", 120)
        place.corp.tap(userid="he.qi")
        wait_until(lambda: counts(place, "fair").get("sent", 0) > 50, "half have confirmed")
        told = {r["recipient"] for r in place.corp.reached()}
        submit("fair 春季上新，九折")
        wait_until(lambda: counts(place, "fair").get("prompted", 0) == 120 - len(told),
                   "the others are asked anew")
        place.corp.tap()
        place.wait_state("fair", "done")
        texts = {r["recipient"]: r["text"] for r in place.corp.reached() if r["status"] == 1}
        true(all("九拆" in texts.get(who, "九拆") for who in told), "who had it keeps what they had")
        true(all("九折" in text for who, text in texts.items() if who not in told),
             "the others have the new text alone")
        equal([{r["userid"] for r in t["rows"]} for t in place.corp.tasks() if t["canceled"]],
              [{"lin.yue"}], "the task that nobody had confirmed is withdrawn, and no other")
        judge_reached(place)
        place.stop()


def judge_reached(place):
    """Nobody was reached twice, whatever the revision."""
    who = [r["recipient"] for r in place.corp.reached() if r["status"] == 1]
    equal(len(who), len(set(who)), "recipients that were reached")


class Asleep(FaultyPlace, Synced):
    """A platform's block lasts a minute, an hour or a day: the machine sleeps through them."""
    slept_ms = 0

    def sleep(self, ms):
        self.corp.order("clock", forward_ms=ms) # first: nobody is early
        self.slept_ms += ms
        self.order("slept", self.slept_ms)

    def blocks(self):
        """What the service knows for good, in all its runs: [(call, until), …]."""
        with open(self.service.err_path, encoding="utf-8") as file:
            found = re.findall(r"account: blocked account=brand api=(\S+) until=(\d+)", file.read())
        return [(call, int(until)) for call, until in found]

    def wait_for_blocks(self):
        """Nothing that the platform has said of blocks is lost by a kill now."""
        def refused():
            return [c["call"] for c in self.corp.calls()
                    if c["errcode"] == 45009 and not c["in_block"]]
        wait_until(lambda: sorted(refused()) == sorted(call for call, _ in self.blocks()),
                   "the service knows of each block")

    def blocked_ms(self):
        """How long the last of them lasts."""
        return max((until for _, until in self.blocks()), default=0) - now_ms() - self.slept_ms

    def sleep_through_blocks(self):
        left = self.blocked_ms()
        if left > 0:
            self.sleep(left)


def test_a_block_outlives_the_service():
    with Asleep("1:1:20:0:1", "--fault", "quota:#1:add_msg_template", senders=["lin.yue"]) as place:
        place.start()
        place.launch(place.mass("early", [("wmPACER" + "1".zfill(25), "lin.yue")], text="early 一"))
        wait_until(lambda: place.corp.calls("add_msg_template"), "a create is refused")
        place.wait_for_blocks()
        place.service.kill()
        place.start()
        said = place.service
        wait_until(lambda: "too many calls" in said.said(), "it is tried, and not called")
        place.sleep(place.blocked_ms() // 2)
        wait_until(lambda: "the machine slept" in said.said(), "it wakes up")
        calls = len(place.corp.calls("add_msg_template"))
        true(calls == 1 or place.blocked_ms() <= 0, "a call before the minute is over")
        place.sleep_through_blocks()
        place.wait_count("early", "prompted", 1)
        place.corp.tap()
        place.wait_state("early", "done")
        place.corp.check_blocks()
        judge(place, "early")
        place.stop()


def test_a_task_is_asked_about_in_time_after_a_suspend():
    with Asleep("1:1:20:0:1", senders=["lin.yue"], poll="20m") as place:
        place.start()
        place.launch(place.mass("early", [("wmPACER" + "1".zfill(25), "lin.yue")], text="early 一"))
        place.wait_count("early", "prompted", 1)
        place.corp.tap()
        place.sleep(20 * 60 * 1000)
        place.wait_state("early", "done")
        judge(place, "early")
        place.stop()


def test_what_was_lost_before_a_long_outage_is_no_stranger():
    """The daily comparison of the platform's list with ours waits for what is still looked for."""
    with Asleep("1:1:20:0:1", "--fault", "slow:#1:add_msg_template", senders=["lin.yue"]) as place:
        place.start()
        place.launch(place.mass("early", [("wmPACER" + "1".zfill(25), "lin.yue")], text="early 一"))
        wait_until(place.corp.tasks, "the platform has it")
        place.service.kill()
        place.sleep(2 * 3600 * 1000)
        place.start()
        wait_until(lambda: "channel=customers: 1 tasks of the platform, all known" in
                   place.service.said(), "the comparison")
        equal(place.show("early")["state"], "running", "state")
        place.wait_count("early", "prompted", 1)
        place.corp.tap()
        place.wait_state("early", "done")
        judge(place, "early")
        place.stop()


FAULTS = ("lose-answer:#3:add_msg_template", "lose-answer:#9:add_msg_template", # one at least
          "lose-answer:4", "reset-before:4", "busy:3", "lose-token:2", "cut:2", "bad-gateway:2",
          "concurrent:2")
QUOTAS = ("quota:#5:add_msg_template", "quota:4:add_msg_template", "quota:1")


def test_nobody_is_in_two_tasks_whatever_goes_wrong():
    """Answers lost, connections reset, tokens lost, quotas full, and the service killed twice."""
    members = ["lin.yue", "he.qi"] + [f"member.{n:03}" for n in range(3, 13)]
    names = [f"list{n}" for n in range(5)]
    with Asleep("3:12:600:0:12", "--seed", "11", "--receive-cap", "none",
                senders=members) as place:
        place.start()
        place.sync()
        place.corp.faults(*QUOTAS, *FAULTS)
        for number, name in enumerate(names): # every fifth customer, so that each member has some
            file = place.mass(name, [(f"wmPACER{n + 1:025d}", "") for n in range(600)
                                     if n // 12 % 5 == number], text=name + " 春季",
                              confirm="{taps_per_day: 10}")
            text = open(place.path(file)).read()
            place.launch(place.write(file, text.replace('春季"}', '春季", attachments: [{link: {title: '
                                     't, url: "https://a.example.com/p", trace: true}}]}')))

        went_on = [0, now_ms()] # creates, and since when there are so many

        def goes_on(what):
            creates = len(place.corp.calls("add_msg_template"))
            if creates != went_on[0]:
                went_on[:] = creates, now_ms()
            if not any(counts(place, n).get("claimed") for n in names): # those would be unknown
                place.sleep_through_blocks()
                if now_ms() - went_on[1] > 2000: # a token that is not asked for again so soon
                    place.sleep(30 * 1000)
            return what()
        for enough in (15, 40):
            wait_until(lambda: goes_on(lambda: len(place.corp.calls("add_msg_template")) >= enough),
                       "creates")
            place.corp.tap(userid=members[enough % 12])
            place.corp.faults(*FAULTS)
            place.wait_for_blocks() # what nobody has read before the kill nobody can keep to
            place.service.kill()
            place.corp.faults(*QUOTAS, *FAULTS)
            place.start()
        wait_until(lambda: goes_on(lambda: not any(
            counts(place, n).get("pending") or counts(place, n).get("claimed") for n in names)),
                   "everybody was asked, or nobody knows")
        place.corp.faults()

        def settled():
            place.sleep_through_blocks()
            place.corp.tap()
            if any(counts(place, n).get("prompted") for n in names):
                place.sleep(15 * 60 * 1000) # an old task is asked about rarely
                return False
            said = place.service.said()
            return said.count("reconcile: looking for") == \
                said.count("reconcile: found") + said.count("reconcile: not found")
        wait_until(settled, "results")
        judge(place, *names)
        true(all("?pl=" in t["content"]["attachments"][0]["link"]["url"] for t in
                 place.corp.tasks()), "links are traced")
        lost = [c for c in place.corp.calls("add_msg_template") if c["acted"] and c["fault"]]
        unknown = {d["recipient"] for n in names for d in place.deliveries(n, "--state", "unknown")}
        left = [t["msgid"] for t in place.corp.tasks()
                if any(r["recipient"] in unknown for r in t["rows"])]
        print(f"# {len(place.blocks())} blocks; {len(lost)} creates went wrong after the effect, of {len(left)} of them nobody knows; "
              f"{len(unknown)} recipients wait for a person")
        true(lost, "no answer was lost: the test proves nothing")
        true(place.blocks(), "nothing was blocked: the test proves nothing")
        place.stop()


def test_a_task_that_is_not_ours_pauses_the_account():
    """Looked for at start and once a day, an hour behind: the platform's clock goes two hours back."""
    hours = 2 * 3600 * 1000
    with Synced("1:2:40:0:2") as place:
        place.start()
        place.launch(place.mass("early", [("wmPACER" + "40".zfill(25), "he.qi")], text="early 一"))
        wait_until(lambda: "channel=customers: 0 tasks of the platform, all known" in
                   place.service.said(), "this run's comparison is over")
        place.corp.order("clock", forward_ms=-hours)
        place.launch(place.mass("ours", [(f"wmPACER{n + 1:025d}", ("lin.yue", "he.qi")[n % 2])
                                         for n in range(20)], text="ours 春季"))
        place.wait_count("ours", "prompted", 20)
        place.stop()
        place.start()
        wait_until(lambda: "channel=customers: 2 tasks of the platform, all known" in
                   place.service.said(), "what is ours is known")
        equal(place.show("ours")["state"], "running", "state")

        place.corp.token = None
        msgid = place.corp.contact("add_msg_template", {
            "sender": "lin.yue", "external_userid": ["wmPACER" + "31".zfill(25)],
            "text": {"content": "from another program"}})["msgid"]
        place.corp.order("by-hand", userid="he.qi", recipients=["wmPACER" + "32".zfill(25)],
                         text="a member's own is no stranger")
        place.stop()
        place.start()
        place.wait_state("ours", "paused")
        place.wait_state("early", "paused")
        equal([r["detail"]["ref"] for r in place.audit() if r["event"] == "unknown_task"], [msgid],
              "the record")
        wait_until(lambda: msgid in (lines(place.cli("status", "--json").out)[-1]["service"]
                                     ["problem"] or ""), "status says so")
        equal(counts(place, "ours"), {"prompted": 20}, "what members are asked stays")
        true("another program" not in place.service.said(), "a text in the log")
        for name in ("ours", "early"):
            place.cli("resume", name)
            place.wait_state(name, "running")
        place.corp.order("clock", forward_ms=hours)
        place.stop()
        place.start() # it was told: nobody is stopped again
        wait_until(lambda: "channel=customers: 3 tasks of the platform, all known" in
                   place.service.said(), "it is known now")
        place.corp.tap()
        place.wait_state("ours", "done")
        place.cli("audit", "verify")
        place.stop()


def test_one_token_for_all_and_one_new_one_when_it_is_lost():
    members = ["lin.yue", "he.qi"] + [f"member.{n:03}" for n in range(3, 13)]
    with Synced("1:12:120:0:12", senders=members) as place:
        place.start()
        place.launch(place.mass("all", [(f"wmPACER{n + 1:025d}", members[n % 12])
                                        for n in range(120)], text="all 春季"))
        place.wait_count("all", "prompted", 120)
        equal(len(place.corp.calls("gettoken")), 1, "tokens for twelve members at once")
        place.corp.order("lose-tokens") # twelve tasks are asked about: all are refused
        wait_until(lambda: len(place.corp.calls("gettoken")) == 2, "a new one")
        place.corp.tap()
        place.wait_state("all", "done")
        equal([c["errcode"] for c in place.corp.calls("gettoken")], [0, 0], "one for all again")
        judge(place, "all")
        place.stop()


def test_a_wrong_secret_is_tried_once():
    with Synced("1:2:20:0:2") as place:
        place.write("wecom.secret", "another-secret\n", 0o600)
        place.start()
        place.launch(place.mass("early", [("wmPACER" + "1".zfill(25), "lin.yue")], text="early 一"))
        wait_until(lambda: place.corp.calls("gettoken"), "a token is asked for")
        wait_until(lambda: "secret" in (lines(place.cli("status", "--json").out)[-1]["service"]
                                        ["problem"] or ""), "status says so")
        # once for the campaign, and perhaps once for the daily comparison before it
        tries = [c["errcode"] for c in place.corp.calls("gettoken")]
        true(tries in ([40001], [40001] * 2), f"tries: {tries}")
        looked = now_ms()
        wait_until(lambda: now_ms() > looked + 1500, "time passes")
        equal([c["errcode"] for c in place.corp.calls("gettoken")], tries, "nobody tries again")
        place.write("wecom.secret", SECRET + "\n", 0o600)
        place.cli("reload")
        place.wait_count("early", "prompted", 1)
        judge(place, "early", settled=False, refused_secrets=2)
        place.stop()


if __name__ == "__main__":
    main(globals())
