"""Every key does something (promise 10): of each leaf key of the schema, a campaign that says
something else there comes out differently in `plan`, `check` or `preview`, whatever the reader does
with it; or, where only a run can show it, another test is named that would fail. The same for the
keys of the service file, which are read from scheduler/conf/keys.c. A new key without an entry here
is a failure, and so is an entry without its key or its test."""
import copy
import json
import os
import re

from support import SOURCE, Place, equal, main, now_ms, true, wait_until

SERVICE = """store: sqlite:paceline.db
socket: paceline.sock
timezone: Asia/Shanghai
language: en
channels:
  dry: {plugin: "null", senders: [a, b]}
  other: {plugin: "null", senders: [a, b]}
  by-hand: {plugin: prompt, senders: [a, b]}
approval: {allow_self: true}
"""
BASE = {"campaign": "k", "channel": "dry", "audience": {"file": "people.csv"},
        "message": {"text": "hello"},
        "schedule": {"start": "2027-03-01 09:30", "end": "2027-03-09 20:00"},
        "pace": {"interval": "10m..20m"}}
PEOPLE = "".join(f"p{n},{'vip;old' if n % 3 else 'old'},{'Asia/Tokyo' if n % 2 else ''}\n"
                 for n in range(24))


def with_value(document, path, value):
    """A copy that has `value` at the path; None: the key is left out."""
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]
    if value is None:
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
    return document


def plan(place, file):
    done = place.cli("plan", file, "--json", "--from", "2026-10-01 00:00", "--seed", "7", expect=None)
    # the digest covers every key: it would differ for one that nothing else looks at
    return re.sub(r"sha256:[0-9a-f]+", "", done.out + done.err)


def check(place, file):
    done = place.cli("check", file, expect=None)
    return f"{done.code} {done.out} {done.err}"


def preview(place, file):
    done = place.cli("preview", file, expect=None)
    return f"{done.code} {done.out} {done.err}"


class Differs:
    """What `look` shows of BASE (with `base` changed in it) and of the same with another value at
    the key's own path."""

    def __init__(self, look, value, base=None, other=None):
        self.look, self.value, self.base, self.other = look, value, base or {}, other

    def holds(self, place, path):
        document = copy.deepcopy(BASE)
        for at, value in self.base.items():
            document = with_value(document, at.split("/"), value)
        place.write("k.yaml", json.dumps(with_value(document, path, self.other)))
        before = self.look(place, "k.yaml")
        place.write("k.yaml", json.dumps(with_value(document, path, self.value)))
        after = self.look(place, "k.yaml")
        true(before != after, f"{'.'.join(path)}: {self.value!r} changes nothing:\n{after[:2000]}")


def limits(**parts):
    return [dict({"max": 5, "per": "1d", "scope": "sender"}, **parts)]


class Limit(Differs):
    """One key of a limit."""

    def holds(self, place, path):
        key = path[path.index("limits") + 1:]
        document = with_value(BASE, ["pace", "limits"], limits(**self.base))
        document = with_value(document, ["pace", "batch"], 3)
        outs = []
        for value in (self.other, self.value):
            changed = with_value(document, ["pace", "limits"],
                                 [with_value(document["pace"]["limits"][0], key, value)])
            place.write("k.yaml", json.dumps(changed))
            outs.append(self.look(place, "k.yaml"))
        true(outs[0] != outs[1], f"{'.'.join(path)}: {self.value!r} changes nothing:\n{outs[1][:2000]}")


class Window(Differs):
    """One key of a window, beside one that opens it at all."""

    def holds(self, place, path):
        outs = []
        for window in (self.base, dict(self.base, **{path[-1]: self.value})):
            document = with_value(BASE, ["schedule", "windows"], [window])
            place.write("k.yaml", json.dumps(document))
            outs.append(self.look(place, "k.yaml"))
        true(outs[0] != outs[1], f"{'.'.join(path)}: {self.value!r} changes nothing:\n{outs[1][:2000]}")


class Attachment(Differs):
    """A kind of attachment."""

    def holds(self, place, path):
        document = dict(BASE, channel="by-hand", confirm={"taps_per_day": 100})
        place.write("k.yaml", json.dumps(document))
        before = self.look(place, "k.yaml")
        document["message"] = {"text": "hello", "attachments": [{path[-1]: self.value}]}
        place.write("k.yaml", json.dumps(document))
        true(before != self.look(place, "k.yaml"), f"{'.'.join(path)} changes nothing")


