"""The simulation (tests/simulation): many days with every fault, the same twice, and its records
before the checker, which must also see what is wrong in them."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from support import BUILD, SOURCE, equal, main, true

CHECKER = os.path.join(SOURCE, "tests", "check", "checker.py")


def simulate(seeds, days, *args):
    done = subprocess.run([os.path.join(BUILD, "paceline-simulate"), "--seeds", seeds, "--days",
                           str(days), *args], capture_output=True, text=True, timeout=1700)
    equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout


def check(folder):
    done = subprocess.run([sys.executable, "-B", CHECKER, folder], capture_output=True, text=True,
                          timeout=100)
    return done.returncode, done.stdout + done.stderr


def test_2000_campaign_days_without_a_violation():
    said = simulate("1..50", 10)
    true(" 2000 campaign-days" in said and "violations 0\n" in said, said)
    rows = re.findall(r"^(\w+)((?: +(?:\d+|-)){9,})$", said, re.M)
    true(len(rows) >= 11, f"a row of counters for each fault: {said}")
    for fault, counters in rows:
        true("0" not in counters.split(), f"{fault} did not meet every step: {said}")


def test_what_once_broke_a_promise():
    for seed in (575, 1995):  # a campaign that its channel paused was resumed by what was read before
        true("violations 0\n" in simulate(f"{seed}..{seed}", 10), f"seed {seed}")


def test_100_seeds_are_the_same_twice_in_one_process_or_three():
    runs = [simulate("101..200", 1, "--jobs", jobs) for jobs in ("1", "3")]
    traces = [re.search(r"trace ([0-9a-f]{16})\n", said).group(1) for said in runs]
    equal(traces[0], traces[1], "trace")
    equal(runs[0], runs[1], "all that was printed")


def test_the_checker_finds_nothing_in_the_records():
    for seed in range(301, 305):
        with tempfile.TemporaryDirectory() as folder:
            simulate(f"{seed}..{seed}", 5, "--record", folder)
            code, text = check(folder)
            equal(code, 0, f"seed {seed}: {text}")


def spoiled(folder, name, change):
    """What the checker says when the lines of one file are changed."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        with open(os.path.join(copy, name), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in change(rows))
        return check(copy)


def test_the_checker_sees_what_is_wrong():
    def at_night(rows):
        return [dict(a, event="halt") if a["event"] == "approve" else a for a in rows]
    with tempfile.TemporaryDirectory() as folder:
        simulate("1..1", 10, "--record", folder)
        equal(check(folder)[0], 0, "the record as it is")
        for what, name, change in (
                ("times", "channel.jsonl", lambda rows: rows + rows[:1]),
                ("recipients", "deliveries.jsonl", lambda rows: rows[1:]),
                ("arrived", "channel.jsonl", lambda rows: rows[1:]),
                ("without an approval", "audit.jsonl", at_night),
                ("has number", "audit.jsonl", lambda rows: rows[:3] + rows[4:])):
            code, text = spoiled(folder, name, change)
            true(code == 1 and what in text, f"{what}: {code} {text}")


main(globals())
