"""100,000 recipients in one submission. Memory is measured on the release build: ./dev size."""
import os
import pty
import re
import subprocess
import threading

from support import Place, equal, lines, main, true

ROWS, DUPLICATES = 100_000, 500


def csv_of(rows):
    """Row n has a name of n's own; the last rows repeat the first ones."""
    out = ["recipient,name\n"]
    for n in range(1, rows + 1 - DUPLICATES):
        out.append(f"wm{n * 2654435761 % 2**32:08x}{n},客户{n}\n")
    out += [line.replace("客户", "又是") for line in out[1:DUPLICATES + 1]]
    return "".join(out)


def big(place, rows=ROWS):
    place.write("big.csv", csv_of(rows))
    return place.write("big.yaml", "campaign: big\nchannel: dry\naudience: {file: big.csv}\n"
                       "message: {text: \"{{name}} 您好\"}\npace: {interval: 1h..2h}\n")


def on_terminal(place, *args):
    """A command whose standard error is a terminal: exit code, output, what the terminal got."""
    ours, theirs = pty.openpty()
    seen = []
    child = subprocess.Popen([place.program("paceline"), *args], cwd=place.dir, env=place.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)

    def read():
        try:
            while data := os.read(ours, 65536):
                seen.append(data)
        except OSError:  # its end
            pass
    reader = threading.Thread(target=read)
    reader.start()
    out, _ = child.communicate(timeout=300)
    reader.join()
    os.close(ours)
    return child.returncode, out.decode(), b"".join(seen).decode()


def test_a_hundred_thousand_in_one_submission():
    with Place() as place:
        file = big(place)
        counted = f"{ROWS} recipients, {ROWS - DUPLICATES} sends, {DUPLICATES} duplicates"
        true(counted in place.cli("check", file, timeout=300).out, "check counts them")
        place.start()
        code, digest, screen = on_terminal(place, "submit", file)
        equal(code, 0, f"exit of submit: {screen}")
        true(re.fullmatch(r"sha256:[0-9a-f]{64}\n", digest), f"submit printed {digest!r}")
        true(re.search(r"\r\x1b\[K(checking|uploading|storing): ", screen), f"no bar: {screen!r}")
        true(re.search(rf"{ROWS} recipients taken in, \d+ s", screen), f"no sum: {screen!r}")

        shown = place.show("big")
        equal((shown["audience"], shown["revision"]), (ROWS, digest.strip()), "audience, revision")
        equal(shown["counts"], {**shown["counts"], "pending": ROWS - DUPLICATES,
                                "skipped": DUPLICATES}, "counts")
        rows = place.deliveries("big")
        equal(len(rows), ROWS, "deliveries")
        equal([d["recipient"] for d in rows],
              [line.split(",")[0] for line in csv_of(ROWS).splitlines()[1:]], "in file order")
        equal({d["reason"] for d in rows if d["state"] == "skipped"}, {"duplicate"}, "reasons")
        load = [sum(1 for d in rows if d["sender"] == s and d["state"] == "pending") for s in "ab"]
        equal(load, [(ROWS - DUPLICATES) // 2] * 2, "shared out evenly")

        # the samples, as the submission has kept them, and as they are found again
        kept = place.cli("show", "big").out
        place.stop()
        place.start()
        equal(place.cli("show", "big").out, kept, "show after a restart")
        true("客户1 您好" in kept and "客户10000 您好" in kept, f"the shortest and longest: {kept}")

        # without a terminal: plain lines, and the same revision
        again = place.cli("submit", file, timeout=300)
        equal(again.out, digest, "the same again")
        true("\r" not in again.err and "\x1b" not in again.err, f"plain: {again.err!r}")
        true(f"{ROWS} recipients taken in" in again.err, f"plain: {again.err!r}")


def test_others_are_answered_meanwhile():
    with Place() as place:
        place.start()
        place.submit(place.campaign("small", "dry", ["x"]))
        file = big(place)
        child = subprocess.Popen([place.program("paceline"), "submit", file], cwd=place.dir,
                                 env=place.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        answered = 0
        while child.poll() is None:
            equal(place.show("small")["state"], "draft", "state")
            equal([c["campaign"] for c in lines(place.cli("list", "--json").out)
                   if c["campaign"] != "big"], ["small"], "list")
            answered += 1
        equal(child.wait(), 0, "exit of submit")
        true(answered >= 3, f"answered {answered} times")
        equal(place.show("big")["audience"], ROWS, "audience")


main(globals())
