"""The run is as it was planned with each way to pace: exponential and spread gaps, batches of mixed
messages, a warm-up, recipients in zones of their own (contract §5; see plan.py for uniform gaps)."""
import datetime

from support import Place, equal, lines, main, ms, now_ms, run_unhurried, true

ZONE = datetime.timezone(datetime.timedelta(hours=8))
ZONES = ["", "Asia/Shanghai", "Asia/Tokyo", "Asia/Singapore"]
# of the schedule, of the pace ({0}: the gap in seconds)
PACES = {
    "exponential": ("", "interval: {0}s..{0}500ms, distribution: exponential"),
    "spread": ("", "interval: {0}s..{0}500ms, distribution: spread"),
    "batch": ("", "interval: {0}s..{0}500ms, batch: 3"),
    "batchspread": ("", "interval: {0}s..{0}500ms, batch: 3, distribution: spread"),
    "ramp": ("", "interval: {0}s..{0}500ms, limits: [{{max: 90, per: week, scope: sender, "
             "ramp: {{from: 20, step: 9}}}}]"),
    "zones": ("timezone: recipient, fallback_timezone: Asia/Shanghai, ",
              "interval: {0}s..{0}500ms"),
}


def written(place, name, gap_s, start):
    schedule, pace = PACES[name.rstrip("0123456789")]
    end = start + datetime.timedelta(seconds=24 * gap_s)
    rows = "".join(f"{name}{i},{'xyz'[i * i % 3]},{ZONES[i % 4]}\n" for i in range(20))
    place.write(f"{name}.csv", "recipient,word,timezone\n" + rows)
    return place.write(f"{name}.yaml", f"""campaign: {name}
channel: {name.rstrip("0123456789")}
audience: {{file: {name}.csv}}
message: {{text: "hello {{{{word}}}}"}}
schedule: {{{schedule}start: "{start:%Y-%m-%dT%H:%M:%S}+08:00", end: "{end:%Y-%m-%dT%H:%M:%S}+08:00"}}
pace: {{{pace.format(gap_s)}}}
""")


def comparable(rows, settled):
    ordered = sorted(rows, key=lambda r: (r["due_at"] is None, r["due_at"] and ms(r["due_at"]),
                                          r["delivery"]))
    return [(r["sender"], r["recipient"], r["reason"], r["due_at"],
             r["state"] == settled or r["state"]) for r in ordered]


def run_once(place, attempt, gap_s, lead_s):
    """{pace: (plan, run)}, or None when the machine was too slow for these gaps."""
    start = datetime.datetime.now(ZONE) + datetime.timedelta(seconds=lead_s)
    planned = {}
    for pace in PACES:
        name = f"{pace}{attempt}"
        file = written(place, name, gap_s, start)
        planned[name] = lines(place.cli("plan", file, "--json", expect=None).out)[:-1]
        place.launch(file)
    if now_ms() >= start.timestamp() * 1000 - 500:
        for name in planned:
            place.cli("cancel", name)  # the next attempt wants its lanes to itself
        return None
    for name in planned:
        place.wait_state(name, "done", 60 + lead_s + 60 * gap_s)
    if "late: anchored anew" in place.service.said():
        return None
    return {name: (rows, place.deliveries(name)) for name, rows in planned.items()}


def test_the_run_is_as_it_was_planned_with_every_pace():
    with Place() as place:
        text = "".join(f'  {pace}: {{plugin: "null", senders: [a, b]}}\n' for pace in PACES)
        place.write("paceline.yaml", "store: sqlite:paceline.db\nsocket: paceline.sock\n"
                    f"timezone: Asia/Shanghai\nlanguage: en\nchannels:\n{text}"
                    "approval: {allow_self: true}\n")
        result = run_unhurried(place, run_once, 10)
        for name, (rows, deliveries) in result.items():
            equal(len(rows), 20, f"rows of {name}")
            true(any(r["due_at"] for r in rows), f"{name} goes")
            equal(comparable(rows, "planned"), comparable(deliveries, "sent"), f"plan and run: {name}")


main(globals())
