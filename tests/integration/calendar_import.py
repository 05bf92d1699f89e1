"""calendar import: an .ics file becomes a calendar that a campaign can ask, and what was not taken is
said."""
import os

from support import Place, equal, lines, main, true

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nX-WR-CALNAME:节假日\r\n"


def event(*parts):
    return "\r\n".join(("BEGIN:VEVENT",) + parts + ("END:VEVENT", ""))


def ics(place, name, *events):
    return place.write(name, HEAD + "".join(events) + "END:VCALENDAR\r\n")


def all_day(summary, first, end=None):
    return event(f"SUMMARY:{summary}", f"DTSTART;VALUE=DATE:{first}",
                 *([f"DTEND;VALUE=DATE:{end}"] if end else []))


def workdays(place, calendar, days):
    """Those of the days on which a campaign with `days: workdays` can go."""
    found = []
    for day in days:
        file = place.write("c.yaml", f"""campaign: c
channel: dry
audience: {{recipients: [wm1]}}
message: {{text: hello}}
schedule: {{start: {day} 00:00, end: {day} 23:59, calendar: {calendar}, timezone: UTC,
           windows: [{{days: workdays}}]}}
pace: {{interval: 1s..2s}}
""")
        if place.cli("plan", file, expect=None).code == 0:
            found.append(day)
    return found


def test_holidays_and_make_up_days_are_what_a_campaign_asks():
    with Place() as place:
        ics(place, "China Holidays.ics",
            all_day("元旦（休）", "20270101", "20270104"),
            all_day("春节（班）", "20270206"),
            all_day("立春", "20270204"),
            event("SUMMARY:国庆节", "DTSTART;VALUE=DATE:20271004",
                  "X-APPLE-SPECIAL-DAY:WORK-HOLIDAY"))
        told = place.cli("calendar", "import", "China Holidays.ics")
        true("calendars/china-holidays.yaml: 4 off, 1 worked, from 2027-01-01 to 2027-12-31"
             in told.out, told.out)
        true("China Holidays.ics:14:1: warning: left out: what says neither" in told.err, told.err)
        true("1, the first is '立春' on 2027-02-04" in told.err, told.err)
        # a Friday off, a Saturday worked, an ordinary Thursday and Sunday, a Monday off
        equal(workdays(place, "china-holidays",
                       ("2027-01-01", "2027-02-06", "2027-02-04", "2027-02-07", "2027-10-04")),
              ["2027-02-06", "2027-02-04"], "workdays")
        told = place.cli("calendar", "import", "China Holidays.ics", expect=1)
        true("china-holidays.yaml is there already" in told.err, told.err)


def test_rules_are_followed_as_far_as_the_dates_go():
    with Place() as place:
        ics(place, "de.ics",
            event("SUMMARY:Neujahr", "DTSTART;VALUE=DATE:20000101", "RRULE:FREQ=YEARLY"),
            event("SUMMARY:Mittwoch", "DTSTART;VALUE=DATE:20201118",
                  "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=3WE", "EXDATE;VALUE=DATE:20271117"),
            all_day("Karfreitag", "20270326"), all_day("Karfreitag", "20280414"))
        told = lines(place.cli("calendar", "import", "de.ics", "--json").out)
        equal([(t["calendar"], t["from"], t["to"], t["holidays"], t["workdays"]) for t in told],
              [("de", "2027-01-01", "2028-12-31", 5, 0)], "what was made")
        with open(told[0]["file"], encoding="utf-8") as file:
            text = file.read()
        for line in ("title: \"节假日\"", "source: \"de.ics, by -//test//EN\"",
                     "  - 2028-01-01  # Neujahr", "  - 2028-11-15  # Mittwoch"):
            true(line in text.splitlines(), text)
        true("2027-11-17" not in text, text)
        place.cli("calendar", "import", "de.ics", "--name", "half", "--covers",
                  "2027-01-01..2027-06-30")
        with open(place.path("calendars/half.yaml"), encoding="utf-8") as file:
            true("covers: 2027-01-01..2027-06-30\n" in file.read(), "--covers")


def test_what_cannot_be_taken_is_said_at_its_line():
    with Place() as place:
        ics(place, "odd.ics",
            event("SUMMARY:meeting", "DTSTART:20270301T100000Z", "DTEND:20270301T110000Z"),
            event("SUMMARY:off", "DTSTART;VALUE=DATE:20270302", "STATUS:CANCELLED"),
            event("SUMMARY:moved", "DTSTART;VALUE=DATE:20270303",
                  "RECURRENCE-ID;VALUE=DATE:20270304"),
            event("SUMMARY:nonsense", "DTSTART;VALUE=DATE:2027"),
            all_day("（休）", "20270305"), all_day("a（班）", "20270305"),
            all_day("b（休）", "20270308"))
        told = place.cli("calendar", "import", "odd.ics").err
        for line, what in ((5, "'meeting' 2027-03-01: at a time of day"),
                           (10, "'off' 2027-03-02: canceled"),
                           (15, "'moved' 2027-03-03: changes one"),
                           (20, "'nonsense' : no date"),
                           (28, "2027-03-05, which is off ('（休）') and worked ('a（班）')")):
            true(f"odd.ics:{line}:1: warning: left out: {what}" in told, f"{what}: {told}")
        with open(place.path("calendars/odd.yaml"), encoding="utf-8") as file:
            true("holidays:\n  - 2027-03-08  # b（休）\nworkdays: []\n" in file.read(), "odd")


def test_what_is_no_calendar_is_refused():
    with Place() as place:
        place.write("text.ics", "hello\n")
        ics(place, "empty.ics")
        os.mkfifo(place.path("fifo.ics"))
        for file, code in (("text.ics", 65), ("nothing.ics", 65), ("fifo.ics", 65),
                           ("empty.ics", 1)):
            place.cli("calendar", "import", file, expect=code)
        for wrong in (("--name", "Plain"), ("--name", "plain"), ("--name", "../x"),
                      ("--covers", "2027"), ("--covers", "2027-02-01..2027-01-01")):
            place.cli("calendar", "import", "empty.ics", *wrong, expect=64)
        true(not os.path.exists(place.path("calendars")), "nothing was written")


main(globals())
