"""`paceline prompt` on a terminal, against a service that knows prompts only. The screen is read as a
person would: a small emulator keeps what stands on it."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading

from support import Place, SOURCE, equal, lines, main, true, wait_until

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from prompt_service import PromptService  # noqa: E402


class Screen:
    """paceline on a pty. `text()` is what a terminal would show: frames begin with ESC[H."""

    def __init__(self, place, rows=40, columns=100, language="en"):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.size(rows, columns)
        env = dict(place.env, TERM="xterm", LC_ALL="C.UTF-8" if language == "en" else "zh_CN.UTF-8")
        env.pop("DISPLAY", None)
        env.pop("WAYLAND_DISPLAY", None)
        self.child = subprocess.Popen([place.program("paceline"), "prompt"], cwd=place.dir,
                                      stdin=slave, stdout=slave, stderr=slave, env=env,
                                      start_new_session=True,
                                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        place.programs.append(self)
        self.raw = b""
        self.lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            with self.lock:
                self.raw += piece

    def size(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def text(self):
        with self.lock:
            frame = self.raw.decode("utf-8", "replace").split("\x1b[H")[-1]
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).replace("\r", "")

    def see(self, words):
        def seen():
            text = self.text()
            true(words in text or self.running(), f"it ended before {words!r}: {text}")
            return text if words in text else None
        try:
            return wait_until(seen, f"{words!r} on the screen", 20)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text()}") from None

    def type(self, keys):
        os.write(self.master, keys.encode())

    def running(self):
        return self.child.poll() is None

    def kill(self):
        self.child.kill()
        self.child.wait()

    def ended(self):
        code = self.child.wait(20)
        equal(termios.tcgetattr(self.slave)[:4], self.before[:4], "the terminal as it was")
        return code


class Desk(Place):
    """A place whose service is PromptService."""

    def __enter__(self):
        super().__enter__()
        self.env.update(XDG_STATE_HOME=self.path("state"), XDG_RUNTIME_DIR=self.path("run"))
        os.mkdir(self.path("run"), 0o700)
        self.prompts = PromptService(self.path("paceline.sock"))
        return self

    def __exit__(self, *what):
        self.prompts.stop()
        super().__exit__(*what)


def answers(desk, count):
    """What has arrived: the screen goes on before it has."""
    wait_until(lambda: len(desk.prompts.posts("answer")) >= count, f"{count} answers")
    return desk.prompts.posts("answer")


def test_a_prompt_is_shown_once_and_answered_by_a_key():
    with Desk() as desk:
        desk.prompts.add(17, ["老客一群"], "您好，\n春季新品上架了", late_at="2027-03-01T13:31:00.000+08:00")
        screen = Screen(desk)
        text = screen.see("老客一群")
        true("\n您好，\n春季新品上架了\n" in text, f"the message as it is to be copied: {text}")
        true("asked 09:31, until 13:31 (then canceled)" in text, f"times: {text}")
        wait_until(lambda: desk.prompts.posts("shown"), "shown is told")
        screen.type("s")
        screen.see("Nothing waits")
        equal(answers(desk, 1), [(17, {
            "answers": [{"delivery": 17, "answer": "sent"}], "nonce": f"{17:032x}"})], "the answer")
        equal(len(desk.prompts.posts("shown")), 1, "shown, once")
        screen.type("q")
        equal(screen.ended(), 0, "exit")
        equal(os.listdir(desk.path("state/paceline/answers")), [], "kept answers")
        equal(set(desk.prompts.agents), {"terminal"}, "which agent it says it is")


def test_every_answer_has_its_key():
    with Desk() as desk:
        screen = Screen(desk)
        screen.see("Nothing waits")
        for number, key, word in ((1, "n", "not-sent"), (2, "k", "skip")):
            desk.prompts.add(number, [f"room {number}"])
            screen.see(f"room {number}")
            screen.type(key)
            screen.see("Nothing waits")
            equal(answers(desk, number)[-1][1]["answers"][0]["answer"], word, f"key {key}")
        desk.prompts.add(3, ["room 3"])
        screen.see("room 3")
        screen.type("z")
        screen.see("snoozed until 09:41")
        equal(desk.prompts.posts("snooze"), [(3, {"nonce": f"{3:032x}", "for": "10m"})], "snooze")
        screen.type("s")  # nothing is in front
        screen.type("q")
        equal(screen.ended(), 0, "exit")
        equal(len(answers(desk, 2)), 2, "answers")


def test_a_batch_has_a_tick_each():
    with Desk() as desk:
        desk.prompts.add(10, [f"群{i}" for i in range(1, 13)])
        screen = Screen(desk)
        screen.see("[ ] 12 群12")
        screen.type("3")
        screen.see("[x] 3 群3")
        screen.type("1")
        screen.see(" 1_")
        screen.type("2")
        screen.see("[x] 12 群12")
        screen.type("3")
        screen.see("[ ] 3 群3")
        screen.type("1\r")  # Enter ends a number first
        screen.see("[x] 1 群1")
        screen.type("\r")
        screen.see(" -  12 群12")
        equal([a["delivery"] for a in answers(desk, 1)[0][1]["answers"]], [10, 21], "those ticked")
        screen.type("s")
        screen.see("Nothing waits")
        wait_until(lambda: set(desk.prompts.states().values()) == {"sent"}, "all are sent")
        screen.type("q")
        equal(screen.ended(), 0, "exit")


def test_shown_before_is_asked_about():
    with Desk() as desk:
        desk.prompts.add(17, ["a"], shown_at="2027-03-01T09:20:00.000+08:00")
        screen = Screen(desk)
        screen.see("shown before at 09:20: already sent?")
        screen.type("s")  # no answer to this question
        screen.type("t")
        screen.see("s sent   n not sent")
        equal(desk.prompts.posts("answer"), [], "answers")
        screen.type("s")
        screen.see("Nothing waits")
        desk.prompts.add(18, ["b"], shown_at="2027-02-28T09:20:00.000+08:00")
        screen.see("shown before at 02-28 09:20: already sent?")
        screen.type("y")
        screen.see("Nothing waits")
        equal(desk.prompts.states(), {"a": "sent", "b": "sent"}, "states")
        screen.type("q")
        screen.ended()


def test_an_answer_too_fast_is_asked_about():
    with Desk() as desk:
        desk.prompts.add(17, ["a"])
        desk.prompts.refuse = [(200, 0, ""), (409, 1, "that was fast")]
        screen = Screen(desk)
        screen.see("s sent")
        wait_until(lambda: desk.prompts.posts("shown"), "shown is told")
        screen.type("s")
        screen.see("that was fast")
        desk.prompts.change(17, nonce="ab" * 16, doubt="too_fast")
        screen.see("did you really send it?")
        screen.type("y")
        screen.see("Nothing waits")
        equal(answers(desk, 2)[-1][1]["nonce"], "ab" * 16, "the new nonce")
        screen.type("q")
        screen.ended()


def test_a_withdrawn_prompt_goes_and_its_answer_is_refused():
    with Desk() as desk:
        desk.prompts.add(17, ["a"])
        screen = Screen(desk)
        screen.see("s sent")
        wait_until(lambda: desk.prompts.posts("shown"), "shown is told")
        with desk.prompts.changed:
            desk.prompts.prompts[17]["nonce"] = "cd" * 16  # without telling
        screen.type("s")
        screen.see("the prompt was withdrawn")
        screen.see("s sent")  # asked anew
        desk.prompts.withdraw(17)
        screen.see("Nothing waits")
        screen.type("\x03")
        equal(screen.ended(), 0, "exit after Ctrl-C")


def test_an_answer_outlives_the_service_and_the_terminal():
    with Desk() as desk:
        desk.prompts.add(17, ["a"])
        screen = Screen(desk)
        screen.see("s sent")
        wait_until(lambda: desk.prompts.posts("shown"), "shown is told")
        desk.prompts.stop()
        screen.see("does not answer")
        screen.type("s")
        wait_until(lambda: [n for n in os.listdir(desk.path("state/paceline/answers"))
                            if not n.endswith(".part")], "the answer is kept, whole")
        screen.kill()  # and so is the terminal
        desk.prompts.start()
        screen = Screen(desk)
        screen.see("Nothing waits")
        equal(len(answers(desk, 1)), 1, "answers")
        equal(desk.prompts.states(), {"a": "sent"}, "states")
        # the store away: repeated by itself
        desk.prompts.add(18, ["b"])
        screen.see("s sent")
        wait_until(lambda: len(desk.prompts.posts("shown")) == 2, "shown is told")
        desk.prompts.refuse = [(503, 75, "the store is away")]
        screen.type("s")
        wait_until(lambda: desk.prompts.states()["b"] == "sent", "the answer is repeated")
        equal(len(desk.prompts.posts("answer")), 3, "answers")
        screen.type("q")
        screen.ended()


def test_quitting_at_once_hands_the_answer_on_first():
    with Desk() as desk:
        desk.prompts.add(17, ["a"])
        screen = Screen(desk)
        screen.see("s sent")
        screen.type("s")
        screen.type("q")
        equal(screen.ended(), 0, "exit")
        equal(desk.prompts.states(), {"a": "sent"}, "states")


def test_a_paste_is_no_answer():
    with Desk() as desk:
        desk.prompts.add(17, ["a"])
        screen = Screen(desk)
        screen.see("s sent")
        screen.type("\x1b[200~snks\x1b[201~")
        screen.type("\x1b[B")
        screen.type("q")
        equal(screen.ended(), 0, "exit")
        equal(desk.prompts.posts("answer"), [], "answers")


def test_what_deceives_is_made_visible_and_lines_fit():
    with Desk() as desk:
        desk.prompts.add(17, ["老\u202e客\x1b[2J群"], "a\u200bb\x1b[31mc", title="春" * 60)
        screen = Screen(desk, columns=40, language="zh")
        text = screen.see("a\ufffdb\ufffd[31mc")
        true("老\ufffd客\ufffd[2J群" in text, f"the name: {text}")
        for line in text.splitlines():
            width = sum(2 if ord(c) > 0x2E80 and c != "\ufffd" else 1 for c in line)
            true(width <= 40, f"{width} columns: {line!r}")
        screen.size(40, 120)
        os.killpg(screen.child.pid, signal.SIGWINCH)
        screen.see("春" * 50)
        screen.child.terminate()
        equal(screen.ended(), 0, "exit after SIGTERM")


def test_attachments_are_files_with_paths():
    with Desk() as desk:
        desk.prompts.files[(17, 0)] = b"picture"
        desk.prompts.add(17, ["a"], None, attachments=[
            {"index": 0, "kind": "image", "name": "../春.jpg", "bytes": 7},
            {"index": 1, "kind": "file", "name": "gone.pdf", "bytes": 7}])
        screen = Screen(desk, columns=200)
        text = screen.see("could not be fetched")
        path = re.search(r"^(/\S+春\.jpg)$", text, re.M).group(1)
        true(path.startswith(desk.path("run/paceline/")), path)
        equal(open(path, "rb").read(), b"picture", "the bytes")
        equal((os.stat(path).st_mode & 0o777, os.stat(os.path.dirname(path)).st_mode & 0o777),
              (0o600, 0o700), "modes")
        screen.type("s")
        screen.see("Nothing waits")
        wait_until(lambda: not os.path.exists(path), "the file goes with its prompt")
        screen.type("q")
        screen.ended()
        equal(os.listdir(desk.path("run/paceline")), [], "what is left")


def test_without_a_terminal_it_is_a_list():
    with Desk() as desk:
        equal(desk.cli("prompt").out, "Nothing waits to be sent by hand.\n", "an empty list")
        equal(desk.cli("prompt", "--json").out, "", "an empty list as JSON")
        desk.prompts.add(17, ["老客一群"])
        out = desk.cli("prompt").out
        true("17" in out and "老客一群" in out and "asked 09:31" in out, out)
        equal([p["prompt"] for p in lines(desk.cli("prompt", "--json").out)], [17], "as JSON")
        equal(desk.prompts.posts("shown"), [], "a list shows nothing to a person")
        desk.prompts.stop()
        down = desk.cli("prompt", expect=69).err
        true("paceline.sock" in down and "paceline serve" in down, down)
        screen = Screen(desk)
        equal(screen.child.wait(20), 69, "on a terminal too")


def test_without_a_session_bus_the_terminal_is_named():
    with Desk() as desk:
        desk.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + desk.path("no-bus")
        said = desk.cli("prompt", "--desktop", expect=69).err
        true("paceline prompt" in said and "session bus" in said, said)
        equal(desk.prompts.agents, [], "nobody is reachable there")


main(globals())
