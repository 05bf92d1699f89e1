"""By hand: a person is asked, one question at a time, and what they say is what is true."""
import json

from support import (ALICE, BO, Place, equal, lines, main, ms, need_root, now_ms, true, wait_until)

ASKED_MS = 2000  # faster than this from the screen to "sent" is no hand


class Hands(Place):
    """The service with a channel by-hand, and the API as an agent uses it."""

    def prompts(self):
        status, text = self.api("GET", "prompts?agent=terminal&wait=1")
        equal(status, 200, "GET prompts")
        head, *prompts = lines(text.decode())
        self.senders_of_mine = head["senders"]
        return prompts

    def wait_prompt(self, where=lambda p: True):
        return wait_until(lambda: next((p for p in self.prompts() if where(p)), None), "a prompt")

    def say(self, prompt, action, status=200, **body):
        code, text = self.api("POST", f"prompts/{prompt['prompt']}/{action}",
                              {"nonce": prompt["nonce"], **body})
        equal(code, status, f"{action} {body}: {text}")
        return json.loads(text)

    def show_it(self, prompt):
        """On a screen for longer than a hand needs."""
        shown = self.say(prompt, "shown")["shown_at"]
        wait_until(lambda: now_ms() > ms(shown) + ASKED_MS, "a hand would be done")

    def answer(self, prompt, word):
        self.show_it(prompt)
        return self.say(prompt, "answer", answer=word)


def hands(senders=("lin.yue",), **options):
    return Hands(hands=list(senders), **options)


def campaign(place, name, recipients, **parts):
    return place.campaign(name, "by-hand", recipients, parts.pop("interval", "20ms..40ms"),
                          text=parts.pop("text", None),
                          confirm=parts.pop("confirm", "{within: 1h, taps_per_day: 100}"), **parts)


def test_one_question_at_a_time_and_each_answer_counts():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "hand", ["g1", "g2", "g3"]))
        for recipient, word in (("g1", "sent"), ("g2", "not-sent"), ("g3", "skip")):
            prompt = place.wait_prompt()
            equal([r["recipient"] for r in prompt["recipients"]], [recipient], "asked about")
            equal(prompt["text"], f"hand {recipient}", "the message")
            equal(place.states("hand")[recipient], "prompted", "state while asked")
            equal(place.answer(prompt, word)["open"], False, "open after the answer")
        place.wait_state("hand", "done")
        rows = place.deliveries("hand")
        equal([(d["state"], d["reason"]) for d in rows],
              [("sent", None), ("failed", "not_sent"), ("skipped", "by_person")], "what became")
        gaps = [ms(b["claimed_at"]) - ms(a["settled_at"]) for a, b in zip(rows, rows[1:])]
        true(all(gap >= 20 for gap in gaps), f"the gap counts from the answer: {gaps}")
        place.check_sums("hand")
        place.cli("audit", "verify")
        place.stop()


def test_each_sender_is_asked_for_a_post_of_their_own():
    with hands(("lin.yue", "he.qi")) as place:
        file = place.write("post.yaml", "campaign: post\nchannel: by-hand\n"
                           "audience: {senders: all, expect: 2}\n"
                           "message: {text: \"{{sender}} 发一条朋友圈\"}\n"
                           "pace: {interval: 0s..0s}\n")
        true("2 recipients, 2 sends, 2 senders, at most 1 by one person"
             in place.cli("check", file).out, "check")
        planned = lines(place.cli("plan", file, "--json").out)
        equal(planned[-1]["summary"]["taps"], {"lin.yue": 1, "he.qi": 1}, "plan")
        true("│ he.qi 发一条朋友圈" in place.cli("preview", file, "--recipient", "he.qi").out, "preview")
        place.start()
        place.launch(file)
        place.wait_count("post", "prompted", 2)
        equal(sorted((p["sender"], p["recipients"][0]["recipient"], p["text"])
                     for p in place.prompts()),
              [(s, s, f"{s} 发一条朋友圈") for s in ("he.qi", "lin.yue")], "who is asked for what")


