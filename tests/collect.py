#!/usr/bin/env python3
"""Counts the test cases of a ctest run and prints the closing line of `./dev test`.

    collect.py RESULTS.xml [CHECKS.tap ...]

RESULTS.xml is ctest's JUnit report; every program in it prints TAP (cmocka's or our own). A program
that crashed, timed out, did not start, or stopped before all its cases were run counts as one more
failure; no case at all is a failure too. Exit 0 only when nothing failed.
"""
import re
import sys
import xml.etree.ElementTree as xml

CASE = re.compile(r"^\s*(not ok|ok)\b\s*\d*\s*(?:- )?(.*)$")
PLAN = re.compile(r"^\s*1\.\.(\d+)\b")


def read_tap(text):
    """(passed, failed, skipped, planned, names of the failed)"""
    passed = failed = skipped = planned = 0
    names = []
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned += int(plan.group(1))
            continue
        case = CASE.match(line)
        if not case:
            continue
        name = case.group(2).strip()
        if re.search(r"(^|\s)#\s*SKIP\b", name, re.IGNORECASE):  # cmocka: `not ok 3 # SKIP name`
            skipped += 1
        elif case.group(1) == "ok":
            passed += 1
        else:
            failed += 1
            names.append(name)
    return passed, failed, skipped, planned, names


def main(report, *checks):
    total = [0, 0, 0]
    problems = []
    try:
        cases = list(xml.parse(report).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as error:
        cases = []
        problems.append(f"{report}: {error}")
        total[1] += 1
    for case in cases:
        name = case.get("name")
        output = "\n".join(part.text or "" for part in case.findall("system-out"))
        passed, failed, skipped, planned, names = read_tap(output)
        ended_well = case.get("status") == "run"
        if not failed:  # what went wrong outside of its cases
            if not ended_well:
                names.append(f"the program ended badly ({case.get('status')})")
            elif passed + skipped == 0:
                names.append("it ran no case (TAP is expected)")
            elif passed + skipped < planned:
                names.append(f"{planned} cases announced, {passed + skipped} run")
            failed = len(names)
        problems += [f"{name}: {what}" for what in names]
        total = [a + b for a, b in zip(total, (passed, failed, skipped))]
    for path in checks:
        with open(path, encoding="utf-8") as file:
            passed, failed, skipped, _, names = read_tap(file.read())
        problems += names
        total = [a + b for a, b in zip(total, (passed, failed, skipped))]
    if sum(total) == 0:
        problems.append("no test was run")
        total[1] = 1
    for problem in problems:
        print(f"failed: {problem}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
