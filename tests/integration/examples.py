"""The files of config/ are what they say: each example passes `check`, and the service file passes
`config check`, as it is and with its channel for sending by hand taken in."""
import glob
import os
import shutil

from support import SOURCE, Place, main, true

CONFIG = os.path.join(SOURCE, "config")


def test_every_example_passes_check():
    room = ("  staff-room: {plugin: wecom-robot, key: {file: robot.key}, "
            "senders: [lin.yue, he.qi]}\n" + "".join(
                f"  {mode}: {{plugin: wecom, account: brand, mode: {mode}, "
                f"senders: [lin.yue, he.qi]}}\n" for mode in ("customers", "groups")))
    account = ("accounts:\n  brand: {corp_id: ww0123456789abcdef, agent_id: 1000002, "
               "secret: {file: robot.key}}\n")
    with Place(hands=["lin.yue", "he.qi"]) as place:
        place.write("robot.key", "693a91f6-7aaa-4bc4-97a0-0ec2sifa5aaa\n", 0o600)
        with open(place.path("paceline.yaml"), encoding="utf-8") as file:
            place.write("paceline.yaml", file.read().replace("channels:\n",
                                                             account + "channels:\n" + room))
        shutil.copytree(os.path.join(CONFIG, "examples"), place.path("examples"))
        files = sorted(glob.glob(place.path("examples/*.yaml")))
        true(any(f.endswith("/by-hand.yaml") for f in files), f"the examples: {files}")
        place.cli("check", *files)
        out = place.cli("check", place.path("examples/by-hand.yaml")).out
        true("4 recipients, 2 sends, 2 senders, at most 1 by one person" in out, out)


def test_the_service_file_passes_config_check():
    with open(os.path.join(CONFIG, "paceline.yaml"), encoding="utf-8") as file:
        text = file.read()
    by_hand = text.replace("\n  # by-hand: ", "\n  by-hand: ")
    true(by_hand != text, "the channel by-hand is not there as a comment")
    with Place() as place:
        for name, content in (("as-it-is.yaml", text), ("by-hand.yaml", by_hand)):
            place.write(name, content)
            place.cli("config", "check", "--config", name)


main(globals())
