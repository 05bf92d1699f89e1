"""pause, resume, cancel; end, windows, quiet hours; the limits of a recipient. Each says why."""
import datetime

from support import Place, equal, lines, main, ms, now_ms, true, wait_until

ZONE = datetime.timezone(datetime.timedelta(hours=8))


def local(seconds_from_now):
    """A time of the campaign file (Asia/Shanghai), to the second."""
    at = datetime.datetime.now(ZONE) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def hours_away_from_now():
    """Two hours of the day that are at least three hours away."""
    hour = datetime.datetime.now(ZONE).hour
    return f"{(hour + 4) % 24:02}:00-{(hour + 6) % 24:02}:00"


def hours_around_now():
    hour = datetime.datetime.now(ZONE).hour
    return f"{(hour - 2) % 24:02}:00-{(hour + 3) % 24:02}:00"


def held_reason(place, campaign):
    """The reason of the pending ones, once the service has looked at them."""
    def looked():
        found = {d["reason"] for d in place.deliveries(campaign, "--state", "pending")}
        return found if found and None not in found else None
    return wait_until(looked, f"the pending ones of {campaign} have a reason")


def test_pause_and_resume():
    with Place() as place:
        place.start()
        everyone = [f"p{n}" for n in range(40)]
        place.launch(place.campaign("walk", "dry", everyone, "50ms..120ms", senders="[a]"))
        place.wait_count("walk", "sent", 3)
        place.cli("pause", "walk")
        paused_at = now_ms()
        equal(place.show("walk")["state"], "paused", "state")
        equal(held_reason(place, "walk"), {"paused"}, "reason")
        wait_until(lambda: now_ms() > paused_at + 1200, "time passes")
        late = [d for d in place.deliveries("walk") if d["claimed_at"] and
                ms(d["claimed_at"]) > paused_at + 1000]
        equal(late, [], "claims while paused")
        place.cli("pause", "walk", expect=1)  # it is paused
        place.cli("resume", "walk")
        done = place.wait_state("walk", "done")
        equal(done["counts"]["sent"], 40, "sent")
        place.check_sums("walk")
        place.cli("resume", "walk", expect=1)
        place.stop()


def test_cancel_keeps_what_has_gone():
    with Place() as place:
        place.start()
        place.launch(place.campaign("stop", "dry", [f"p{n}" for n in range(40)], "50ms..120ms",
                                    senders="[a]"))
        place.wait_count("stop", "sent", 3)
        said = place.cli("cancel", "stop", "--json").out
        true(lines(said)[0]["canceled"] > 0, f"says how many: {said}")
        shown = place.wait_state("stop", "canceled")
        equal(shown["counts"]["sent"] + shown["counts"]["canceled"] +
              shown["counts"].get("unknown", 0), 40, "counts")
        reasons = {d["reason"] for d in place.deliveries("stop", "--state", "canceled")}
        equal(reasons, {"canceled"}, "reason")
        place.check_sums("stop")
        place.cli("resume", "stop", expect=1)
        place.cli("approve", "stop", expect=1)
        place.stop()


def test_what_is_left_at_the_end_expires():
    with Place() as place:
        place.start()
        place.launch(place.campaign("short", "dry", ["x", "y", "z"], "1h..2h", senders="[a]",
                                    schedule=f'{{start: "{local(-60)}", end: "{local(6)}"}}'),
                     "--allow-partial")
        shown = place.wait_state("short", "done")
        equal(sum(shown["counts"].values()), 3, "counts")
        true(shown["counts"].get("expired", 0) >= 2, f"expired: {shown['counts']}")
        equal({d["reason"] for d in place.deliveries("short", "--state", "expired")}, {"ended"},
              "reason")
        place.check_sums("short")
        place.stop()


def test_an_end_that_passed_while_the_service_was_down():
    with Place() as place:
        place.start()
        place.launch(place.campaign("gone", "dry", ["x", "y"], "1h..2h", senders="[a]",
                                    schedule=f'{{end: "{local(4)}"}}'), "--allow-partial")
        place.service.kill()
        end = now_ms() + 4000
        wait_until(lambda: now_ms() > end, "the end")
        place.start()
        place.wait_state("gone", "done")
        true("pending" not in place.states("gone").values(), "nothing waits")
        place.check_sums("gone")
        place.stop()


def test_windows_quiet_hours_and_closed_days_hold_with_their_reason():
    today = datetime.datetime.now(ZONE)
    days = f"{today:%Y-%m-%d}..{today + datetime.timedelta(days=2):%Y-%m-%d}"
    schedules = {
        "window": ("window_closed", f'{{windows: [{{days: daily, hours: "{hours_away_from_now()}"}}]}}'),
        "quiet": ("quiet_hours", f'{{quiet_hours: "{hours_around_now()}"}}'),
        "closed": ("closed_day", f"{{skip_dates: [{days}]}}"),
        "later": ("not_started", '{start: "2099-01-01 09:30"}'),
    }
    with Place() as place:
        place.start()
        for name, (_, schedule) in schedules.items():
            place.launch(place.campaign(name, "dry", ["x", "y"], schedule=schedule))
        for name, (reason, _) in schedules.items():
            equal(held_reason(place, name), {reason}, f"why '{name}' waits")
            equal(place.show(name)["counts"]["pending"], 2, f"{name}: pending")
        place.stop()


def test_open_windows_and_other_quiet_hours_hold_nothing():
    with Place() as place:
        place.start()
        place.launch(place.campaign("open", "dry", ["x"], schedule=(
            f'{{windows: [{{days: daily, hours: "{hours_around_now()}"}}], '
            f'quiet_hours: "{hours_away_from_now()}"}}')))
        place.wait_state("open", "done")
        place.stop()


def test_a_recipients_limit_drops_or_holds_across_campaigns():
    with Place() as place:
        place.start()
        place.launch(place.campaign("first", "dry", ["x", "y"]))
        place.wait_state("first", "done")
        place.launch(place.campaign("drop", "dry", ["x", "z"],
                                    limits="{max: 1, per: week, scope: recipient, on_cap: drop}"))
        place.wait_state("drop", "done")
        equal([(d["recipient"], d["state"], d["reason"]) for d in place.deliveries("drop")],
              [("x", "skipped", "frequency_cap"), ("z", "sent", None)], "rows")
        place.launch(place.campaign("hold", "dry", ["y"],
                                    limits="{max: 1, per: 7d, scope: recipient}"))
        equal(held_reason(place, "hold"), {"frequency_cap"}, "why it waits")
        place.check_sums("first", "drop", "hold")
        place.stop()


def test_limits_of_a_channel_and_of_a_person_count_what_others_sent():
    with Place() as place:
        place.start()
        place.launch(place.campaign("before", "dry", ["p", "q"], senders="[a]"))
        place.wait_state("before", "done")
        place.launch(place.campaign("channel", "dry", ["r", "s", "t"], senders="[b]",
                                    limits="{max: 4, per: day, scope: channel}"))
        equal(place.wait_count("channel", "sent", 2)["counts"]["pending"], 1, "held")
        equal(held_reason(place, "channel"), {"rate_limit"}, "why")
        place.launch(place.campaign("person", "dry", ["u"], senders="[a]",
                                    limits="{max: 2, per: 1h, scope: person}"))
        equal(held_reason(place, "person"), {"rate_limit"}, "why")
        place.stop()


main(globals())