class Named:
    """Another test shows it."""

    def __init__(self, file, test, word=None):
        self.file, self.test, self.word = file, test, word

    def holds(self, place, path):
        full = os.path.join(SOURCE, "tests", self.file)
        with open(full, encoding="utf-8") as source:
            text = source.read()
        true(re.search(rf"(def test_|void ){re.escape(self.test)}\(", text),
             f"{'.'.join(path)}: {self.file} has no test {self.test}")
        true((self.word or path[-1]) in text, f"{self.file} says nothing of {path[-1]}")


HAND = "integration/by_hand.py"
RAMP = {"per": "day", "max": 9}
CAMPAIGN = {
    "campaign": Differs(plan, "other"),
    "title": Named("integration/keys.py", "two_approvers_are_two"),
    "channel": Differs(plan, "other", other="dry"),
    "senders": Differs(plan, ["b"]),
    "audience.file": Differs(plan, "others.csv", other="people.csv"),
    "audience.recipients": Differs(plan, ["x", "y"], {"audience/file": None}, ["x"]),
    "audience.contacts": Named("integration/contacts.py", "a_campaign_for_the_contact_book"),
    "audience.senders": Differs(plan, "all", {"audience/file": None}),
    "audience.where.tags_any": Differs(plan, ["vip"]),
    "audience.where.tags_all": Differs(plan, ["vip", "old"]),
    "audience.where.tags_none": Differs(plan, ["vip"]),
    "audience.where.not_contacted": Named(
        "integration/not_contacted.py", "whom_another_campaign_wrote_to_is_not_in_the_audience"),
    "audience.expect": Differs(check, 7),
    "audience.tolerance": Differs(check, 20, {"audience/expect": 7}),
    "message.text": Differs(preview, "good day", other="hello"),
    "message.format": Differs(check, "markdown", {"channel": "by-hand"}),
    "message.attachments.image": Attachment(check, "none.png"),
    "message.attachments.video": Attachment(check, "none.mp4"),
    "message.attachments.file": Attachment(check, "none.pdf"),
    "schedule.start": Differs(plan, "2027-03-02 09:30"),
    "schedule.end": Differs(plan, "2027-03-01 10:00"),
    "schedule.timezone": Differs(plan, "Asia/Tokyo"),
    "schedule.fallback_timezone": Differs(plan, "Asia/Tokyo", {"schedule/timezone": "recipient"},
                                          "Europe/Berlin"),
    "schedule.calendar": Differs(
        plan, "cn", {"schedule/start": "2026-10-05 09:00", "schedule/end": "2026-10-11 20:00",
                     "schedule/windows": [{"days": "workdays"}]}),
    "schedule.windows.days": Window(plan, "tue", {"hours": "10:00-12:00"}),
    "schedule.windows.dates": Window(plan, "2027-03-04", {"hours": "10:00-12:00"}),
    "schedule.windows.hours": Window(plan, "14:00-16:00", {"days": "daily"}),
    "schedule.quiet_hours": Differs(plan, "09:00-12:00"),
    "schedule.skip_dates": Differs(plan, "2027-03-01"),
    "pace.interval": Differs(plan, "1m..2m", other="10m..20m"),
    "pace.distribution": Differs(plan, "exponential"),
    "pace.batch": Differs(plan, 5),
    "pace.priority": Named("unit/engine/pacing.c", "priority_then_the_earlier_end_then_in_turn"),
    "pace.limits.max": Limit(plan, 2, other=5),
    "pace.limits.per": Limit(plan, "12h", other="1d"),
    "pace.limits.scope": Limit(plan, "campaign", other="sender"),
    "pace.limits.count": Limit(plan, "sends"),
    "pace.limits.ramp.from": Limit(plan, 1, dict(RAMP, ramp={"step": 1, "from": 4}), 4),
    "pace.limits.ramp.step": Limit(plan, 1, dict(RAMP, ramp={"step": 4, "from": 1}), 4),
    "pace.limits.ramp.every": Limit(plan, "week", dict(RAMP, ramp={"step": 1, "from": 1}), "day"),
    "pace.limits.on_cap": Named("integration/control.py",
                                "a_recipients_limit_drops_or_holds_across_campaigns"),
    "confirm.within": Named(HAND, "late_expires_what_nobody_answered"),
    "confirm.remind": Named(HAND, "tasks_and_reminders"),
    "confirm.late": Named("integration/keys.py", "a_question_that_may_stay_open_stays"),
    "confirm.taps_per_day": Differs(check, 3, {"channel": "by-hand"}, 100),
    "policy": Named("integration/policy.py", "a_blocked_term_is_told_where_it_stands"),
    "approval.approvers": Named("integration/keys.py", "two_approvers_are_two"),
}
SYNC, RUN = "integration/wecom_sync.py", "integration/wecom_run.py"
WECOM = {
    "audience.groups.name": Named(SYNC, "groups_by_name_and_owner"),
    "audience.groups.owners": Named(SYNC, "groups_by_name_and_owner"),
    "audience.of_several": Named(SYNC, "how_and_when_somebody_was_added_narrows"),
    "audience.where.added_within": Named(SYNC, "how_and_when_somebody_was_added_narrows"),
    "audience.where.not_added_within": Named(SYNC, "how_and_when_somebody_was_added_narrows"),
    "audience.where.added_ways": Named(SYNC, "how_and_when_somebody_was_added_narrows"),
    "audience.where.added_states": Named(SYNC, "how_and_when_somebody_was_added_narrows"),
    "stop_when.not_a_friend": Named("integration/wecom.py", "too_many_who_are_no_friends_pause_the_campaign"),
    "message.attachments.link.title": Named(RUN, "three_thousand_customers_by_tag_with_two_taps"),
    "message.attachments.link.url": Named(RUN, "three_thousand_customers_by_tag_with_two_taps"),
    "message.attachments.link.picture": Named(RUN, "three_thousand_customers_by_tag_with_two_taps"),
    "message.attachments.link.description": Named("unit/conf/revision.c", "what_differs_differs"),
    "message.attachments.link.trace": Named("unit/conf/campaign.c", "single_errors_have_their_place"),
    "message.attachments.miniprogram.appid": Named("unit/conf/revision.c", "what_differs_differs"),
    "message.attachments.miniprogram.title": Named("unit/conf/revision.c", "what_differs_differs"),
    "message.attachments.miniprogram.page": Named("unit/conf/revision.c", "what_differs_differs"),
    "message.attachments.miniprogram.picture": Named("unit/conf/revision.c", "what_differs_differs"),
}
CAMPAIGN.update(WECOM)

