#!/usr/bin/env python3
"""Plants one bug at a time in a copy of the tree, and wants its harness to see it (./dev mutants).

    mutants.py [NAME…]     all, or those; SEEDS=1..40 DAYS=6 in the environment

Prints what saw each one: `judge` (the simulation's own checks), `assert` (the program stopped
itself), `checker` (tests/check/checker.py, from the records of CHECKED seeds), `power` (images of a
disk without power), or a unit test by its name. Exit 1 when a bug was seen by nobody.
docs/reliability-ledger.md keeps what came of it. Run by hand: each is a build.
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

MUTANTS = {  # name: (file, what stands there, what the bug makes of it[, by whom it must be seen])
    "none": (FLIGHT, "flight_land(e, f);", "flight_land(e, f);"),
    "intent-not-kept": ("scheduler/store/recover.c", "if (!rc && r.by_hand) {", "if (!rc) {"),
    "unknown-retried": (FLIGHT, "        flight_settle(e, f, DELIVERY_UNKNOWN, a->reason);",
                        "        flight_give_back(e, f, INSTANT_MIN);"),
    "place-freed-on-unknown": (
        FLIGHT, "f->queue->revision->campaign, hold_place, &p);",
        "f->queue->revision->campaign,\n"
        "                state == DELIVERY_UNKNOWN ? give_place_back : hold_place, &p);"),
    "at-most-is-less-or-equal": ("scheduler/core/limit.c", "    if (calendar_limit_used(c, now) < max_at(c, now))",
                                 "    if (calendar_limit_used(c, now) <= max_at(c, now))"),
    "fixed-window": ("scheduler/core/limit.c",
                     "    instant_t at = instant_add(answered_at, r->span);\n\n    if (r->held == r->max)",
                     "    instant_t at = answered_at - answered_at % r->span + r->span;\n\n"
                     "    if (r->held == r->max)"),
    "limit-forgotten-at-restart": ("scheduler/core/limit.c",
                                   "    if (instant_add(answered_at, r->span) > now)\n        push(r, answered_at);",
                                   "    (void)push;\n    (void)answered_at;\n    (void)now;\n    (void)r;"),
    "utc-for-local": ("scheduler/core/schedule.c", "    int64_t now = tz_wall(s->zone, t), latest;",
                      "    int64_t now = t, latest;"),
    "gap-without-floor": ("scheduler/engine/lane.c",
                          "later(ready, l->last_answer + q->revision->spec.pace.floor)", "ready"),
    "guard-off": (FLIGHT, "    return f && f->state == FLIGHT_CALLING &&\n           lane_hard_go",
                  "    return f || lane_hard_go"),
    "handled-asked-again": ("scheduler/store/approve.c", "        rc = handled_skip(s, &r, d, &change, e);",
                            "        (void)handled_skip;"),
    "late-means-not-sent": (FLIGHT, ".unseen = state == DELIVERY_EXPIRED && !f->shown",
                            ".unseen = state == DELIVERY_EXPIRED"),
    "approval-not-asked-again": (
        "scheduler/store/submit.c", '"UPDATE revision SET serial = ?, status = ?, submitted_by = ?,"',
        '"UPDATE revision SET approved_at = (SELECT max(o.approved_at) FROM revision o"\n'
        '" WHERE o.campaign = revision.campaign), serial = ?, status = CASE WHEN EXISTS (SELECT 1"\n'
        '" FROM revision o WHERE o.campaign = revision.campaign AND o.approved_at NOTNULL)"\n'
        '" THEN 2 ELSE ? END, submitted_by = ?,"'),
    "gap-redrawn": ("scheduler/engine/due.c",
                    "pace_gap(p, q->revision->spec.seed, item->row, item->attempts)",
                    "pace_gap(p, q->revision->spec.seed ^ (uint64_t)e->now, item->row, item->attempts)",
                    ["unit-engine-engine"]),
    "prereq-off": ("scheduler/loop/http.c",
                   "    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);",
                   "    (void)on_prereq;", ["unit-loop-http"]),
    "prereq-second-go": ("scheduler/loop/http.c",
                         "    if (call->may_have_gone) /* libcurl's own second send */",
                         "    if (false)", ["unit-loop-http"]),
    "synchronous-normal": ("scheduler/store/store.c", "PRAGMA synchronous = FULL",
                           "PRAGMA synchronous = NORMAL", ["power"]),
}


def plant(copy, name):
    path, good, wrong = MUTANTS[name][:3]
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    if good not in text:
        sys.exit(f"{name}: the place in {path} is not there any more")
    with open(os.path.join(copy, path), "w", encoding="utf-8") as file:
        file.write(text.replace(good, wrong, 1))
    return path


def build(copy, *targets):
    done = subprocess.run(["cmake", "--build", f"{copy}/b", "-j2", "--target", *targets],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{targets}: does not build\n{done.stdout}")


def simulate(copy, *args):
    return subprocess.run([f"{copy}/b/paceline-simulate", "--days", DAYS, *args], check=False,
                          capture_output=True, text=True, timeout=900)


def seen_by_checker(copy):
    for seed in range(1, CHECKED + 1):
        with tempfile.TemporaryDirectory() as folder:
            simulate(copy, "--seeds", f"{seed}..{seed}", "--record", folder)
            if not os.path.exists(f"{folder}/channel.jsonl"):
                continue
            judged = subprocess.run([sys.executable, f"{ROOT}/tests/check/checker.py", folder],
                                    check=False, capture_output=True, text=True)
            if judged.returncode:
                what = (judged.stdout or judged.stderr).strip().split("\n")[0]
                return [f"checker (seed {seed}: {what})"]
    return []


def seen_by_simulation(copy):
    build(copy, "paceline-simulate")
    found = []
    done = simulate(copy, "--seeds", SEEDS)
    violations = re.findall(r"VIOLATION (.*)", done.stdout)
    stopped = re.findall(r"(.*\n)?STOPPED (seed \d+)", done.stderr)
    if stopped:
        found.append(f"assert ({stopped[0][1]}: {stopped[0][0].strip()[-90:]})")
    elif violations:
        found.append(f"judge ({violations[0]})")
    return found + seen_by_checker(copy)


def seen_by_power(copy):
    build(copy, "paceline", "wecom-standin", "plugins/all", "power-read", "test-tape")
    done = subprocess.run([sys.executable, "-B", f"{ROOT}/tests/power/power.py", "--images", "300",
                           "--runs", "0", "--seed", "1"], check=False, capture_output=True,
                          text=True, timeout=900, env=dict(os.environ, PACELINE_BUILD=f"{copy}/b"))
    violations = re.findall(r"VIOLATION (.*)", done.stdout)
    return [f"power ({violations[0]})"] if violations else []


def seen_by_unit(copy, name):
    build(copy, name)
    done = subprocess.run([f"{copy}/b/tests/{name}"], check=False, capture_output=True, text=True,
                          timeout=600, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"))
    failed = re.findall(r"^not ok \d+ - (\S+)", done.stdout, re.M)
    return [f"{name} ({', '.join(failed[:2])})"] if done.returncode else []


def seen_by(copy, harness):
    if harness == "simulation":
        return seen_by_simulation(copy)
    return seen_by_power(copy) if harness == "power" else seen_by_unit(copy, harness)


def main():
    names = sys.argv[1:] or list(MUTANTS)
    missed = []
    with tempfile.TemporaryDirectory() as copy:
        for part in ("scheduler", "plugins", "config", "tests", "CMakeLists.txt"):
            source = os.path.join(ROOT, part)
            copier = shutil.copytree if os.path.isdir(source) else shutil.copy2
            copier(source, os.path.join(copy, part))
        subprocess.run(["cmake", "-S", copy, "-B", f"{copy}/b", "-G", "Ninja", "-DPACELINE_WERROR=OFF",
                        "-DCMAKE_BUILD_TYPE=Release"], check=True, capture_output=True)
        for name in names:
            path = plant(copy, name)
            found = []
            for harness in (MUTANTS[name][3:] or (["simulation"],))[0]:
                found += seen_by(copy, harness)
            print(f"{name}: " + ("; ".join(found) if found else "seen by nobody"), flush=True)
            if bool(found) == (name == "none"):
                missed.append(name)
            shutil.copy2(os.path.join(ROOT, path), os.path.join(copy, path))
            os.utime(os.path.join(copy, path))
    if missed:
        print("not as it should be: " + ", ".join(missed))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
