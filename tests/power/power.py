#!/usr/bin/env python3
"""The power goes, at any point: what a disk could hold then, and what the service makes of it.

    power.py [--images N] [--runs N] [--seed S]

A real run of the service, whose writes to its store are on tape (tape.c): campaigns, lost answers, a
clean stop, a kill. Each image is what the tape says up to some operation, where whatever no sync had
ordered out is kept, lost, torn, or kept without what came before it. Then (power-read, or the service
itself for --runs of them):

  - the store opens, and its audit log verifies;
  - whom the channel had received by then has a durable claim, and is sent or unknown: never to be
    sent again (S6, S2);
  - what a person had been told is decided is there, and nobody of the audience is missing (S7);
  - the service, started on the image, writes to nobody twice.
"""
import argparse
import collections
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
from faulty import PreloadedPlace  # noqa: E402
from support import BUILD, Program, wait_until  # noqa: E402

CREATE, WRITE, TRUNCATE, SYNC, UNLINK, SYNC_FOLDER, RENAME = range(1, 8)
HEAD = struct.Struct("<QqIIII")
SECTOR = 512
ROOMS, PEOPLE = 6, 16  # a robot takes 20 messages a minute
BATCH = 50
GONE = {"sent", "unknown"}


class TapedPlace(PreloadedPlace):
    PRELOAD = "tape.so"

    def preload_env(self):
        return {"TAPE_FILE": self.path("tape")}

    def start_plain(self):
        self.service = Program(self, "service", [self.program("paceline"), "serve", "--config",
                                                 self.path("paceline.yaml")])
        self.programs.append(self.service)
        self.wait_ready()


# --- the disk


class Inode:
    def __init__(self):
        self.durable = bytearray()
        self.pending = []


def apply(content, op):
    kind, offset, data = op
    if kind == TRUNCATE:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


class Disk:
    """What is safe, and what is on its way. The names of files are a list of changes; `folder`: only
    a sync of the folder makes them safe; else (as journals do) a sync of any file does."""

    def __init__(self):
        self.live, self.names = {}, []
        self.safe_names = {"folder": 0, "journal": 0}

    def step(self, op):
        _, kind, name, offset, data = op
        if kind == CREATE:
            self.live[name] = Inode()
            self.names.append((name, self.live[name]))
        elif kind == UNLINK:
            self.live.pop(name, None)
            self.names.append((name, None))
        elif kind == RENAME:
            self.live[data.decode()] = self.live.pop(name)
            self.names += [(data.decode(), self.live[data.decode()]), (name, None)]
        elif kind == SYNC_FOLDER:
            self.safe_names = dict.fromkeys(self.safe_names, len(self.names))
        elif kind == SYNC:
            for change in self.live[name].pending:
                apply(self.live[name].durable, change)
            self.live[name].pending = []
            self.safe_names["journal"] = len(self.names)
        else:
            self.live[name].pending.append((kind, offset, data))

    def image(self, draw):
        """{name: bytes} after a power cut."""
        how = draw.choice(["none", "all", "some", "torn"])
        safe = self.safe_names[draw.choice(sorted(self.safe_names))]
        count = {"none": safe, "all": len(self.names)}.get(how, draw.randint(safe, len(self.names)))
        found = {}
        for name, inode in self.names[:count]:
            found[name] = inode
        return {name: self.content(inode, how, draw) for name, inode in found.items() if inode}

    @staticmethod
    def content(inode, how, draw):
        content = bytearray(inode.durable)
        share = draw.random()
        for kind, offset, data in inode.pending:
            if how == "none" or (how in ("some", "torn") and draw.random() > share):
                continue
            if how != "torn" or kind != WRITE or len(data) <= SECTOR:
                apply(content, (kind, offset, data))
                continue
            for at in range(0, len(data), SECTOR):
                if draw.random() < 0.5:
                    apply(content, (WRITE, offset + at, data[at:at + SECTOR]))
        return bytes(content)


def read_tape(path):
    with open(path, "rb") as file:
        tape = file.read()
    ops, at = [], 0
    while at < len(tape):
        ns, offset, kind, name_length, length, _ = HEAD.unpack_from(tape, at)
        at += HEAD.size
        name = tape[at:at + name_length].decode()
        at += name_length
        ops.append((ns, kind, name, offset, tape[at:at + length]))
        at += length
    return ops


# --- the run