CONF, TASKS = "unit/conf/service.c", "integration/wecom.py"
SERVICE_KEYS = {
    "store": Named(CONF, "every_key_is_read", "store"),
    "socket": Named("integration/happy.py", "exit_codes", "paceline.sock"),
    "listen": Named(CONF, "every_key_is_read"),
    "timezone": Named(CONF, "every_key_is_read", "zone_name"),
    "language": Named(CONF, "every_key_is_read"),
    "policy": Named("integration/policy.py", "a_blocked_term_is_told_where_it_stands"),
    "accounts.corp_id": Named(TASKS, "a_task_is_made_and_its_results_settle_everybody"),
    "accounts.agent_id": Named(TASKS, "members_get_app_messages"),
    "accounts.secret.file": Named("integration/wecom_run.py", "a_wrong_secret_is_tried_once", "secret"),
    "accounts.secret.env": Named(CONF, "secrets_come_from_elsewhere"),
    "accounts.secret.credential": Named(CONF, "secrets_come_from_elsewhere"),
    "accounts.receive_cap": Named("unit/conf/policy.c", "the_receive_cap_is_the_accounts"),
    "accounts.suppress_tags": Named(SYNC, "names_of_a_file_go_to_their_member_and_strangers_to_nobody"),
    "accounts.api": Named(CONF, "a_standin_is_on_loopback"),
    "accounts.standin": Named(CONF, "a_standin_is_on_loopback"),
    "accounts.poll": Named(CONF, "accounts_are_read"),
    "accounts.reconcile.after": Named(CONF, "accounts_are_read", "reconcile_after"),
    "accounts.reconcile.for": Named(CONF, "accounts_are_read", "reconcile_for"),
    "channels.plugin": Named("integration/reload.py", "a_new_channel_works_without_a_restart"),
    "channels.mode": Named("integration/wecom.py", "members_get_app_messages"),
    "channels.senders": Named("integration/happy.py",
                              "a_channel_that_is_not_there_or_a_sender_that_is_not_listed", "sender"),
    "channels.api": Named(CONF, "a_standin_is_on_loopback"),
    "channels.standin": Named(CONF, "a_standin_is_on_loopback"),
    "channels.account": Named(TASKS, "a_task_is_made_and_its_results_settle_everybody"),
    "channels.policy": Named("integration/policy.py", "a_blocked_term_is_told_where_it_stands"),
    "users.name": Named("integration/approval.py", "submitter_stranger_and_approver", "alice"),
    "users.roles": Named("integration/approval.py", "what_each_role_may_not_do"),
    "users.os_user": Named(CONF, "every_key_is_read"),
    "users.senders": Named(HAND, "only_the_person_of_the_sender_answers"),
    "approval.allow_self": Named("integration/approval.py",
                                 "without_allow_self_one_person_approves_nothing"),
}


