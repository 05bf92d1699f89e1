#!/usr/bin/env python3
"""Plants one bug at a time in a copy of the tree, and wants the simulation to see it (./dev mutants).

    mutants.py [NAME…]     all, or those; SEEDS=1..40 DAYS=6 in the environment

Prints what saw each one: `judge` (the simulation's own checks), `assert` (the program stopped
itself), `checker` (tests/check/checker.py, from the records of CHECKED seeds). Exit 1 when a bug was
seen by nobody. docs/reliability-ledger.md keeps what came of it. Run by hand: each is a build.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = os.environ.get("SEEDS", "1..40")
DAYS = os.environ.get("DAYS", "6")
CHECKED = 10
FLIGHT = "scheduler/engine/flight.c"

MUTANTS = {  # name: (file, what stands there, what the bug makes of it)
    "none": (FLIGHT, "land(e, f);", "land(e, f);"),
    "intent-not-kept": ("scheduler/store/recover.c", "if (!rc && r.by_hand) {", "if (!rc) {"),
    "unknown-retried": (FLIGHT, "        settle(e, f, DELIVERY_UNKNOWN, a->reason);",
                        "        give_back(e, f, INSTANT_MIN);"),
    "place-freed-on-unknown": (
        FLIGHT, "    each_meter(e, f, &item, hold_place);",
        "    each_meter(e, f, &item, state == DELIVERY_UNKNOWN ? give_place_back : hold_place);"),
    "at-most-is-less-or-equal": ("scheduler/core/limit.c", "    if (calendar_limit_used(c, now) < c->max)",
                                 "    if (calendar_limit_used(c, now) <= c->max)"),
    "fixed-window": ("scheduler/core/limit.c",
                     "    instant_t at = instant_add(answered_at, r->span);\n\n    if (r->held == r->max)",
                     "    instant_t at = answered_at - answered_at % r->span + r->span;\n\n"
                     "    if (r->held == r->max)"),
    "limit-forgotten-at-restart": ("scheduler/core/limit.c",
                                   "    if (instant_add(answered_at, r->span) > now)\n        push(r, answered_at);",
                                   "    (void)push;\n    (void)answered_at;\n    (void)now;\n    (void)r;"),
    "utc-for-local": ("scheduler/core/schedule.c", "    int64_t now = tz_wall(s->zone, t), latest;",
                      "    int64_t now = t, latest;"),
    "gap-without-floor": ("scheduler/core/pace.c", "    return due > rested ? due : rested;",
                          "    (void)rested;\n    return due;"),
    "guard-off": (FLIGHT, "    return f && f->state == FLIGHT_CALLING &&\n           lane_hard_go",
                  "    return f || lane_hard_go"),
    "handled-asked-again": ("scheduler/store/approve.c", "        rc = handled_skip(s, &r, d, &change, e);",
                            "        (void)handled_skip;"),
    "late-means-not-sent": (FLIGHT, "f->shown ? DELIVERY_UNKNOWN : DELIVERY_EXPIRED, REASON_LATE",
                            "DELIVERY_EXPIRED, REASON_LATE"),
}


def plant(copy, name):
    path, good, wrong = MUTANTS[name]
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    if good not in text:
        sys.exit(f"{name}: the place in {path} is not there any more")
    with open(os.path.join(copy, path), "w", encoding="utf-8") as file:
        file.write(text.replace(good, wrong, 1))
    return path


def build(copy):
    return subprocess.run(["cmake", "--build", f"{copy}/b", "-j2", "--target", "paceline-simulate"],
                          capture_output=True, text=True, check=False)


def simulate(copy, *args):
    return subprocess.run([f"{copy}/b/paceline-simulate", "--days", DAYS, *args], check=False,
                          capture_output=True, text=True, timeout=900)


def seen_by(copy):
    found = []
    done = simulate(copy, "--seeds", SEEDS)
    violations = re.findall(r"VIOLATION (.*)", done.stdout)
    if violations:
        found.append(f"judge ({violations[0]})")
    if done.returncode < 0:
        found.append("assert (" + done.stderr.strip().split("\n")[-1][-90:] + ")")
    for seed in range(1, CHECKED + 1):
        with tempfile.TemporaryDirectory() as folder:
            simulate(copy, "--seeds", f"{seed}..{seed}", "--record", folder)
            if not os.path.exists(f"{folder}/channel.jsonl"):
                continue
            judged = subprocess.run([sys.executable, f"{ROOT}/tests/check/checker.py", folder],
                                    check=False, capture_output=True, text=True)
            if judged.returncode:
                what = (judged.stdout or judged.stderr).strip().split("\n")[0]
                found.append(f"checker (seed {seed}: {what})")
                break
    return found


def main():
    names = sys.argv[1:] or list(MUTANTS)
    missed = []
    with tempfile.TemporaryDirectory() as copy:
        for part in ("scheduler", "plugins", "tests", "CMakeLists.txt"):
            source = os.path.join(ROOT, part)
            copier = shutil.copytree if os.path.isdir(source) else shutil.copy2
            copier(source, os.path.join(copy, part))
        subprocess.run(["cmake", "-S", copy, "-B", f"{copy}/b", "-G", "Ninja", "-DPACELINE_WERROR=OFF",
                        "-DCMAKE_BUILD_TYPE=Release"], check=True, capture_output=True)
        for name in names:
            path = plant(copy, name)
            built = build(copy)
            if built.returncode:
                sys.exit(f"{name}: does not build\n{built.stdout}")
            found = seen_by(copy)
            print(f"{name}: " + ("; ".join(found) if found else "seen by nobody"), flush=True)
            if bool(found) == (name == "none"):
                missed.append(name)
            shutil.copy2(os.path.join(ROOT, path), os.path.join(copy, path))
            os.utime(os.path.join(copy, path))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