def test_the_nonce_binds_and_a_repeated_answer_is_harmless():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "bound", ["g1", "g2"]))
        prompt = place.wait_prompt()
        place.say(prompt, "answer", status=409, answer="skip")  # nobody has seen it
        place.show_it(prompt)
        place.say({**prompt, "nonce": "0" * 32}, "answer", status=409, answer="sent")
        equal(place.states("bound")["g1"], "prompted", "after a wrong nonce")
        place.say(prompt, "answer", answer="sent")
        place.say(prompt, "answer", answer="sent")  # the acknowledgement was lost
        place.say(prompt, "answer", status=404, answer="not-sent")
        equal(place.states("bound")["g1"], "sent", "state")
        place.say({"prompt": 99, "nonce": "x"}, "answer", status=404, answer="sent")
        place.stop()


def test_an_answer_faster_than_a_hand_is_asked_again():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "fast", ["g1", "g2"]))
        first = place.wait_prompt()
        place.say(first, "shown")
        refused = place.say(first, "answer", status=409, answer="sent")
        true("faster than a hand" in refused["message"], refused)
        again = place.wait_prompt()
        equal((again["prompt"], again["doubt"], again["shown_at"]),
              (first["prompt"], "too_fast", None), "asked again")
        true(again["nonce"] != first["nonce"], "a nonce of its own")
        equal(len(place.prompts()), 1, "the lane waits")
        place.say(first, "answer", status=409, answer="sent")  # the old question is void
        place.answer(again, "sent")
        equal(place.states("fast")["g1"], "sent", "state")
        equal([r["event"] for r in place.audit() if r["event"] == "too_fast"], ["too_fast"],
              "the audit log")
        place.stop()


def test_a_batch_is_one_question_with_an_answer_each():
    with hands(("lin.yue", "he.qi")) as place:
        place.start()
        place.write("groups.csv", "recipient,sender,shop\n" + "".join(
            f"g{n},lin.yue,{'north' if n % 2 else 'south'}\n" for n in range(1, 7)))
        place.write("batch.yaml", "campaign: batch\nchannel: by-hand\n"
                    "audience: {file: groups.csv}\nmessage: {text: \"the {{shop}} shop opens\"}\n"
                    "pace: {interval: 20ms..40ms, batch: 2}\n"
                    "confirm: {within: 1h, taps_per_day: 4}\n")
        check = place.cli("check", "batch.yaml").out
        true("6 recipients, 4 sends" in check and "at most 4 by one person" in check, check)
        place.launch("batch.yaml")
        first = place.wait_prompt()
        equal([r["recipient"] for r in first["recipients"]], ["g1", "g3"], "equal messages only")
        equal(first["text"], "the north shop opens", "text")
        place.show_it(first)
        said = place.say(first, "answer", answers=[{"delivery": 1, "answer": "sent"}])
        equal(said["open"], True, "one is left")
        place.say(first, "answer", answers=[{"delivery": 3, "answer": "not-sent"}])
        second = place.wait_prompt(lambda p: p["prompt"] != first["prompt"])
        equal([r["recipient"] for r in second["recipients"]], ["g2", "g4"], "the next batch")
        place.answer(second, "sent")
        for _ in range(2):
            place.answer(place.wait_prompt(lambda p: p["prompt"] not in (1, 2)), "sent")
        place.wait_state("batch", "done")
        equal(place.states("batch"), {"g1": "sent", "g3": "failed", "g2": "sent", "g4": "sent",
                                      "g5": "sent", "g6": "sent"}, "states")
        place.stop()


def test_too_many_taps_are_refused():
    with hands() as place:
        file = campaign(place, "taps", ["g1", "g2", "g3", "g4"], confirm="{within: 1h}")
        refused = place.cli("check", file, expect=1).err
        true("lin.yue would be asked 4 times" in refused, refused)
        place.cli("check", campaign(place, "taps", ["g1", "g2", "g3", "g4"], confirm="{within: 1h}",
                                    limits="{max: 3, per: day, scope: sender}"))


