"""`where: {not_contacted: 7d}`: at submit, and again when a delivery is about to go."""
from support import Place, equal, lines, main, true


def careful(place, name, people, pace="{interval: 20ms..40ms}", span="7d", channel="dry"):
    return place.write(f"{name}.yaml", f"""campaign: {name}
channel: {channel}
senders: [a]
audience: {{recipients: [{", ".join(people)}], where: {{not_contacted: {span}}}}}
message: {{text: "hello {{{{recipient}}}}"}}
pace: {pace}
""")


def recipients(place, campaign, state=None):
    return sorted(d["recipient"] for d in place.deliveries(campaign)
                  if state in (None, d["state"]))


def test_whom_another_campaign_wrote_to_is_not_in_the_audience():
    with Place() as place:
        place.start()
        place.launch(place.campaign("first", "dry", ["p1", "p2", "p3"], senders="[b]"))
        place.wait_state("first", "done")
        said = place.cli("check", careful(place, "second", ["p1", "p4", "p4", "p5"])).err
        true("known at submit" in said, f"check: {said}")
        place.stop()
        place.start()  # the store knows, not the process
        place.launch("second.yaml")
        place.wait_state("second", "done")
        equal(recipients(place, "second"), ["p4", "p4", "p5"], "audience of the second")
        equal(recipients(place, "second", "sent"), ["p4", "p5"], "sent")
        # its own sends do not change its audience: the same again is the same
        again = lines(place.cli("submit", "second.yaml", "--json").out)
        equal(again[0]["unchanged"], True, f"submitted again: {again}")
        # and 1 ms ago nobody was written to
        place.launch(careful(place, "third", ["p1", "p4"], span="1ms"))
        place.wait_state("third", "done")
        equal(recipients(place, "third", "sent"), ["p1", "p4"], "sent by the third")
        place.check_sums("first", "second", "third")
        place.stop()


def test_without_the_service_the_tags_of_the_file_count_all_the_same():
    with Place() as place:
        place.write("people.csv", "recipient,tags\np1,fair\np2,fair;gone\np3,fair\n")
        file = place.write("tagged.yaml", """campaign: tagged
channel: dry
audience: {file: people.csv, where: {tags_none: [gone], not_contacted: 7d}}
message: {text: hello}
""")
        said = place.cli("check", file)
        true("at most 2 recipients" in said.out, f"check: {said.out}")
        rows = lines(place.cli("plan", file, "--json").out)
        equal([r["recipient"] for r in rows[:-1]], ["p1", "p3"], "planned")


def test_it_is_judged_again_at_the_instant_of_sending():
    with Place() as place:
        place.start()
        file = careful(place, "slow", ["p1", "p2", "p3"])
        place.submit(file)  # nobody has written to anybody yet
        place.launch(place.campaign("quick", "dry", ["p2", "p9"], senders="[b]"))
        place.wait_state("quick", "done")
        place.cli("approve", "slow")
        place.wait_state("slow", "done")
        states = {d["recipient"]: (d["state"], d["reason"]) for d in place.deliveries("slow")}
        equal(states, {"p1": ("sent", None), "p2": ("skipped", "frequency_cap"),
                       "p3": ("sent", None)}, "states")
        place.check_sums("slow", "quick")
        place.stop()


main(globals())
