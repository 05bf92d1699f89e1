#!/usr/bin/env python3
"""Runs the benchmarks in rounds, one after the other in each round, so that what the machine does
meanwhile falls on all of them alike, and prints medians beside the goals.

    run.py BUILD [--rounds N] [--quick] [--write FILE.md]

CPU time of the process is measured, not the clock on the wall: others use the machine too. Nothing
here is asserted: a benchmark is no test. --write: what docs/benchmarks.md holds between its marks.
"""
import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
SIZES = [10_000, 100_000, 1_000_000, 10_000_000]

# goal, program with its arguments, line, figure, unit, at most / at least
GOALS = [
    ("P-rule: a ruling over all gates, ten limits, nothing holds", ["rule"], "rule, nothing holds",
     "us_each", "µs", "≤", 0.3),
    ("P-rule: the same, limits are full", ["rule"], "rule, limits are full", "us_each", "µs", "≤", 0.3),
    ("P-rule: the same, in quiet hours", ["rule"], "rule, in quiet hours", "us_each", "µs", "≤", 0.3),
    ("P-text: 10,000 terms, one text of 8 MB", ["terms"], "terms, one long text", "mb_per_s", "MB/s",
     "≥", 200),
    ("P-text: 10,000 terms, messages of 600 bytes", ["terms"], "terms, messages of 600 bytes",
     "mb_per_s", "MB/s", "≥", 200),
    ("limit beside it: one dependent look-up a byte", ["terms"],
     "limit: one dependent look-up a byte", "mb_per_s", "MB/s", None, None),
    ("P-plan: 1 M recipients, CPU", ["plan", "1000000"], "plan", "cpu_s", "s", "≤", 1.0),
    ("P-plan: 1 M recipients, memory a recipient", ["plan", "1000000"], "plan", "bytes_each", "bytes",
     "≤", 64),
    ("P-plan: 10 M recipients, CPU", ["plan", "10000000"], "plan", "cpu_s", "s", "≤", 12),
    ("the engine alone, a channel's limit binds 80 lanes, 1 M", ["engine", "1000000"],
     "engine, a channel limit that binds", "us_each", "µs", None, None),
]


def run(build, command):
    program = os.path.join(build, "bench", "bench-" + command[0])
    done = subprocess.run([program, *command[1:]], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def commands(quick):
    seen = [["plan", str(n)] for n in SIZES if not quick or n <= 1_000_000]
    for _, command, *_ in GOALS:
        if command not in seen and not (quick and command[-1] == str(SIZES[-1])):
            seen.append(command)
    return seen


def measure(build, rounds, quick):
    """{(command, line): {figure: [one a round]}}"""
    figures = {}
    for number in range(rounds):
        for command in commands(quick):
            print(f"round {number + 1}/{rounds}: {' '.join(command)}", file=sys.stderr)
            for line in run(build, command):
                kept = figures.setdefault((tuple(command), line.pop("bench")), {})
                for name, value in line.items():
                    kept.setdefault(name, []).append(value)
    return figures


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def median(values):
    text = number(statistics.median(values))
    return f"{text} ({number(min(values))}–{number(max(values))})"


def goal_rows(figures):
    for what, command, line, figure, unit, relation, goal in GOALS:
        values = figures.get((tuple(command), line), {}).get(figure)
        if not values:
            continue
        middle = statistics.median(values)
        if goal is None:
            yield f"| {what} | {median(values)} {unit} | | |"
            continue
        ratio = middle / goal
        reached = ratio <= 1 if relation == "≤" else ratio >= 1
        yield (f"| {what} | {median(values)} {unit} | {relation} {goal:g} {unit} | "
               f"{ratio:.2f}{'' if reached else ' — not reached'} |")


def growth_rows(figures):
    import math
    first = None
    for size in SIZES:
        values = figures.get((("plan", str(size)), "plan"), {})
        if not values:
            continue
        each = statistics.median(values["us_each"])
        first = first or (size, each)
        log = math.log(size) / math.log(first[0])
        yield (f"| {size:,} | {median(values['us_each'])} | {each / first[1]:.2f} | {log:.2f} | "
               f"{median(values['bytes_each'])} |")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"^MemTotal:\s*(\d+)", file.read(), re.M).group(1)) / 2**20
    compiler = subprocess.run(["gcc", "-dumpfullversion"], stdout=subprocess.PIPE, text=True, check=False)
    return (f"{os.cpu_count()} cores ({model.group(1) if model else 'unknown'}), {memory:.0f} GiB, "
            f"Linux {os.uname().release}, gcc {compiler.stdout.strip()} -O2")


def commit():
    done = subprocess.run(["git", "-C", SOURCE, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() or "unknown"


def report(figures, rounds):
    load = os.getloadavg()[0]
    lines = [
        f"Commit {commit()}, {datetime.date.today()}, {machine()}; {rounds} round{'s' * (rounds > 1)}, load {load:.1f}.",
        "",
        "| | median (least–most) | goal | of the goal |",
        "| --- | --- | --- | --- |",
        *goal_rows(figures),
        "",
        "What a delivery costs as the campaign grows (P-plan's campaign):",
        "",
        "| recipients | µs each | × the first | log n would be | peak bytes each |",
        "| --- | --- | --- | --- | --- |",
        *growth_rows(figures),
        "",
    ]
    return "\n".join(lines)


def write(path, text):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + text + "\n" + END + after)


def main():
    parser = argparse.ArgumentParser(description="the benchmarks, in rounds")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="nothing larger than a million")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    text = report(measure(options.build, options.rounds, options.quick), options.rounds)
    if options.write:
        write(options.write, text)
    print(text)


if __name__ == "__main__":
    main()