def schema_leaves():
    with open(os.path.join(SOURCE, "config/schema/campaign.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)

    def walk(node, path):
        if "$ref" in node:
            node = schema["definitions"][node["$ref"].split("/")[-1]]
        inside = node.get("properties") or node.get("items", {}).get("properties")
        if not inside:
            return [".".join(path)]
        return [leaf for key, child in inside.items() for leaf in walk(child, path + [key])]
    return walk(schema, [])


def service_leaves():
    """Of the tables in keys.c: those that are read."""
    with open(os.path.join(SOURCE, "scheduler/conf/keys.c"), encoding="utf-8") as file:
        text = file.read()
    entry = re.compile(r'\{(?:\.name = )?"(\w+)"([^{}]*)\}')
    tables = {name: entry.findall(body) for name, body in
              re.findall(r"const struct key (\w+)\[\] = \{(.*?)\{0\}\};", text, re.S)}

    def walk(table, path):
        leaves = []
        for name, rest in tables[table]:
            inside = re.search(r"\w+_keys", rest)
            if "KEY_LATER" in rest:
                continue
            leaves += (walk(inside.group(0), path + [name]) if inside
                       else [".".join(path + [name])])
        return leaves
    return walk("service_keys", [])


def prepared(place):
    place.write("paceline.yaml", SERVICE)
    place.write("people.csv", "recipient,tags,timezone\n" + PEOPLE)
    place.write("others.csv", "recipient,tags,timezone\n" + PEOPLE.replace("p", "q"))


def test_each_key_of_a_campaign_does_something():
    with Place() as place:
        prepared(place)
        equal(sorted(CAMPAIGN), sorted(schema_leaves()), "keys with an entry here")
        for path, shown in CAMPAIGN.items():
            shown.holds(place, path.split("."))


def test_each_key_of_the_service_file_is_shown_by_a_test():
    equal(sorted(SERVICE_KEYS), sorted(service_leaves()), "keys with an entry here")
    for path, shown in SERVICE_KEYS.items():
        shown.holds(None, path.split("."))


def test_a_key_that_changes_nothing_is_found():
    with Place() as place:
        prepared(place)
        for idle in (Differs(plan, "10m..20m", other="10m..20m"), Differs(plan, "2099-01-01"),
                     Named(HAND, "no_such_test"), Named(HAND, "tasks_and_reminders", "no_such_word")):
            path = ["pace", "interval"] if idle.__class__ is Differs and idle.other else \
                ["schedule", "skip_dates"]
            try:
                idle.holds(place, path)
            except AssertionError:
                continue
            raise AssertionError(f"{path} was not found")


def test_two_approvers_are_two():
    with Place() as place:
        place.start()
        for approvers, state in ((1, "done"), (2, "draft")):
            name = f"by{approvers}"
            place.submit(place.campaign(name, "dry", ["x"], approval=f"{{approvers: {approvers}}}"))
            place.cli("approve", name)
            place.wait_state(name, state)
            equal(place.show(name)["title"], f"The {name} campaign", "title")
        place.cli("approve", "by2", expect=77)  # nobody counts twice
        equal(place.show("by2")["state"], "draft", "still")
        place.stop()


def test_a_question_that_may_stay_open_stays():
    with Place(hands=["a"]) as place:
        place.start()
        for late in ("cancel", "leave"):
            place.launch(place.campaign(late, "by-hand", [late], "0s..0s", senders="[a]",
                                        confirm=f"{{within: 300ms, late: {late}}}"))
            if late == "cancel":
                place.wait_state(late, "done")
        place.wait_count("leave", "prompted", 1)
        began = now_ms()
        wait_until(lambda: now_ms() > began + 1500, "time passes")
        equal(place.states("cancel"), {"cancel": "expired"}, "late: cancel")
        equal(place.states("leave"), {"leave": "prompted"}, "late: leave")
        place.stop()


main(globals())