def test_kill_9_asks_nothing_twice_and_loses_no_answer():
    with hands(("lin.yue", "he.qi")) as place:
        place.start()
        place.launch(campaign(place, "crash", ["g1", "g2", "g3", "g4"]))
        one = place.wait_prompt(lambda p: p["sender"] == "lin.yue")
        place.wait_prompt(lambda p: p["sender"] == "he.qi")
        place.show_it(one)
        place.service.kill()
        place.start()
        after = {p["sender"]: p for p in place.prompts()}
        equal((after["lin.yue"]["prompt"], after["lin.yue"]["nonce"]),
              (one["prompt"], one["nonce"]), "the same question, the same nonce")
        true(after["lin.yue"]["shown_at"], "it says that it was shown before")
        equal(after["he.qi"]["shown_at"], None, "the other one was not")
        place.say(one, "answer", answer="sent")  # clicked while the service was down
        place.service.kill()  # right after the acknowledgement
        place.start()
        equal(place.states("crash")[one["recipients"][0]["recipient"]], "sent", "acknowledged")
        for _ in range(3):
            place.answer(place.wait_prompt(), "sent")
        place.wait_state("crash", "done")
        equal(set(place.states("crash").values()), {"sent"}, "states")
        equal([d["attempts"] for d in place.deliveries("crash")], [1, 1, 1, 1], "asked once each")
        place.check_sums("crash")
        place.cli("audit", "verify")
        place.stop()


def test_late_expires_what_nobody_answered():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "late", ["g1", "g2"], confirm="{within: 1s, remind: 300ms, "
                              "late: cancel, taps_per_day: 9}"))
        prompt = place.wait_prompt(lambda p: p["reminders_used"] == 1)
        equal(prompt["reminders"], 1, "reminders")
        place.wait_state("late", "done")
        equal([(d["state"], d["reason"]) for d in place.deliveries("late")],
              [("expired", "late"), ("expired", "late")], "what became")
        place.say(prompt, "answer", status=404, answer="sent")
        place.stop()


def test_a_pause_hides_and_a_cancel_ends_questions():
    with hands(("seen", "unseen")) as place:
        place.start()
        place.launch(campaign(place, "stop", ["g1", "g2", "g3", "g4"]))
        seen = place.wait_prompt(lambda p: p["sender"] == "seen")
        place.wait_prompt(lambda p: p["sender"] == "unseen")
        place.show_it(seen)
        place.cli("pause", "stop")
        equal(place.prompts(), [], "on screens while paused")
        equal(sorted(d["state"] for d in place.deliveries("stop")),
              ["pending", "pending", "pending", "prompted"], "the unseen one waits again")
        place.cli("resume", "stop")
        again = place.wait_prompt(lambda p: p["sender"] == "seen")
        equal((again["nonce"], bool(again["shown_at"])), (seen["nonce"], True), "shown before")
        place.wait_prompt(lambda p: p["sender"] == "unseen")
        place.cli("halt")
        equal(place.prompts(), [], "on screens while halted")
        tasks = lines(place.cli("tasks", "--json").out)
        equal({t["why_hidden"] for t in tasks}, {"halted"}, "why")
        place.cli("unhalt", "--reason", "go on")
        place.wait_prompt(lambda p: p["sender"] == "unseen")
        place.cli("cancel", "stop")
        wait_until(lambda: not place.show("stop")["counts"].get("prompted"), "closed")
        states = place.states("stop")
        equal(states[seen["recipients"][0]["recipient"]], "unknown", "somebody saw it")
        equal(sorted(states.values()), ["canceled", "canceled", "canceled", "unknown"], "states")
        place.check_sums("stop")
        place.stop()


def test_keep_tasks_leaves_questions_open():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "keep", ["g1", "g2"]))
        prompt = place.wait_prompt()
        place.cli("cancel", "keep", "--keep-tasks")
        equal([p["prompt"] for p in place.prompts()], [prompt["prompt"]], "still asked")
        place.service.kill()
        place.start()
        place.answer(place.wait_prompt(), "sent")
        equal(sorted(place.states("keep").values()), ["canceled", "sent"], "states")
        place.stop()


def test_a_pause_that_keeps_tasks_does_so_after_a_restart():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "keep", ["g1", "g2"]))
        prompt = place.wait_prompt()
        place.cli("pause", "keep", "--keep-tasks")
        place.service.kill()
        place.start()
        again = place.wait_prompt()
        equal(again["prompt"], prompt["prompt"], "still asked")
        place.answer(again, "sent")
        equal(sorted(place.states("keep").values()), ["pending", "sent"], "states")
        place.cli("pause", "keep", expect=1)  # it is paused
        place.stop()


