"""A step of docs/wecom.md that is missing is named: by `config check` as far as files tell, by
`contacts sync` and `status` when the platform says it."""
from support import Place, equal, lines, main, true, wait_until
from wecom import PEOPLE, Wecom


def problem(place):
    return lines(place.cli("status", "--json").out)[-1]["service"]["problem"] or ""


def test_the_first_question_to_the_platform_names_the_step():
    for fault, code, step in (("untrusted", 60020, "step 3"), ("forbidden", 48002, "step 4"),
                              ("other-agent", 301002, "step 6")):
        with Wecom(PEOPLE, options=("--fault", f"{fault}:100:get_corp_tag_list")) as place:
            place.start()
            said = place.cli("contacts", "sync", "brand", expect=1).err
            true(f"errcode {code}: " in said and f"({step} of docs/wecom.md)" in said, said)
            wait_until(lambda: "contacts sync brand: " in problem(place), "status has it")
            true(step in problem(place), problem(place))
            true(step in place.cli("status").out, "for people, too")
            place.tell("faults", {"faults": []})
            place.cli("contacts", "sync", "brand")
            equal(problem(place), "", "once it is done")
            place.stop()


def test_a_wrong_secret_is_said_and_not_repeated():
    with Wecom(PEOPLE) as place:
        place.write("wecom.secret", "another\n", 0o600)
        place.start()
        said = place.cli("contacts", "sync", "brand", expect=1).err
        true("errcode 40001: " in said and "(step 6 of docs/wecom.md)" in said, said)
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        wait_until(lambda: "customers: errcode 40001: " in problem(place), "status has it")
        equal(len(place.calls("gettoken")), 2, "once for each thing that a person began")
        place.write("wecom.secret", "the-secret-of-the-app\n", 0o600)
        place.cli("reload")
        place.wait_count("spring", "prompted", 1)
        true("contacts sync brand: errcode 40001" in problem(place), "its own trouble is over")
        place.cli("contacts", "sync", "brand")
        equal(problem(place), "", "both are done")


def test_a_task_that_is_refused_names_the_step():
    with Wecom(PEOPLE, options=("--fault", "forbidden:100:add_msg_template")) as place:
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        wait_until(lambda: "customers: errcode 48002: " in problem(place), "status has it")
        true("step 4 of docs/wecom.md" in problem(place), problem(place))
        place.tell("faults", {"faults": []})
        place.cli("pause", "spring")
        place.cli("resume", "spring") # a person has looked
        place.wait_count("spring", "prompted", 1)
        equal(problem(place), "", "it is over")


def test_a_member_who_may_not_names_the_step():
    with Wecom(PEOPLE) as place:
        place.start()
        place.tell("world", {"members": [{"userid": "lin.yue", "follows": False}]})
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        place.wait_count("spring", "failed", 1)
        equal(place.deliveries("spring")[0]["reason"], "channel_refused", "the delivery")
        true("errcode 84074: " in problem(place) and "step 5 of docs/wecom.md" in problem(place),
             problem(place))


def test_in_chinese_the_platforms_own_words_stay():
    with Wecom(PEOPLE, options=("--fault", "forbidden:100:add_msg_template")) as place:
        with open(place.path("paceline.yaml"), encoding="utf-8") as file:
            place.write("paceline.yaml", file.read().replace("language: en", "language: zh"))
        place.start()
        place.launch(place.mass("spring", [("wm1", "lin.yue")]))
        wait_until(lambda: problem(place) == "customers: errcode 48002: 应用没有权限：请把它加入“可调用接口的"
                   "应用”（docs/wecom.md 第 4 步） (\"api forbidden\")", "in words")
        true("the app may not do this" in place.service.said(), "the log stays as it is")


def test_config_check_names_what_files_lack():
    with Place() as place:
        place.cli("init", "w", "--wecom")
        file = "w/paceline.yaml"

        def check():
            return place.cli("config", "check", "--config", file, expect=65).err

        def change(old, new):
            with open(place.path(file), encoding="utf-8") as text:
                now = text.read()
            true(old in now, old)
            place.write(file, now.replace(old, new))
        found = check()
        true(found.count("(step 6 of docs/wecom.md)") == 2, found) # the secret is looked at later
        change("ww0000000000000000", "ww0123456789abcdef")
        change("agent_id: 1000000", "agent_id: 1000002")
        true("still the secret of 'paceline init'" in check(), "the secret")
        place.write("w/wecom.secret", "", 0o600)
        true("the secret is empty (the app's secret: step 6 of docs/wecom.md)" in check(), "empty")
        place.write("w/wecom.secret", "of-the-app\n", 0o600)
        out = place.cli("config", "check", "--config", file).out
        true("account brand: step 6 of docs/wecom.md is done; whether steps 1 to 5 are, the platform "
             "says: paceline contacts sync brand\n" in out, out)
        change("    agent_id: 1000002\n", "")
        true("missing key 'agent_id' (from the admin console: step 6 of docs/wecom.md)" in check(),
             "a missing key")


if __name__ == "__main__":
    main(globals())
