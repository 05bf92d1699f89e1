#!/usr/bin/env python3
"""A CSV of 200 MB through `check`, `submit`, `show` and `approve` of the release build.

By hand, or as `./dev size [MB]`: it takes minutes and some GB of disk. Prints what each step took and
the most memory (VmHWM) of the command and of the service; fails when one needed more than 64 MiB, or
when the service left others waiting meanwhile.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))
from support import Place, equal, true  # noqa: E402

LIMIT_MIB = 64
ANSWER_MAX_S = 5.0  # for somebody else, while the file is taken in
SHOW_MAX_S = 10.0
TOWNS = ["上海", "北京", "杭州", "成都", "广州"]


def rows_of(mb):
    """Rows until the file has that size. The ids are as a platform's: in no order."""
    size, row = mb * 1000 * 1000, 0
    written = 0
    while written < size:
        part = []
        for row in range(row + 1, row + 10001):
            mark = hashlib.blake2b(row.to_bytes(8, "big"), digest_size=8).hexdigest()
            part.append(f"wm{mark},客户{row},{TOWNS[row % len(TOWNS)]}\n")
        data = "".join(part).encode()
        written += len(data)
        yield data
    true(row > 0, "a size above 0")


def make(place, mb):
    rows = 0
    with open(place.path("big.csv"), "wb") as file:
        file.write("recipient,name,town\n".encode())
        for part in rows_of(mb):
            file.write(part)
            rows += 10000
    place.write("big.yaml", "campaign: big\nchannel: dry\naudience: {file: big.csv}\n"
                "message: {text: \"{{name|您}}，春季新品上架了\"}\npace: {interval: 1h..2h}\n")
    return rows


def high_water(pid):
    """VmHWM in MiB; 0 when the process has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            found = re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.M)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) / 1024 if found else 0


def written_mb(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return int(re.search(r"^write_bytes: (\d+)", file.read(), re.M)[1]) / 1e6


def run(place, *args):
    """A command to its end: what it printed, its most memory, seconds."""
    began = time.monotonic()
    with open(place.path("progress.txt"), "w+", encoding="utf-8") as progress:
        child = subprocess.Popen([place.program("paceline"), *args], cwd=place.dir, env=place.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=progress,
                                 text=True)
        most = 0
        while child.poll() is None:
            most = max(most, high_water(child.pid))
            try:
                child.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        took = time.monotonic() - began
        out = child.stdout.read()
        progress.seek(0)
        said = progress.read()
    equal(child.returncode, 0, f"exit of {' '.join(args)}: {out}{said}")
    return out, said, most, took


class Others:
    """Somebody else's `status`, again and again: how long the slowest took."""

    def __init__(self, place):
        self.place, self.slowest, self.count = place, 0.0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def ask(self):
        while not self.over.wait(0.5):
            self.slowest = max(self.slowest, self.place.cli("status", timeout=600).took)
            self.place.cli("list", timeout=600)
            self.count += 1


def main():
    mb = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with Place() as place:
        rows = make(place, mb)
        size = os.path.getsize(place.path("big.csv")) / 1e6
        print(f"big.csv: {size:.0f} MB, {rows} rows", flush=True)
        _, _, check_most, took = run(place, "check", "big.yaml")
        print(f"check: cli VmHWM {check_most:.0f} MiB, {rows} rows, {took:.0f} s", flush=True)
        service = place.start().child.pid
        with Others(place) as others:
            digest, said, most, took = run(place, "submit", "big.yaml")
        print("".join(said.splitlines(True)[-4:]), end="")
        served = high_water(service)
        print(f"submit: cli VmHWM {most:.0f} MiB, service VmHWM {served:.0f} MiB, {rows} rows, "
              f"{took:.0f} s, {written_mb(service):.0f} MB written; others asked {others.count} "
              f"times, slowest answer {others.slowest:.2f} s", flush=True)
        slow = []
        for args in (["show", "big"], ["show", "big", "--json"], ["approve", "big"]):
            out, _, _, took = run(place, *args)
            print(f"{' '.join(args)}: {took:.2f} s", flush=True)
            slow += [args] if took > SHOW_MAX_S else []
            if args[-1] == "--json":
                equal(json.loads(out)["audience"], rows, "audience")
                equal(json.loads(out)["revision"], digest.strip(), "revision")
        served = high_water(service)
        store = os.path.getsize(place.path("paceline.db")) / 1e6
        print(f"service VmHWM after approval {served:.0f} MiB, store {store:.0f} MB", flush=True)
        place.stop()
        bad = [f"{what} {value:.0f} MiB" for what, value in
               (("check", check_most), ("submit", most), ("service", served)) if value > LIMIT_MIB]
        true(not bad, f"more than {LIMIT_MIB} MiB: {', '.join(bad)}")
        true(not slow, f"slower than {SHOW_MAX_S} s: {slow}")
        true(others.slowest <= ANSWER_MAX_S, f"others waited {others.slowest:.1f} s")
    print("ok")


main()
