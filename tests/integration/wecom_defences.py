"""Each defence of the plugin wecom, and that a named test misses it when it is gone.

A copy of the plugin is built with one defence turned off, and the test below that is named after it
must fail with it, for its own reason. Without one it must pass.
"""
import contextlib
import io
import os
import shutil
import subprocess
import tempfile

import support
from support import BUILD, SOURCE, equal, main, true, wait_until
from wecom import PEOPLE, Wecom, eight, world

PLUGIN = os.path.join(SOURCE, "plugins", "wecom")


class Slow(Wecom):
    """A service that asks about a task only when it must."""

    def __enter__(self):
        place = super().__enter__()
        with open(self.path("paceline.yaml"), encoding="utf-8") as file:
            text = file.read()
        true("poll: 200ms" in text, "the service file of the tests")
        self.write("paceline.yaml", text.replace("poll: 200ms", "poll: 1h"))
        return place


# --- the named tests ------------------------------------------------------------------------------


def fail_list():
    """Whom the platform refuses when the task is made is told apart from the others."""
    with Wecom(world({"wm1": "lin.yue"})) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue"), ("wmNobody", "lin.yue")]))
        place.wait_count("spring", "prompted", 1)
        equal([(d["state"], d["reason"]) for d in place.deliveries("spring")],
              [("prompted", None), ("failed", "bad_recipient")], "rows")


def one_token_request():
    """However many calls need a token, one is asked for."""
    members = [f"m{n}" for n in range(12)]
    with Wecom(world({f"wm{n}": members[n] for n in range(12)}, members), senders=members) as place:
        place.start()
        place.launch(place.mass("spring", [(f"wm{n}", members[n]) for n in range(12)]))
        place.wait_count("spring", "prompted", 12)
        before = len(place.calls("gettoken"))
        place.tell("faults", {"faults": ["slow:100:gettoken"]}) # so that the others come meanwhile
        place.tell("lose-tokens", {})
        asked = len(place.calls("externalcontact/get_groupmsg_task"))
        place.tell("tap", {})
        place.wait_state("spring", "done")
        true(len(place.calls("externalcontact/get_groupmsg_task")) > asked, "tasks were asked about")
        equal(len(place.calls("gettoken")) - before, 1, "token requests after the loss")


def no_blind_repeat():
    """A create whose answer was lost is not made again."""
    with Slow(PEOPLE, options=("--fault", "lose-answer:#1:add_msg_template")) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        wait_until(lambda: not place.show("spring")["counts"].get("pending") and
                   not place.show("spring")["counts"].get("claimed"), "it is not simply sent again")
        equal(len(place.calls("externalcontact/add_msg_template")), 1, "creates")


def lost_and_found_again():
    """A create whose answer was lost is found on the platform, and followed like any other."""
    with Wecom(PEOPLE, options=("--fault", "lose-answer:#1:add_msg_template")) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        wait_until(lambda: place.show("spring")["counts"].get("prompted") or
                   "reconcile: not found" in place.service.said(), "it was looked for")
        equal(place.states("spring"), {"wm1": "prompted"}, "what became of it")


def withdrawn_and_asked_once_more():
    """What a member sent before the withdrawal counts, although nobody had asked about it yet."""
    with Slow(PEOPLE) as place:
        place.start()
        eight(place, "spring")
        place.tell("tap", {})
        place.cli("cancel", "spring")
        wait_until(lambda: not place.show("spring")["counts"].get("prompted"), "all is known")
        equal(place.show("spring")["counts"].get("sent"), 8, "all were sent")


# named test: file, what stands there, what it is without the defence, why the test then fails
DEFENCES = {
    fail_list: ("wire.c", "fails[i] = count && bsearch(", "fails[i] = false && count && bsearch(",
                "rows: expected"),
    one_token_request: ("account.c", "    if (a->asking)\n        return 0;\n", "",
                        "token requests after the loss: expected 1"),
    no_blind_repeat: ("create.c", "        .kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_BAD_ANSWER,",
                      "        .kind = CHANNEL_NOT_SENT, .reason = CHANNEL_REASON_NONE,",
                      "creates: expected 1"),
    lost_and_found_again: ("wire.c", "    if (wire_number(item, \"create_type\", 0) != 0 ||",
                           "    if (item || wire_number(item, \"create_type\", 0) != 0 ||",
                           "what became of it: expected"),
    withdrawn_and_asked_once_more: (
        "task.c", "        t->rounds = 0;\n        ask(t);\n",
        "        t->w->host->results(t->w->host, t->send_id, NULL, 0, CHANNEL_TASK_WITHDRAWN);\n",
        "all were sent: expected 8"),
}


# --- turning them off -----------------------------------------------------------------------------


def build_without(folder, file, good, bad):
    """A build folder whose plugin lacks the defence: everything else is the real one's."""
    sources = os.path.join(folder, "sources")
    shutil.copytree(PLUGIN, sources)
    path = os.path.join(sources, file)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    true(good in text, f"the place in {file} is not there any more: {good}")
    with open(path, "w", encoding="utf-8") as source:
        source.write(text.replace(good, bad, 1))
    build = os.path.join(folder, "build")
    os.makedirs(os.path.join(build, "plugins"))
    for name in os.listdir(BUILD):
        if name != "plugins":
            os.symlink(os.path.join(BUILD, name), os.path.join(build, name))
    for name in os.listdir(os.path.join(BUILD, "plugins")):
        if name.endswith(".so") and name != "wecom.so":
            shutil.copy2(os.path.join(BUILD, "plugins", name), os.path.join(build, "plugins", name))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "jansson"], check=True,
                           capture_output=True, text=True).stdout.split()
    done = subprocess.run(
        ["cc", "-std=gnu17", "-D_GNU_SOURCE", "-fPIC", "-shared", "-fvisibility=hidden", "-w",
         "-I", os.path.join(SOURCE, "scheduler"), "-o", os.path.join(build, "plugins", "wecom.so"),
         *[os.path.join(sources, n) for n in sorted(os.listdir(sources)) if n.endswith(".c")],
         *flags], check=False, capture_output=True, text=True)
    equal(done.returncode, 0, f"the compiler\n{done.stderr}")
    return build


def failure_without(test, file, good, bad):
    """What the test says when the defence is gone; None: nothing, it passes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        kept, support.BUILD = support.BUILD, build_without(folder, file, good, bad)
        try:
            with contextlib.redirect_stdout(io.StringIO()): # its logs are no news
                test()
        except AssertionError as why:
            return str(why)
        finally:
            support.BUILD = kept
    return None


def is_missed(test):
    file, good, bad, reason = DEFENCES[test]
    said = failure_without(test, file, good, bad)
    true(said is not None, f"nobody missed it: {test.__name__}")
    true(reason in said, f"{test.__name__} fails for another reason: {said}")


def test_fail_list():
    fail_list()
    is_missed(fail_list)


def test_one_token_request():
    one_token_request()
    is_missed(one_token_request)


def test_no_blind_repeat():
    no_blind_repeat()
    is_missed(no_blind_repeat)


def test_lost_and_found_again():
    lost_and_found_again()
    is_missed(lost_and_found_again)


def test_withdrawn_and_asked_once_more():
    withdrawn_and_asked_once_more()
    is_missed(withdrawn_and_asked_once_more)


if __name__ == "__main__":
    main(globals())
