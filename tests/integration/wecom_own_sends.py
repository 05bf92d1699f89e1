"""What members send to their customers by themselves takes places of the receive cap: it is looked
at before anything is asked of them, and then now and again."""
from support import equal, lines, main, true, wait_until
from wecom import PEOPLE, Wecom, world


class Own(Wecom):
    def by_hand(self, member, *recipients, **more):
        self.tell("by-hand", {"userid": member, "recipients": list(recipients), "text": "我自己发的",
                              **more})

    def cap_of(self, name, recipient):
        """The row of the gate frequency_cap of this recipient's delivery."""
        number = [d["delivery"] for d in self.deliveries(name) if d["recipient"] == recipient][0]
        return [r for r in lines(self.cli("explain", str(number), "--json").out)
                if r["gate"] == "frequency_cap"][0]

    def asked(self):
        return {r for c in self.calls("externalcontact/add_msg_template")
                for r in c["request"].get("external_userid", c["request"].get("chat_id_list"))}

    def own_lists(self):
        return [c for c in self.calls("externalcontact/get_groupmsg_list_v2")
                if c["request"]["filter_type"] == 1]


def rows(*numbers):
    return [(f"wm{n}", "lin.yue" if n % 2 else "he.qi") for n in numbers]


def test_nobody_is_asked_to_write_to_who_has_had_enough():
    with Own(PEOPLE) as place:
        place.by_hand("lin.yue", "wm1", "wm3")
        place.start()
        place.launch(place.mass("spring", rows(1, 2, 3, 4, 5)))
        place.wait_count("spring", "prompted", 3)
        held = {d["recipient"]: d["reason"] for d in place.deliveries("spring")
                if d["state"] == "pending"}
        equal(held, {"wm1": "frequency_cap", "wm3": "frequency_cap"}, "who waits")
        equal(place.asked(), {"wm2", "wm4", "wm5"}, "of whom the platform was asked")
        look = lines(place.cli("plan", place.mass("look", rows(3, 7)), "--live", "--json").out)
        wm7, wm3 = [r["due_at"][:10] for r in look[:2]]
        true([r["recipient"] for r in look[:2]] == ["wm7", "wm3"] and wm7 < wm3, f"a plan: {look}")
        for again in ("at once", "after a restart"):
            cap = place.cap_of("spring", "wm1")
            equal(cap["verdict"], "hold", again)
            true("1 of 1 per day receive cap" in cap["detail"] and
                 "1 of it sent by members themselves" in cap["detail"], cap)
            place.stop()
            place.start()
        # what the platform says of the others is not the members' own
        place.tell("tap", {})
        place.wait_count("spring", "sent", 3)
        place.launch(place.mass("summer", rows(2), text="again"))
        wait_until(lambda: place.cap_of("summer", "wm2")["verdict"] == "hold", "ours count too")
        true("by members" not in place.cap_of("summer", "wm2")["detail"], "but as ours")
        equal(len(place.own_lists()) > 0, True, "the list was asked for")


def test_what_is_sent_while_a_campaign_runs_is_seen():
    with Own(PEOPLE) as place:
        place.start()
        file = place.mass("spring", rows(1, 3))
        with open(place.path(file), encoding="utf-8") as text:
            place.write(file, text.read().replace(
                "0s..0s}", "0s..0s, batch: 1, limits: [{max: 1, per: 1h, scope: sender}]}"))
        place.launch(file)
        place.wait_count("spring", "prompted", 1)
        waits = [d["recipient"] for d in place.deliveries("spring") if d["state"] == "pending"][0]
        equal(place.cap_of("spring", waits)["verdict"], "go", "before")
        place.by_hand("lin.yue", waits)
        wait_until(lambda: place.cap_of("spring", waits)["verdict"] == "hold", "it is seen")
        lists = [c["at_ms"] for c in place.own_lists()]
        true(all(b - a > 1000 for a, b in zip(lists, lists[1:])), f"not all the time: {lists}")


def test_groups_are_counted_too():
    groups = dict(PEOPLE, groups=[{"chat_id": f"wr{n}", "name": f"g{n}", "owner": "lin.yue"}
                                  for n in (1, 2)])
    with Own(groups) as place:
        place.by_hand("lin.yue", "wr1", chat_type="group")
        place.start()
        place.launch(place.mass("clubs", [("wr1", "lin.yue"), ("wr2", "lin.yue")], "groups"))
        place.wait_count("clubs", "prompted", 1)
        equal(place.asked(), {"wr2"}, "who is asked for")
        equal(place.cap_of("clubs", "wr1")["verdict"], "hold", "the other one waits")


def test_many_of_them_are_read_page_by_page():
    people = world({f"wm{n}": "lin.yue" for n in range(1, 106)})
    with Own(people) as place:
        for n in range(1, 102): # a page of the list holds a hundred
            place.by_hand("lin.yue", f"wm{n}")
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", "lin.yue") for n in range(1, 106)]))
        place.wait_count("spring", "prompted", 4)
        equal(place.asked(), {f"wm{n}" for n in range(102, 106)}, "the rest of them")
        equal(len({c["request"]["msgid"] for c in
                   place.calls("externalcontact/get_groupmsg_send_result")
                   if c["request"]["msgid"] not in {t["msgid"] for t in place.state()["tasks"]
                                                    if not t["by_hand"]}}), 101, "each is read")


def test_one_that_cannot_be_looked_at_holds_nobody():
    with Own(PEOPLE, options=("--fault", "quota:#1:get_groupmsg_list_v2")) as place:
        place.start()
        place.launch(place.mass("spring", rows(1, 2)))
        place.wait_count("spring", "prompted", 2)
        true("what members sent by themselves is not known" in place.service.said(),
             place.service.said())


if __name__ == "__main__":
    main(globals())