def run(place):
    """Campaigns over two lives; {campaign: ns when its approval was acknowledged}."""
    told = {}
    place.start()
    for room in range(1, ROOMS + 1):
        name = f"room{room}"
        place.launch(place.campaign(name, f"room-{room}", [f"p{i}" for i in range(PEOPLE)],
                                    ["20ms..60ms", "0s..0s", "100ms..200ms"][room % 3]))
        told[name] = time.time_ns()
    wait_until(lambda: len(place.standin.record()) >= ROOMS * PEOPLE // 2, "half have gone")
    place.stop()
    place.start()
    wait_until(lambda: not any(place.show(name)["counts"].get(state) for name in told
                               for state in ("pending", "claimed")), "all have gone")
    place.service.kill()
    return told


def received(place, until_ns):
    """Who had it for certain: the record is in whole milliseconds."""
    for row in place.standin.record():
        if row["acted"] and (row["at_ms"] + 1) * 1000000 <= until_ns:
            yield tuple(row["content"].split(" "))


def judge(lines, got, told, until_ns):
    """What is wrong with what power-read has said of one image."""
    rows, campaigns = {}, {}
    for line in lines:
        if "error" in line:
            return [line["error"]]
        if "campaign" in line:
            campaigns[line["campaign"]] = line
        else:
            rows[line["of"], line["recipient"]] = line
    wrong = []
    for key in got:
        row = rows.get(key)
        if not row or not row["claims"]:
            wrong.append(f"{key} was received and has no claim")
        elif row["state"] not in GONE:
            wrong.append(f"{key} was received and is {row['state']}")
    count = collections.Counter(of for of, _ in rows)
    for name, line in campaigns.items():
        if count[name] != line["audience"]:
            wrong.append(f"{name}: audience {line['audience']}, {count[name]} rows")
    for name, at in told.items():
        if at <= until_ns and not campaigns.get(name, {}).get("approved"):
            wrong.append(f"{name}: its approval is gone")
    return wrong


def write_image(folder, image):
    os.makedirs(folder)
    for name, content in image.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    return os.path.join(folder, "paceline.db")


def read_images(paths):
    done = subprocess.run([os.path.join(BUILD, "power-read"), *paths], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise AssertionError(f"power-read ended with {done.returncode}: {done.stderr}")
    found, lines = {}, []
    for line in map(json.loads, done.stdout.splitlines()):
        if "end" in line:
            found[line["end"]], lines = lines, []
        else:
            lines.append(line)
    return found


def images(ops, count, draw):
    """(operation before which the power goes, its instant, image), in order of the operations."""
    points = sorted(draw.randrange(1, len(ops)) for _ in range(count))
    disk, at = Disk(), 0
    for point in points:
        while at < point:
            disk.step(ops[at])
            at += 1
        yield point, ops[point][0], disk.image(draw)


def check_images(place, ops, told, count, draw):
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        batch = {}

        def flush():
            for path, lines in read_images(list(batch)).items():
                point, until = batch[path]
                found = judge(lines, list(received(place, until)), told, until)
                wrong.extend(f"operation {point} of {len(ops)}: {what}" for what in found)
                shutil.rmtree(os.path.dirname(path))
            batch.clear()
        for n, (point, until, image) in enumerate(images(ops, count, draw)):
            if "paceline.db" in image:
                batch[write_image(os.path.join(scratch, str(n)), image)] = (point, until)
            if len(batch) == BATCH:
                flush()
        flush()
    return wrong


def continue_on(place, image, until, told):
    """The service on one image, to the end: who got something twice."""
    for name in os.listdir(place.dir):
        if name.startswith("paceline.db") and os.path.isfile(place.path(name)):
            os.unlink(place.path(name))
    for name, content in image.items():
        place.write(name, content, 0o600)
    got = collections.Counter(received(place, until))
    before = len(place.standin.record())
    place.start_plain()
    wait_until(lambda: not any(place.show(name)["counts"].get(state) for name in told
                               for state in ("pending", "claimed")), "all have gone")
    place.cli("audit", "verify")
    place.check_sums(*told)
    place.stop()
    got.update(tuple(row["content"].split(" ")) for row in place.standin.record()[before:]
               if row["acted"])
    return [f"{key} got it {n} times" for key, n in got.items() if n > 1]


def check_runs(place, ops, told, count, draw):
    wrong = []
    late = [op for op in ops if op[0] > max(told.values())]
    first = len(ops) - len(late)
    for point in sorted(draw.randrange(first, len(ops)) for _ in range(count)):
        disk = Disk()
        for op in ops[:point]:
            disk.step(op)
        found = continue_on(place, disk.image(draw), ops[point][0], told)
        wrong += [f"from operation {point}: {what}" for what in found]
    return wrong


def power(image_count, run_count, seed):
    """(operations on the tape, messages, what is wrong)"""
    draw = random.Random(seed)
    with TapedPlace(rooms=ROOMS, senders=["ann", "ben"],
                    standin=("--fault", "lose-answer:5", "--limit", "1000")) as place:
        told = run(place)
        ops = read_tape(place.path("tape"))
        messages = len(place.standin.record())
        wrong = check_images(place, ops, told, image_count, draw)
        if not wrong:
            wrong = check_runs(place, ops, told, run_count, draw)
    return len(ops), messages, wrong


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--images", type=int, default=2000)
    args.add_argument("--runs", type=int, default=20)
    args.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    a = args.parse_args()
    ops, messages, wrong = power(a.images, a.runs, a.seed)
    for what in wrong[:20]:
        print("VIOLATION " + what)
    print(f"seed {a.seed}: {ops} operations, {messages} requests, {a.images} images, {a.runs} of "
          f"them run on: {len(wrong)} violations")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
