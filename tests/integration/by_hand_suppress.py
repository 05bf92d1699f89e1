"""Suppressing somebody takes back the questions about them that nobody has seen; status says who is
asked, and for whom nobody looks."""
import json

from by_hand import Hands, campaign
from support import equal, lines, main, true, wait_until


def suppress(place, recipient, *options):
    said = place.cli("suppress", recipient, "--reason", "asked us to stop", "--json", *options)
    return json.loads(said.out)


def counts(said):
    return said["added"], said["skipped"], said["already_out"]


def rows(place, name):
    return {d["recipient"]: (d["state"], d["reason"]) for d in place.deliveries(name)}


def service_line(place):
    return lines(place.cli("status", "--json").out)[-1]["service"]


def test_a_question_nobody_has_seen_is_taken_back():
    with Hands(hands=["lin.yue", "he.qi"]) as place:
        place.start()
        place.launch(campaign(place, "unseen", ["g1", "g2", "g3", "g4"]))
        first = place.wait_prompt(lambda p: p["sender"] == "lin.yue")
        place.wait_prompt(lambda p: p["sender"] == "he.qi")
        gone = first["recipients"][0]["recipient"]
        equal(counts(suppress(place, gone, "--sender", "he.qi")), (True, 0, 0), "another sender's")
        equal(rows(place, "unseen")[gone], ("prompted", None), "still asked")
        equal(counts(suppress(place, gone)), (True, 1, 0), "taken back")
        equal(rows(place, "unseen")[gone], ("skipped", "suppressed"), "what became of it")
        place.say(first, "shown", status=404)  # an agent that was about to show it
        place.wait_prompt(lambda p: p["sender"] == "lin.yue" and p["prompt"] != first["prompt"])
        place.check_sums("unseen")
        place.service.kill()  # what was said is on disk
        place.start()
        equal(rows(place, "unseen")[gone], ("skipped", "suppressed"), "after a crash")
        place.cli("audit", "verify")
        place.stop()


def test_a_question_that_was_seen_counts_as_out():
    with Hands(hands=["lin.yue"]) as place:
        place.start()
        place.launch(campaign(place, "seen", ["g1", "g2"]))
        prompt = place.wait_prompt()
        place.say(prompt, "shown")
        equal(counts(suppress(place, "g1")), (True, 0, 1), "the message may be on its way")
        equal(place.prompts()[0]["prompt"], prompt["prompt"], "still open")
        place.say(prompt, "answer", status=409, answer="sent")  # too fast: asked anew, unshown
        equal(place.prompts()[0]["shown_at"], None, "asked anew")
        equal(counts(suppress(place, "g1", "--sender", "lin.yue")), (True, 0, 1), "seen all the same")
        place.answer(place.prompts()[0], "sent")
        equal(rows(place, "seen")["g1"], ("sent", None), "the truth")
        place.stop()


def test_a_batch_loses_only_that_recipient():
    with Hands(hands=["lin.yue"]) as place:
        place.start()
        place.write("batch.yaml", "campaign: batch\nchannel: by-hand\n"
                    "audience: {recipients: [g1, g2, g3]}\nmessage: {text: same}\n"
                    "pace: {interval: 20ms..40ms, batch: 3}\n")
        place.launch("batch.yaml")
        prompt = place.wait_prompt()
        equal(counts(suppress(place, "g2")), (True, 1, 0), "one of three")
        now = place.wait_prompt()
        equal((now["prompt"], now["nonce"]), (prompt["prompt"], prompt["nonce"]), "same question")
        equal({r["recipient"]: r["state"] for r in now["recipients"]},
              {"g1": "prompted", "g2": "skipped", "g3": "prompted"}, "the others")
        equal(counts(suppress(place, "g1")), (True, 1, 0), "the one that the question is named by")
        equal(place.answer(place.wait_prompt(), "sent")["open"], False, "answered for the rest")
        place.wait_state("batch", "done")
        equal(rows(place, "batch"), {"g1": ("skipped", "suppressed"),
                                     "g2": ("skipped", "suppressed"), "g3": ("sent", None)}, "end")
        place.check_sums("batch")
        place.stop()


def test_status_says_for_whom_nobody_looks():
    with Hands(hands=["lin.yue", "he.qi"]) as place:
        place.start()
        equal((service_line(place)["asked"], service_line(place)["unreachable"]), (0, []), "idle")
        true("question" not in place.cli("status").out, "nothing to say")
        place.launch(campaign(place, "asked", ["g1", "g2"]))
        wait_until(lambda: service_line(place)["asked"] == 2, "both are asked")
        equal(sorted(service_line(place)["unreachable"]), ["he.qi", "lin.yue"], "no agent")
        said = place.cli("status").out
        true("2 questions wait for people; nobody is there for " in said and
             ": start 'paceline prompt'\n" in said, said)
        with open(place.path("paceline.yaml"), encoding="utf-8") as file:
            place.write("zh.yaml", file.read().replace("language: en", "language: zh"))
        said = place.cli("status", "--config", "zh.yaml").out
        true("2 条待人工发送；以下发送人无人处理：" in said, said)
        place.cli("pause", "asked")
        equal(service_line(place)["unreachable"], [], "nothing to look at while paused")
        place.cli("resume", "asked")
        prompt = place.wait_prompt()
        equal(place.api("GET", "prompts?agent=terminal&wait=1")[0], 200, "an agent that stays")
        wait_until(lambda: service_line(place)["asked"] == 2, "asked again")
        equal(service_line(place)["unreachable"], [], "an agent is there")
        true("2 questions wait for people\n" in place.cli("status").out, "just the number")
        place.answer(prompt, "sent")
        true("1 question waits for people\n" in place.cli("status").out, "one")
        place.stop()


main(globals())
