"""By hand on a real screen: `paceline prompt` in tmux against the real service, answered by a script that
reads what is there; and what becomes of open questions when service and screen are killed."""
import os
import re
import shlex
import subprocess

from support import Place, equal, lines, main, now_ms, true, wait_until

HAND_MS = 2300  # a little more than no hand can do it in
SENDERS = ["anna", "bo", "chen", "dai", "eva", "fang"]


class Screen:
    """`paceline prompt` in a tmux server of its own."""

    count = 0

    def __init__(self, place):
        self.place = place
        Screen.count += 1
        self.socket = place.path(f"tmux-{Screen.count}.sock")
        env = " ".join(f"{k}={shlex.quote(v)}" for k, v in {
            "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": place.path("state"),
            "XDG_RUNTIME_DIR": place.path("run"), "ASAN_OPTIONS": "detect_leaks=0"}.items())
        os.makedirs(place.path("run"), mode=0o700, exist_ok=True)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40",
                  f"cd {shlex.quote(place.dir)} && env {env} {place.program('paceline')} prompt; "
                  "echo ENDED; cat")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def text(self):
        return self.tmux("capture-pane", "-p")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, pattern):
        return wait_until(lambda: re.search(pattern, self.text(), re.M),
                          f"/{pattern}/ on the screen, which shows\n{self.text()}")

    def kill(self):
        """SIGKILL for the program, then the terminal goes too."""
        for pid in self.tmux("list-panes", "-F", "#{pane_pid}").split():
            subprocess.run(["pkill", "-KILL", "-P", pid], check=False)
        self.close()

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False,
                       stderr=subprocess.DEVNULL)

    def settle_one(self, keys):
        """Waits for a question, takes the time of a hand, presses the keys; the sender's name."""
        sender = self.wait(r"^from: (\S+)$").group(1)
        seen = now_ms()
        wait_until(lambda: now_ms() > seen + HAND_MS, "a hand would be done")
        for key in keys(sender):
            self.keys(key)
            if key.isdigit():
                self.keys("Space")
                self.wait(rf"^\[x\] +{key} ")
        return sender


def launch(place, name, within, batch, per_sender):
    place.write("groups.csv", "recipient,sender\n" + "".join(
        f"{s}-{n:02},{s}\n" for n in range(1, per_sender + 1) for s in place.hands))
    place.write(f"{name}.yaml", f"campaign: {name}\ntitle: 春季上新\nchannel: by-hand\n"
                "audience: {file: groups.csv}\nmessage: {text: \"各位好，新品上架了\"}\n"
                f"pace: {{interval: 20ms..40ms, batch: {batch}}}\n"
                f"confirm: {{within: {within}, remind: [], late: cancel, taps_per_day: 50}}\n")
    place.launch(f"{name}.yaml")


def test_six_senders_ten_groups_each_answered_from_the_screen():
    answers = {"anna": ["s"], "bo": ["n"], "chen": ["1", "2", "3", "Enter"], "dai": ["k"],
               "eva": ["s"]}
    with Place(hands=SENDERS) as place:
        place.start()
        launch(place, "six", "45s", 10, 10)
        screen = Screen(place)
        try:
            screen.wait(r"^To be sent by hand: 6")
            answered = set()
            while answered != set(answers) | {"chen again"}:
                sender = re.search(r"^from: (\S+)$", screen.text(), re.M)
                if sender and sender.group(1) == "fang":  # nobody answers this one
                    screen.keys("Tab")
                    screen.wait(r"^from: (?!fang)")
                    continue
                counts = dict(place.show("six")["counts"])
                if "chen" in answered and sender and sender.group(1) == "chen":
                    answered.add(screen.settle_one(lambda s: ["k"]) + " again")
                else:
                    answered.add(screen.settle_one(lambda s: answers[s]))
                wait_until(lambda: place.show("six")["counts"] != counts, "it was taken")
            done = place.wait_state("six", "done")
            equal({k: v for k, v in done["counts"].items() if v},
                  {"sent": 23, "failed": 10, "skipped": 17, "expired": 10}, "counts")
            late = [d for d in place.deliveries("six") if d["state"] == "expired"]
            equal({(d["sender"], d["reason"]) for d in late}, {("fang", "late")}, "who was late")
            place.check_sums("six")
            place.cli("audit", "verify")
            screen.wait(r"^(Nothing|To be sent by hand: 0)|[Nn]othing")
        finally:
            screen.close()
        place.stop()


def test_killed_in_any_order_nothing_is_asked_silently_twice():
    with Place(hands=["anna"]) as place:
        place.start()
        for first in ("screen", "service", "both", None):
            # one question a round: a next one would be on the last round's screen before it is closed
            campaign = f"kill-{first}".lower()
            launch(place, campaign, "1h", 1, 1)
            screen = Screen(place)
            try:
                screen.wait(r"^from: anna$")
                wait_until(lambda: lines(place.cli("tasks", "--json").out)[0]["shown_at"],
                           "the service knows that it was shown")
                if first in ("service", "both"):
                    place.service.kill()
                if first in ("screen", "both"):
                    screen.kill()
                    screen = None
                if first in ("service", "both"):
                    place.start()
                again = screen or Screen(place)
                screen = again
                if first in ("screen", "both"):
                    again.wait(r"shown before at .*already sent\?")
                    again.settle_one(lambda s: ["y"])  # yes, it was
                else:
                    again.settle_one(lambda s: ["s"])
                    true("shown before" not in again.text(), "the same screen asks plainly")
                wait_until(lambda: place.deliveries(campaign)[0]["state"] == "sent",
                           f"answered after a kill of {first}")
            finally:
                if screen:
                    screen.close()
            place.wait_state(campaign, "done")
            equal([d["attempts"] for d in place.deliveries(campaign)], [1], "asked once")
            place.check_sums(campaign)
        place.cli("audit", "verify")
        place.stop()


main(globals())
