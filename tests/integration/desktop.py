"""`paceline prompt --desktop` with the three notification servers of Debian, each under Xvfb in a
session bus of its own, clicked by xdotool. Screenshots are left in BUILD/desktop/."""
import contextlib
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

from support import (BUILD, Place, Program, SOURCE, Skip, equal, lines, main, ms, now_ms, true,
                     wait_until)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from prompt_service import PromptService  # noqa: E402

NOTIFICATIONS = "org.freedesktop.Notifications"
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={0}/bus</listen><servicedir>{0}/services</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""
# a click opens dunst's menu of actions, and this is who picks from it
DUNSTRC = """[global]
width = (300, 520)
height = 600
font = WenQuanYi Micro Hei 12
markup = full
mouse_left_click = context
dmenu = {0}/pick
[urgency_normal]
timeout = 0
"""
PICK = """#!/bin/sh
grep -F "$(cat {0}/choice)" | head -n 1
"""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def helper(*patterns):
    """A server's program, which is in no PATH."""
    for pattern in patterns:
        for path in glob.glob(pattern):
            return path
    raise Skip(f"{patterns[0]} is not installed")


class Desktop(Place):
    """Display, session bus, a service that knows prompts only (with `hands`: the real one), and the
    agent."""

    def __enter__(self):
        need("Xvfb", "dbus-daemon", "xdotool", "import")
        super().__enter__()
        try:
            for folder in ("run", "services", "home"):
                os.mkdir(self.path(folder), 0o700)
            self.env.update(HOME=self.path("home"), XDG_STATE_HOME=self.path("home/state"),
                            XDG_CONFIG_HOME=self.path("home/config"), LC_ALL="C.UTF-8",
                            XDG_RUNTIME_DIR=self.path("run"), NO_AT_BRIDGE="1",
                            XDG_CURRENT_DESKTOP="XFCE", GDK_BACKEND="x11")
            self.env.pop("WAYLAND_DISPLAY", None)
            self._display()
            self._bus()
            if not self.hands:
                self.prompts = PromptService(self.path("paceline.sock"))
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *what):
        if hasattr(self, "prompts"):
            self.prompts.stop()
        super().__exit__(*what)

    def run(self, name, *args):
        program = Program(self, name, list(args))
        self.programs.append(program)
        return program

    def _display(self):
        read, write = os.pipe()
        self.xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0",
                                      "1024x768x24", "-nolisten", "tcp"], pass_fds=[write],
                                     stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as number:
            self.env["DISPLAY"] = ":" + number.readline().strip()

        class Child:
            running = staticmethod(lambda: self.xvfb.poll() is None)
            kill = staticmethod(lambda: (self.xvfb.kill(), self.xvfb.wait()))
        self.programs.insert(0, Child)

    def _bus(self):
        xfconf = "/usr/share/dbus-1/services/org.xfce.Xfconf.service"
        if os.path.exists(xfconf):
            shutil.copy(xfconf, self.path("services"))
        self.write("bus.conf", BUS.format(self.dir))
        self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={self.path('bus')}"
        self.run("bus", "dbus-daemon", "--nofork", f"--config-file={self.path('bus.conf')}")
        wait_until(lambda: os.path.exists(self.path("bus")), "the session bus")

    def owner(self):
        return self.send("--print-reply=literal", "--dest=org.freedesktop.DBus", "/",
                         "org.freedesktop.DBus.GetNameOwner", f"string:{NOTIFICATIONS}").strip()

    def server(self, *args):
        program = self.run("server", *args)
        wait_until(self.owner, "the notification server", 20)
        return program

    def watch(self):
        """Writes down every Notify call on the bus; see shown()."""
        self.run("monitor", "dbus-monitor", "--profile",
                 f"type='method_call',interface='{NOTIFICATIONS}',member='Notify'")
        wait_until(lambda: os.path.getsize(self.path("monitor.out")), "dbus-monitor")

    def shown(self):
        """How often a notification was shown, replaced ones too."""
        with open(self.path("monitor.out"), encoding="utf-8") as file:
            return len(re.findall(r"^mc\t.*\tNotify$", file.read(), re.M))

    def send(self, *args):
        """dbus-send ARGS; what was answered."""
        done = subprocess.run(["dbus-send", *args], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        return done.stdout.decode()

    def bus_names(self, program):
        """The unique names of a program on the bus."""
        driver = ("--print-reply", "--dest=org.freedesktop.DBus", "/")
        names = re.findall(r'"(:[\d.]+)"', self.send(*driver, "org.freedesktop.DBus.ListNames"))
        asked = "org.freedesktop.DBus.GetConnectionUnixProcessID"
        return [n for n in names if re.search(rf"uint32 {program.child.pid}\b",
                                              self.send(*driver, asked, f"string:{n}"))]

    def agent_caught_up(self):
        """The agent has read all that was on the bus before: it answers in order."""
        name = self.bus_names(self.agent_program)[0]
        true("method return" in self.send("--print-reply", f"--dest={name}", "/",
                                          "org.freedesktop.DBus.Peer.Ping"), "the agent answers")

    def agent(self, language="zh_CN.UTF-8"):
        self.env["LC_ALL"] = language
        self.write("paceline.yaml", open(self.path("paceline.yaml")).read().replace(
            "language: en\n", ""))
        self.agent_program = self.run("agent", self.program("paceline"), "prompt", "--desktop")
        return self.agent_program

    def tool(self, *args):
        done = subprocess.run(["xdotool", *args], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        return done.stdout.decode()

    def windows(self):
        """(x, y, width, height) of what is on the screen, the smallest things left out."""
        found = []
        for window in self.tool("search", "--onlyvisible", "--name", ".*").split():
            shape = dict(re.findall(r"(X|Y|WIDTH|HEIGHT)=(-?\d+)",
                                    self.tool("getwindowgeometry", "--shell", window)))
            if len(shape) == 4:
                x, y, w, h = (int(shape[k]) for k in ("X", "Y", "WIDTH", "HEIGHT"))
                if 100 < w < 1000 and 30 < h < 700 and x >= 0:
                    found.append((x, y, w, h))
        return sorted(set(found))

    def click(self, x, y):
        self.tool("mousemove", str(x), str(y), "click", "1")

    def shot(self, name):
        os.makedirs(os.path.join(BUILD, "desktop"), exist_ok=True)
        subprocess.run(["import", "-window", "root", os.path.join(BUILD, "desktop", name + ".png")],
                       env=self.env, check=True)




class Dunst:
    name = "dunst"

    def start(self, desk):
        need("dunst", "dunstctl")
        desk.write("dunstrc", DUNSTRC.format(desk.dir))
        desk.write("pick", PICK.format(desk.dir), 0o755)
        return desk.server("dunst", "-conf", desk.path("dunstrc"))

    def click(self, desk, label):
        desk.write("choice", label)
        x, y, width, height = wait_until(desk.windows, "a window", 30)[0]
        desk.click(x + width // 2, y + height // 2)


class Xfce:
    name = "xfce4-notifyd"
    labels = ["已发送", "没发出", "10 分钟后", "跳过", "复制"]

    def start(self, desk):
        return desk.server(helper("/usr/lib/*/xfce4/notifyd/xfce4-notifyd"))

    def click(self, desk, label):
        x, y, width, height = wait_until(desk.windows, "a window", 30)[0]
        step = (width - 28) / len(self.labels)  # buttons of one width fill the last row
        desk.click(round(x + 14 + step * (self.labels.index(label) + 0.5)), y + height - 30)


class NotificationDaemon:
    name = "notification-daemon"

    def start(self, desk):
        return desk.server(helper("/usr/lib/notification-daemon/notification-daemon",
                                  "/usr/libexec/notification-daemon"))

    def click(self, desk, label):
        equal(label, "已发送", "the first button, below the text")
        x, y, _, height = wait_until(desk.windows, "a window", 30)[0]
        desk.click(x + 103, y + height - 38)


def orange_png(size=64):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\xff\xa5\0" * size) * size
    return b"\x89PNG\r\n\x1a\n" + \
        chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def press(server, desk, label, condition, what):
    """Clicks, again when nothing came of it: a window that is being drawn anew loses a click."""
    for _ in range(5):
        server.click(desk, label)
        with contextlib.suppress(AssertionError):
            return wait_until(condition, what, 5)
    raise AssertionError(f"clicked '{label}' in vain: {what}")


def shown_again(desk, before, what):
    wait_until(lambda: desk.shown() > before and desk.windows(), what, 30)
    desk.agent_caught_up()
    equal(desk.shown(), before + 1, what)


def forge(desk):
    """ActionInvoked of everything that could be meant, from a stranger, to all and to the agent."""
    agent = desk.bus_names(desk.agent_program)[0]
    for to in ([], [f"--dest={agent}"]):
        for number in range(1, 6):
            for key in ("sent", "sent.1", "sent.2", "not-sent.1", "default"):
                desk.send("--type=signal", *to, "/org/freedesktop/Notifications",
                          f"{NOTIFICATIONS}.ActionInvoked", f"uint32:{number}", f"string:{key}")


def with_server(server):
    with Desktop() as desk:
        running = server.start(desk)
        desk.watch()
        agent = desk.agent()
        desk.prompts.add(17, ["老客一群"], "您好，<春季>新品 & 满 300 减 50 已上架\n第二行",
                         late_at="2027-03-01T13:31:00.000+08:00")
        wait_until(lambda: desk.prompts.posts("shown"), "the prompt is shown", 30)
        wait_until(desk.windows, "a window", 30)
        equal(set(desk.prompts.agents), {"desktop"}, "which agent it says it is")
        desk.shot(server.name)

        forge(desk)
        desk.agent_caught_up()
        equal((desk.prompts.posts("answer"), desk.prompts.posts("snooze")), ([], []),
              "what a forged ActionInvoked did")

        before = desk.shown()
        running.kill()
        wait_until(lambda: not desk.owner(), "the server is gone")
        wait_until(lambda: not desk.windows(), "its window too")
        server.start(desk)
        shown_again(desk, before, "shown again, once, by the next server")
        equal(len(desk.prompts.posts("shown")), 1, "told to the service")

        before = desk.shown()
        desk.prompts.change(17, reminders_used=1)
        shown_again(desk, before, "shown again, once, as a reminder")
        desk.shot(server.name + "-reminder")

        press(server, desk, "已发送", lambda: desk.prompts.states() == {"老客一群": "sent"},
              "a click is an answer")
        wait_until(lambda: not desk.windows(), "the notification goes")
        equal(len(desk.prompts.posts("answer")), 1, "answers")

        desk.prompts.add(18, ["老客二群"])
        wait_until(desk.windows, "the next one")
        desk.prompts.withdraw(18)
        wait_until(lambda: not desk.windows(), "the withdrawn one goes")
        equal(agent.stop(), 0, "exit")
        equal(os.listdir(desk.path("home/state/paceline/answers")), [], "kept answers")


def with_service(server):
    """The same click, and the real service behind it."""
    with Desktop(hands=["lin.yue"]) as desk:
        server.start(desk)
        desk.start()
        desk.launch(desk.campaign("real", "by-hand", ["老客一群", "老客二群"], "20ms..40ms",
                                  text="您好，新品已上架", confirm="{taps_per_day: 9}"))
        agent = desk.agent()
        for number in (1, 2):
            task = wait_until(lambda: lines(desk.cli("tasks", "--json").out), "a task")[0]
            equal(task["task"], number, "one at a time")
            shown = wait_until(lambda: lines(desk.cli("tasks", "--json").out)[0]["shown_at"],
                               "it is shown", 30)
            equal(lines(desk.cli("tasks", "--json").out)[0]["reachable"], "desktop", "reachable")
            wait_until(lambda: now_ms() > ms(shown) + 2300, "a hand would be done")
            press(server, desk, "已发送",
                  lambda: desk.deliveries("real")[number - 1]["state"] == "sent", "clicked, sent")
        desk.wait_state("real", "done")
        wait_until(lambda: not desk.windows(), "nothing is left on the screen")
        equal([d["attempts"] for d in desk.deliveries("real")], [1, 1], "asked once each")
        equal(agent.stop(), 0, "exit")
        desk.stop()


def test_the_real_service_dunst():
    with_service(Dunst())


def test_the_real_service_xfce4_notifyd():
    with_service(Xfce())


def test_the_real_service_notification_daemon():
    with_service(NotificationDaemon())


def test_dunst():
    with_server(Dunst())


def test_xfce4_notifyd():
    with_server(Xfce())


def test_notification_daemon():
    with_server(NotificationDaemon())


def test_closing_is_no_answer_and_copying_none_either():
    need("xclip")
    with Desktop() as desk:
        server = Dunst()
        server.start(desk)
        desk.watch()
        agent = desk.agent()
        text = "您好，\n家人\u200d们"
        desk.prompts.add(17, [f"群{i}" for i in range(1, 7)], text)
        wait_until(lambda: desk.prompts.posts("shown"), "the prompt is shown", 30)
        before = desk.shown()
        press(server, desk, "复制", lambda: desk.shown() > before, "shown after copying")
        shown_again(desk, before, "shown again after copying")
        copied = subprocess.run(["xclip", "-selection", "clipboard", "-o"], env=desk.env,
                                stdout=subprocess.PIPE, timeout=20).stdout.decode()
        equal(copied, text, "the clipboard has the message as it is to be sent")

        before = desk.shown()
        press(server, desk, "展开名单", lambda: desk.shown() > before, "the list of a batch")
        shown_again(desk, before, "the list of a batch")
        desk.shot("dunst-list")

        subprocess.run(["dunstctl", "close"], env=desk.env, check=True)
        wait_until(lambda: not desk.windows(), "the notification is closed")
        desk.agent_caught_up()
        equal(desk.prompts.posts("answer"), [], "answers after closing")
        before = desk.shown()
        desk.prompts.change(17, reminders_used=1)
        shown_again(desk, before, "shown again at the reminder")

        # the service is away: the click is kept, by the disk too
        desk.prompts.stop()
        kept = desk.path("home/state/paceline/answers")
        press(server, desk, "已发送", lambda: [n for n in os.listdir(kept)
                                            if not n.endswith(".part")], "the answer is kept")
        agent.kill()
        desk.prompts.start()
        agent = desk.agent()
        wait_until(lambda: set(desk.prompts.states().values()) == {"sent"}, "handed on", 30)
        equal(len(desk.prompts.posts("answer")), 1, "answers")
        equal(agent.stop(), 0, "exit")


def test_privacy_pictures_and_a_killed_agent():
    with Desktop() as desk:
        server = Dunst()
        server.start(desk)
        desk.watch()
        picture = orange_png()
        desk.prompts.files[(17, 0)] = picture
        desk.prompts.private = True  # and nobody there to say whether the screen is locked
        desk.prompts.add(17, ["老客一群"], "机密", attachments=[
            {"index": 0, "kind": "image", "name": "春.png", "bytes": len(picture)}])
        agent = desk.agent()
        wait_until(lambda: desk.shown() == 1 and desk.windows(), "a notification", 30)
        desk.agent_caught_up()
        desk.shot("dunst-locked")
        equal(desk.prompts.posts("shown"), [], "content that was shown")
        desk.prompts.private = False
        desk.prompts.change(17)
        wait_until(lambda: desk.prompts.posts("shown"), "the content is shown", 30)
        desk.shot("dunst-picture")
        agent.kill()
        desk.agent()
        wait_until(lambda: desk.shown() == 4, "the dead one is taken away, shown again", 30)
        desk.agent_caught_up()
        desk.shot("dunst-before")
        before = desk.shown()
        press(server, desk, "还没有：现在发", lambda: desk.shown() > before, "the plain question")
        shown_again(desk, before, "the plain question")
        press(server, desk, "没发出", lambda: desk.prompts.states() == {"老客一群": "failed"},
              "the answer")


main(globals())