def test_tasks_and_reminders():
    with hands() as place:
        place.start()
        place.launch(campaign(place, "tasks", ["g1"]))
        prompt = place.wait_prompt()
        task = lines(place.cli("tasks", "--json").out)[0]
        equal((task["task"], task["sender"], task["open"], task["reachable"]),
              (prompt["prompt"], "lin.yue", 1, "terminal"), "the task")
        equal(place.cli("tasks", "--sender", "nobody", "--json").out, "", "another's tasks")
        true("lin.yue" in place.cli("tasks").out, "the table")
        place.cli("remind", str(task["task"]))
        equal(place.wait_prompt()["reminders_used"], 1, "reminders used")
        place.cli("remind", "99", expect=1)
        place.stop()


def test_attachments_are_handed_over():
    png = b"\x89PNG\r\n\x1a\n" + b"x" * 100
    with hands() as place:
        place.start()
        place.write("a.png", png)
        place.write("files.yaml", "campaign: files\nchannel: by-hand\n"
                    "audience: {recipients: [g1]}\nmessage:\n  text: look\n"
                    "  attachments:\n    - image: a.png\npace: {interval: 0s..0s}\n")
        place.launch("files.yaml")
        prompt = place.wait_prompt()
        equal(prompt["attachments"], [{"index": 0, "kind": "image", "name": "a.png",
                                       "bytes": len(png)}], "attachments")
        path = f"prompts/{prompt['prompt']}/attachments/"
        equal(place.api("GET", path + "0?nonce=" + prompt["nonce"]), (200, png), "the bytes")
        equal(place.api("GET", path + "1?nonce=" + prompt["nonce"])[0], 404, "no such one")
        equal(place.api("GET", path + "0?nonce=x")[0], 404, "without the nonce")
        place.stop()


def test_only_the_person_of_the_sender_answers():
    need_root()
    users = [("alice", ["submitter"], ALICE), ("bo", ["approver", "operator"], BO, "he.qi"),
             ("root", ["operator"], "root", "lin.yue")]
    with hands(("lin.yue", "he.qi"), users=users, allow_self=False) as place:
        place.start()
        place.submit(campaign(place, "mine", ["g1", "g2"]), user=ALICE)
        place.cli("approve", "mine", user=BO)
        mine = place.wait_prompt()
        equal(place.senders_of_mine, ["lin.yue"], "my senders")
        equal([p["sender"] for p in place.prompts()], ["lin.yue"], "what I am asked")
        wait_until(lambda: len(lines(place.cli("tasks", "--json").out)) == 2, "both are asked")
        theirs = [t["task"] for t in lines(place.cli("tasks", "--json").out)
                  if t["sender"] == "he.qi"]
        place.say({"prompt": theirs[0], "nonce": mine["nonce"]}, "answer", status=403,
                  answer="sent")
        place.answer(mine, "sent")
        equal(sorted(place.states("mine").values()), ["prompted", "sent"], "states")
        place.stop()


def test_a_channel_can_keep_its_messages_off_a_locked_screen():
    with hands() as place:
        for wanted in (False, True):
            if wanted:
                text = open(place.path("paceline.yaml"), encoding="utf-8").read()
                place.write("paceline.yaml", text.replace(
                    "{plugin: prompt,", "{plugin: prompt, private_when_locked: true,"))
            place.start()
            head = lines(place.api("GET", "prompts")[1].decode())[0]
            equal(head["private_when_locked"], wanted, "what the agent is told")
            place.stop()


def test_a_long_poll_is_answered_when_something_changes():
    with hands() as place:
        place.start()
        head = lines(place.api("GET", "prompts")[1].decode())[0]
        place.submit(campaign(place, "poll", ["g1"]))
        place.cli("approve", "poll")
        status, text = place.api("GET", f"prompts?agent=desktop&since={head['version']}&wait=25")
        equal(status, 200, "long poll")
        true(lines(text.decode())[0]["version"] != head["version"], "something changed")
        equal(place.api("GET", "prompts?wait=26")[0], 400, "too long a wait")
        place.stop()  # with nobody waiting
        place.start()
        place.stop()


if __name__ == "__main__":
    main(globals())
