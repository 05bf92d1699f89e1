"""The stand-in of the platform, driven by HTTP: every example of the wire format, failures included,
and what it does wrong when it is told to."""
import http.client
import json
import socket

from corp import AGENT, CORP, SECRET, Corp, customer, group
from support import Place, equal, main, true, wait_until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIN, HE = "lin.yue", "he.qi"
NOON = 1788235200000 # Tuesday 2026-09-01 12:00 in Shanghai
CREATED = 1788200010
TASK = "msgPACER000000000000000000000017"
TEXT = "周三新品，详情见链接。回复T退订"
LINK = {"title": "春季上新", "url": "https://shop.example.com/p/7?t=task-000017"}
FULL_LINK = {"title": "春季上新", "picurl": "", "desc": "", "url": LINK["url"]}


class Behind:
    """A place whose stand-in has a small world: five customers of lin.yue, one of he.qi's groups."""

    def __init__(self, *options, world=True):
        self.options, self.world = options, world

    def __enter__(self):
        self.place = Place()
        self.place.__enter__()
        corp = Corp(self.place.start_standin(*self.options))
        if self.world:
            # a fixed day, so that none ends while a test counts what it holds
            corp.order("clock", forward_ms=NOON - corp.state()["now_ms"])
            corp.order("world", members=[{"userid": LIN, "name": "林月"}, {"userid": HE}],
                       customers=[customer_row(1, "阿青", unionid="oPACERUNION1", gender=2)] +
                       [customer_row(n, f"客户{n}") for n in range(3, 7)],
                       groups=[{"chat_id": group(1), "name": "老客群1", "owner": LIN,
                                "people": 1}])
        return corp

    def __exit__(self, *why):
        self.place.__exit__(*why)


def customer_row(number, name, member=LIN, **more):
    return {"external_userid": customer(number), "name": name, **more,
            "follows": [{"userid": member, "createtime": CREATED, "remark": "阿青-展会",
                         "tags": ["渠道/展会"], "add_way": 1,
                         "state": "spring_expo_north_gate_day01"}]}


def single(*numbers, text="一", **more):
    return {"chat_type": "single", "sender": LIN, "text": {"content": text},
            "external_userid": [customer(n) for n in numbers], **more}


def create(corp, *numbers, **more):
    answer = corp.contact("add_msg_template", single(*numbers, **more))
    equal(answer["errcode"], 0, "errcode of a create")
    return answer["msgid"]


def results(corp, msgid, member=LIN, key="external_userid"):
    """{recipient: status} of one member."""
    answer = corp.contact("get_groupmsg_send_result", {"msgid": msgid, "userid": member})
    equal(answer["errcode"], 0, "errcode of the results")
    return {row[key]: row["status"] for row in answer["send_list"]}


def code(corp, name, body=None, **query):
    return corp.contact(name, body, **query)["errcode"]


# --- the wire -------------------------------------------------------------------------------------


def like(found, expected, where):
    """What the example has is there: the same values, and the same kind where it holds a time."""
    true(isinstance(found, type(expected)), f"{where}: {found!r} is not like {expected!r}")
    if isinstance(expected, dict):
        for key, value in expected.items():
            true(key in found, f"{where}: {key} is missing in {found}")
            like(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        equal(len(found), len(expected), f"{where}: how many in {found}")
        for number, value in enumerate(expected):
            like(found[number], value, f"{where}[{number}]")
    elif where.rsplit(".", 1)[-1] not in ("create_time", "created_at", "send_time", "errmsg",
                                          "join_time", "access_token", "order"):
        equal(found, expected, where)


# call, request (a query for GET), the example's answer
EXAMPLES = [
    ("get_follow_user_list", None, {"errcode": 0, "errmsg": "ok", "follow_user": [LIN, HE]}),
    ("list?userid=he.qi", None, {"errcode": 0, "errmsg": "ok", "external_userid": [customer(9)]}),
    ("get?external_userid=" + customer(1), None,
     {"errcode": 0, "errmsg": "ok",
      "external_contact": {"external_userid": customer(1), "name": "阿青", "type": 1, "gender": 2,
                           "unionid": "oPACERUNION1"},
      "follow_user": [{"userid": LIN, "remark": "阿青-展会", "description": "",
                       "createtime": CREATED,
                       "tags": [{"group_name": "渠道", "tag_name": "展会", "tag_id": "etPACER01",
                                 "type": 1}],
                       "add_way": 1, "state": "spring_expo_north_gate_day01",
                       "oper_userid": customer(1)}],
      "next_cursor": ""}),
    ("batch/get_by_user", {"userid_list": [LIN], "cursor": "", "limit": 1},
     {"errcode": 0, "errmsg": "ok",
      "external_contact_list": [
          {"external_contact": {"external_userid": customer(1), "name": "阿青", "type": 1,
                                "gender": 2},
           "follow_info": {"userid": LIN, "remark": "阿青-展会", "createtime": CREATED,
                           "tag_id": ["etPACER01"], "add_way": 1,
                           "state": "spring_expo_north_gate_day01"}}]}),
    ("get_corp_tag_list", {"group_id": ["etGRP1"]},
     {"errcode": 0, "errmsg": "ok",
      "tag_group": [{"group_id": "etGRP1", "group_name": "渠道", "create_time": 1788000000,
                     "order": 1, "deleted": False,
                     "tag": [{"id": "etPACER01", "name": "展会", "create_time": 1788000000,
                              "order": 1, "deleted": False}]}]}),
    ("groupchat/list", {"status_filter": 0, "owner_filter": {"userid_list": [LIN]}, "cursor": "",
                        "limit": 1000},
     {"errcode": 0, "errmsg": "ok", "group_chat_list": [{"chat_id": group(1), "status": 0}],
      "next_cursor": ""}),
    ("groupchat/get", {"chat_id": group(1), "need_name": 1},
     {"errcode": 0, "errmsg": "ok",
      "group_chat": {"chat_id": group(1), "name": "老客群1", "owner": LIN, "notice": "",
                     "create_time": 1787000000,
                     "member_list": [
                         {"userid": LIN, "type": 1, "join_time": 1787000000, "join_scene": 1,
                          "group_nickname": "", "name": "林月"},
                         {"userid": customer(1), "type": 2, "join_time": 1787000100,
                          "join_scene": 3, "group_nickname": "", "name": "阿青"}],
                     "admin_list": [], "member_version": "0a1b"}}),
    ("add_msg_template",
     {"chat_type": "single", "external_userid": [customer(1), customer(2)], "sender": LIN,
      "allow_select": False, "text": {"content": TEXT},
      "attachments": [{"msgtype": "link", "link": FULL_LINK}]},
     {"errcode": 0, "errmsg": "ok", "fail_list": [customer(2)], "msgid": TASK}),
    ("add_msg_template",
     {"chat_type": "group", "sender": LIN, "chat_id_list": [group(1)],
      "text": {"content": "本周活动时间表"}},
     {"errcode": 0, "errmsg": "ok", "fail_list": [], "msgid": TASK[:-1] + "8"}),
    ("get_groupmsg_list_v2", "of the single tasks that say TEXT",
     {"errcode": 0, "errmsg": "ok", "next_cursor": "",
      "group_msg_list": [{"msgid": TASK, "create_time": "1788200100", "create_type": 0,
                          "text": {"content": TEXT},
                          "attachments": [{"msgtype": "link", "link": FULL_LINK}]}]}),
    ("get_groupmsg_task", {"msgid": TASK, "limit": 500},
     {"errcode": 0, "errmsg": "ok", "next_cursor": "",
      "task_list": [{"userid": LIN, "status": 2, "send_time": 1788203000}]}),
    ("remind_groupmsg_send", {"msgid": TASK}, {"errcode": 0, "errmsg": "ok"}),
    ("cancel_groupmsg_send", {"msgid": TASK}, {"errcode": 0, "errmsg": "ok"}),
]


def test_every_example_of_customer_contact():
    with Behind() as corp:
        corp.order("world", customers=[customer_row(9, "九", HE)])
        for number in range(16): # so that the example's task has the example's number
            create(corp, 3, text=str(number))
        began = corp.state()["now_ms"] // 1000
        for name, body, expected in EXAMPLES:
            call, _, query = name.partition("?")
            if name == "get_groupmsg_list_v2":
                body = {"chat_type": "single", "start_time": began - 3600,
                        "end_time": began + 3600, "filter_type": 0, "limit": 100, "cursor": ""}
            if name == "get_groupmsg_task":
                corp.tap(msgid=TASK)
            answer = corp.contact(call, body, **dict([query.split("=")] if query else []))
            if name == "get_groupmsg_list_v2":
                answer["group_msg_list"] = [m for m in answer["group_msg_list"]
                                            if m["text"]["content"] == TEXT]
                true("creator" not in answer["group_msg_list"][0], "an API task has a creator")
            like(answer, expected, name)


def test_the_example_of_results_has_every_status():
    with Behind() as corp:
        corp.order("by-hand", userid=LIN, recipients=[customer(3)], text="我自己发的")
        corp.order("world", customers=[{"external_userid": customer(4),
                                        "follows": [{"userid": LIN, "lost": True}]}])
        msgid = create(corp, 1, 3, 4, 5)
        corp.tap(msgid=msgid, share=75)
        answer = corp.contact("get_groupmsg_send_result",
                              {"msgid": msgid, "userid": LIN, "limit": 500})
        like(answer, {
            "errcode": 0, "errmsg": "ok", "next_cursor": "",
            "send_list": [
                {"external_userid": customer(1), "userid": LIN, "status": 1, "send_time": 1},
                {"external_userid": customer(3), "userid": LIN, "status": 3},
                {"external_userid": customer(4), "userid": LIN, "status": 2},
                {"external_userid": customer(5), "userid": LIN, "status": 0}]}, "results")
        equal(["send_time" in r for r in answer["send_list"]], [True, False, False, False],
              "who has a send_time")


def test_every_example_of_tokens_media_and_messages():
    with Behind() as corp:
        like(corp.call("gettoken", corpid=CORP, corpsecret=SECRET),
             {"errcode": 0, "errmsg": "ok", "access_token": "T", "expires_in": 7200}, "gettoken")
        like(corp.upload("image", PNG, "a.png"),
             {"errcode": 0, "type": "image", "media_id": "MEDIA-1", "created_at": "1788200400"},
             "media/upload")
        like(corp.upload(None, PNG, "a.png", "media/uploadimg"),
             {"errcode": 0, "url": "https://example.invalid/pic/1"}, "media/uploadimg")
        request = {"touser": "lin.yue|no.one", "msgtype": "text", "agentid": AGENT,
                   "text": {"content": "今天有1个群发任务待确认"}, "enable_duplicate_check": 1,
                   "duplicate_check_interval": 1800}
        answer = corp.call("message/send", request)
        like(answer, {"errcode": 0, "invaliduser": "no.one", "msgid": "MSGAPP0002"}, "send")
        equal(corp.call("message/send", request)["msgid"], answer["msgid"], "the same again")
        equal([m["recipient"] for m in corp.messages()], [LIN], "who got it, once")
        equal(corp.call("message/recall", {"msgid": answer["msgid"]})["errcode"], 0, "recall")
        corp.order("clock", forward_ms=25 * 3600 * 1000)
        corp.new_token()
        equal(corp.call("message/recall", {"msgid": answer["msgid"]})["errcode"], 42052, "late")


def test_every_failure_of_customer_contact():
    with Behind() as corp:
        corp.order("world", groups=[{"chat_id": "internal", "owner": LIN, "internal": True},
                                    {"chat_id": "gone", "owner": LIN, "dismissed": True}],
                   members=[{"userid": "no.right", "follows": False}])
        empty = {"msgid": TASK}
        long_ago = {"chat_type": "single", "start_time": 0, "end_time": 40 * 86400}
        for name, body, query, expected in [
                ("add_msg_template", single(7, 8), {}, 41048),
                ("remind_groupmsg_send", empty, {}, 41047),
                ("cancel_groupmsg_send", empty, {}, 41047),
                ("cancel_groupmsg_send", {}, {}, 41046),
                ("get_groupmsg_task", empty, {}, 41047),
                ("get_groupmsg_list_v2", long_ago, {}, 40058),
                ("list", None, {"userid": HE}, 84061),
                ("list", None, {"userid": "nobody"}, 40003),
                ("get", None, {"external_userid": "x"}, 40096),
                ("batch/get_by_user", {"userid_list": [LIN], "cursor": "CUR1-0"}, {}, 50100),
                ("batch/get_by_user", {"userid_list": ["no.right"]}, {}, 84074),
                ("get_corp_tag_list", {"tag_id": ["x"]}, {}, 40068),
                ("groupchat/list", {"limit": 1001}, {}, 40058),
                ("groupchat/get", {"chat_id": "internal"}, {}, 90501),
                ("groupchat/get", {"chat_id": "gone"}, {}, 49008),
                ("groupchat/get", {"chat_id": "nowhere"}, {}, 40050)]:
            equal(code(corp, name, body, **query), expected, f"{name} {body} {query}")
        equal(corp.contact("add_msg_template", single(7, 8))["fail_list"],
              [customer(7), customer(8)], "fail_list of 41048")
        equal(corp.contact("list", userid=HE)["external_userid"], [], "the empty list of a failure")
        equal(corp.call("message/send", {"touser": "No.One", "msgtype": "text", "agentid": AGENT,
                                         "text": {"content": "x"}}),
              {"errcode": 81013, "errmsg": "user & party & tag all invalid",
               "invaliduser": "no.one"}, "81013")
        equal(corp.call("message/send", {"touser": LIN, "msgtype": "text", "agentid": 5,
                                         "text": {"content": "x"}})["errcode"], 301002, "agent")
        corp.order("seed", members=1001)
        equal(code(corp, "groupchat/list", {"limit": 10}), 81017, "a wide range")


def test_the_transport():
    with Behind() as corp:
        equal(corp.http("GET", "/cgi-bin/nothing"), (404, b""), "an unknown path")
        token = corp.new_token()
        equal(len(token), 512, "a token as long as they may be")
        equal(code(corp, "add_msg_template"), 44004, "GET used for POST")
        answer = corp.http("POST", "/cgi-bin/externalcontact/get_groupmsg_task?access_token=" +
                           token, b"{not json")
        equal(json.loads(answer[1])["errcode"], 40035, "a body that is no JSON")
        answer = corp.http("GET", "/cgi-bin/externalcontact/get_follow_user_list", None,
                           {"Authorization": "Bearer " + token})
        equal(json.loads(answer[1]), {"errcode": 41001, "errmsg": "access_token missing",
                                      "follow_user": []}, "a token elsewhere")


# --- tokens ---------------------------------------------------------------------------------------


def test_tokens_expire_are_lost_and_are_refused():
    with Behind("--wrong-secrets", "3") as corp:
        first = corp.new_token()
        second = corp.new_token()
        equal(code(corp, "get_follow_user_list", token=first), 0, "the older one is still good")
        corp.order("lose-tokens")
        equal(code(corp, "get_follow_user_list", token=second), 40014, "lost early")
        corp.new_token()
        corp.order("clock", forward_ms=7199 * 1000)
        equal(code(corp, "get_follow_user_list"), 0, "a second before")
        corp.order("clock", forward_ms=2000)
        equal(code(corp, "get_follow_user_list"), 42001, "expired")

        def ask(**query):
            return corp.call("gettoken", **query)["errcode"]
        equal([ask(corpsecret=SECRET), ask(corpid=CORP), ask(corpid="x", corpsecret=SECRET)],
              [41002, 41004, 40013], "what is missing")
        equal([ask(corpid=CORP, corpsecret="wrong") for _ in range(4)],
              [40001, 40001, 40001, 45009], "a wrong secret, until the address is blocked")
        equal(ask(corpid=CORP, corpsecret=SECRET), 45009, "the block is for the right one too")
        with open(corp.standin.record_path, encoding="utf-8") as record:
            said = record.read()
        true(SECRET not in said and "wrong" not in said and second not in said,
             "a secret in the record")


# --- creating -------------------------------------------------------------------------------------


def recipients(corp):
    """Of the newest task."""
    return [row["recipient"] for row in corp.tasks()[-1]["rows"]]


def test_the_dangerous_defaults_are_the_platforms():
    with Behind() as corp:
        corp.order("world", customers=[{"external_userid": customer(6),
                                        "follows": [{"userid": LIN, "tags": ["等级/VIP"]}]}])
        everybody = [customer(n) for n in (1, 3, 4, 5, 6)]
        text = {"content": "x"}
        equal(code(corp, "add_msg_template", {"sender": LIN, "text": text}), 0, "a sender alone")
        equal(recipients(corp), everybody, "is everybody")
        equal(code(corp, "add_msg_template", {"sender": LIN, "text": text,
                                              "external_userid": []}), 0, "an empty list")
        equal(recipients(corp), everybody, "is everybody")
        tags = {"group_list": [{"tag_list": ["etPACER02"]}]}
        code(corp, "add_msg_template", {"sender": LIN, "text": text, "tag_filter": tags})
        equal(recipients(corp), [customer(6)], "by tag")
        code(corp, "add_msg_template", {**single(1), "tag_filter": tags})
        equal(recipients(corp), [customer(1)], "a list makes the tags count for nothing")
        equal(code(corp, "add_msg_template", {"text": text}), 40058, "nobody named at all")
        code(corp, "add_msg_template", {"chat_type": "group", "sender": LIN, "text": text})
        equal(recipients(corp), [group(1)], "no groups named: the owner chooses")
        equal(code(corp, "add_msg_template", {"chat_type": "group", "text": text,
                                              "chat_id_list": [group(1)]}), 40058, "no owner")
        equal(code(corp, "add_msg_template", {"chat_type": "group", "sender": HE, "text": text,
                                              "chat_id_list": [group(1)]}), 41048, "another owner")


def test_a_customer_of_two_is_written_to_by_one():
    with Behind() as corp:
        corp.order("world", customers=[{"external_userid": customer(1), "follows": [
            {"userid": HE, "createtime": CREATED + 1}]}])
        code(corp, "add_msg_template", {"text": {"content": "x"},
                                        "external_userid": [customer(1), customer(3)]})
        equal([(r["recipient"], r["userid"]) for r in corp.tasks()[-1]["rows"]],
              [(customer(3), LIN), (customer(1), HE)], "split by who came last")


def test_sizes():
    with Behind() as corp:
        ids = [f"x{n}" for n in range(10001)]
        link = {"msgtype": "link", "link": LINK}
        for body, expected in [
                (single(1, text="宝" * 1333 + "x"), 0), # 4000 bytes
                (single(1, text="宝" * 1334), 45002),
                (single(1, attachments=[link] * 9), 0),
                (single(1, attachments=[link] * 10), 41064),
                (single(1, text="", attachments=[]), 41089),
                (single(1, attachments=[{"msgtype": "poem", "poem": {}}]), 41065),
                (single(1, attachments=[{"msgtype": "link", "link": {"url": "u"}}]), 40058),
                (single(1, attachments=[{"msgtype": "link", "link": {**LINK, "title": "宝" * 43}}]),
                 45002),
                (single(1, attachments=[{"msgtype": "image", "image": {"media_id": "M"}}]), 40007),
                ({**single(1), "external_userid": ids[:10000]}, 41048),
                ({**single(1), "external_userid": ids}, 40058),
                ({"chat_type": "group", "sender": LIN, "text": {"content": "x"},
                  "chat_id_list": ids[:2001]}, 40058)]:
            equal(code(corp, "add_msg_template", body), expected, str(body)[:200])


def test_media():
    with Behind() as corp:
        image = corp.upload("image", PNG, "a.png")["media_id"]
        video = corp.upload("video", b"\0\0\0\x18ftypmp42" + bytes(9), "v.mp4")["media_id"]
        file = corp.upload("file", "价目表".encode(), "价目表.pdf")["media_id"]
        equal([corp.upload(*what)["errcode"] for what in [
            ("image", b"12345"), ("image", b"GIF89a" + bytes(9)), ("image", PNG + bytes(10 << 20)),
            ("voice", b"x" * 10), ("video", PNG), ("song", PNG)]],
            [44001, 40005, 45001, 40005, 40005, 40004], "what is refused")
        parts = [{"msgtype": "image", "image": {"media_id": image}},
                 {"msgtype": "video", "video": {"media_id": video}},
                 {"msgtype": "file", "file": {"media_id": file}},
                 {"msgtype": "miniprogram", "miniprogram": {
                     "title": "t", "pic_media_id": image, "appid": "wx1", "page": "p"}}]
        create(corp, 1, attachments=parts)
        equal(code(corp, "add_msg_template", single(1, attachments=[
            {"msgtype": "video", "video": {"media_id": image}}])), 40004, "of another kind")
        corp.order("clock", forward_ms=3 * 86400 * 1000 + 1000)
        corp.new_token()
        equal(code(corp, "add_msg_template", single(1, attachments=parts)), 40007, "after 3 days")
        row = corp.calls("upload")[2]
        equal((row["filename"], row["size"]), ("价目表.pdf", 9), "what the record says")


# --- members --------------------------------------------------------------------------------------


def test_members_tap_in_their_own_ways():
    with Behind() as corp:
        ways = {"soon": [60000, 60000], "never": [0, 0], "reminded": [0, 0], "partly": [0, 0]}
        for number, (taps, after) in enumerate(ways.items()):
            corp.order("world", members=[{"userid": taps, "taps": taps, "after_ms": after}],
                       customers=[customer_row(20 + 2 * number + k, "x", taps) for k in (0, 1)])

        def ask(taps):
            number = list(ways).index(taps)
            return create(corp, 20 + 2 * number, 21 + 2 * number, sender=taps)

        def seen(taps, msgid):
            return sorted(results(corp, msgid, taps).values())
        asked = {taps: ask(taps) for taps in ways}
        equal({t: seen(t, m) for t, m in asked.items()},
              {"soon": [0, 0], "never": [0, 0], "reminded": [0, 0], "partly": [0, 1]}, "at once")
        for msgid in asked.values():
            equal(code(corp, "remind_groupmsg_send", {"msgid": msgid}), 0, "a reminder")
        equal(seen("reminded", asked["reminded"]), [1, 1], "after the reminder")
        corp.order("clock", forward_ms=60000)
        equal({t: seen(t, m) for t, m in asked.items()},
              {"soon": [1, 1], "never": [0, 0], "reminded": [1, 1], "partly": [0, 1]}, "later")
        equal(corp.tap(userid="never"), 1, "taps")
        equal(seen("never", asked["never"]), [1, 1], "when told to")
        times = [t["created_ms"] for t in corp.tasks() if t["msgid"] == asked["soon"]]
        equal([r["at_ms"] - times[0] for r in corp.reached() if r["sender"] == "soon"],
              [60000, 60000], "at the instant that was due, not when somebody looked")


def test_a_canceled_task_reaches_nobody_more():
    with Behind() as corp:
        msgid = create(corp, 1, 3, 4, 5)
        corp.tap(msgid=msgid, share=50)
        equal(code(corp, "cancel_groupmsg_send", {"msgid": msgid}), 0, "cancel")
        equal(corp.tap(), 0, "taps that count")
        equal(sorted(results(corp, msgid).values()), [0, 0, 1, 1], "results stay to be asked for")
        equal([code(corp, name, {"msgid": msgid}) for name in
               ("cancel_groupmsg_send", "remind_groupmsg_send")], [41093, 41093], "afterwards")


def test_three_reminders_a_day():
    with Behind() as corp:
        msgid = create(corp, 1)
        equal([code(corp, "remind_groupmsg_send", {"msgid": msgid}) for _ in range(4)],
              [0, 0, 0, 41094], "reminders")
        corp.order("clock", forward_ms=24 * 3600 * 1000)
        corp.new_token()
        equal(code(corp, "remind_groupmsg_send", {"msgid": msgid}), 0, "a day later")


def test_what_one_may_receive():
    noon = NOON
    day = 86400 * 1000
    with Behind() as corp:
        def at(instant):
            corp.order("clock", forward_ms=instant - corp.state()["now_ms"])
            corp.new_token()
            msgid = create(corp, 1)
            corp.tap(msgid=msgid)
            return results(corp, msgid)[customer(1)]
        equal([at(noon), at(noon + day // 2 - 60000), at(noon + day // 2 + 60000)], [1, 3, 1],
              "one a day, and a day ends at midnight in Shanghai")
        corp.order("settings", receive_cap="week") # that week: two so far
        equal([at(noon + 2 * day + n) for n in range(6)], [1, 1, 1, 1, 1, 3], "seven a week")
        equal([at(noon + 6 * day - day // 2 - 60000), at(noon + 6 * day - day // 2 + 60000)],
              [3, 1], "a week ends on Sunday")
        corp.order("settings", receive_cap="month") # eight so far
        equal([at(noon + 8 * day + n) for n in range(23)], [1] * 22 + [3], "thirty in September")
        equal(at(noon + 30 * day), 1, "October")


def test_by_hand_counts_too_and_is_listed():
    with Behind() as corp:
        corp.order("by-hand", userid=LIN, recipients=[customer(1)], text="我自己发的")
        msgid = create(corp, 1, 3)
        corp.tap(msgid=msgid)
        equal(results(corp, msgid), {customer(1): 3, customer(3): 1}, "the cap is the corp's")
        now = corp.state()["now_ms"] // 1000

        def listed(**more):
            answer = corp.contact("get_groupmsg_list_v2", {
                "chat_type": "single", "start_time": now - 100, "end_time": now + 100, **more})
            return [(m["create_type"], m.get("creator")) for m in answer["group_msg_list"]]
        equal(listed(), [(1, LIN), (0, None)], "all")
        equal([listed(filter_type=0), listed(filter_type=1), listed(creator=LIN)],
              [[(0, None)], [(1, LIN)], [(1, LIN)]], "by filter")


# --- paging ---------------------------------------------------------------------------------------


def pages(corp, name, key, body):
    found, cursor = [], ""
    while True:
        answer = corp.contact(name, {**body, "cursor": cursor})
        equal(answer["errcode"], 0, name)
        found.append(answer[key])
        cursor = answer["next_cursor"]
        if not cursor:
            return found


def test_pages():
    with Behind("--world", "1:3:2500:1001:3", world=False) as corp:
        sizes = [len(p) for p in pages(corp, "batch/get_by_user", "external_contact_list",
                                       {"userid_list": [LIN, HE], "limit": 100})]
        # each customer is one member's; ten of a hundred are the next one's, too
        theirs = [(n + more) % 3 for n in range(2500) for more in (0, 1)
                  if more == 0 or n % 100 < 10]
        equal((sum(sizes), sizes[:-1]), (theirs.count(0) + theirs.count(1), [100] * 18),
              "customers of two")
        equal(len(corp.contact("batch/get_by_user", {"userid_list": [LIN]})
                  ["external_contact_list"]), 50, "the default")
        equal(len(corp.contact("batch/get_by_user", {"userid_list": [LIN], "limit": 101})
                  ["external_contact_list"]), 100, "over the maximum")
        equal([len(p) for p in pages(corp, "groupchat/list", "group_chat_list", {"limit": 1000})],
              [1000, 1], "groups")
        everybody = corp.contact("list", userid=LIN)["external_userid"]
        msgid = corp.contact("add_msg_template", {"sender": LIN, "text": {"content": "x"},
                                                  "external_userid": everybody})["msgid"]
        for limit, size in [(1000, 1000), (500, 500), (1001, 500), (300, 300)]:
            found = pages(corp, "get_groupmsg_send_result", "send_list",
                          {"msgid": msgid, "userid": LIN, "limit": limit})
            equal(len(found[0]), min(size, len(everybody)), f"results, {limit} a page")
            equal([r["external_userid"] for p in found for r in p], everybody, "each once")
        # a cursor belongs to the call that gave it out
        cursor = corp.contact("groupchat/list", {"limit": 1})["next_cursor"]
        equal(code(corp, "get_groupmsg_send_result", {"msgid": msgid, "userid": LIN,
                                                      "cursor": cursor}), 50100, "another's")


def test_a_new_task_is_being_dispatched():
    with Behind("--dispatch-ms", "30000") as corp:
        msgid = create(corp, 1)
        now = corp.state()["now_ms"] // 1000
        asks = [("get_groupmsg_task", {"msgid": msgid}),
                ("get_groupmsg_send_result", {"msgid": msgid, "userid": LIN}),
                ("get_groupmsg_list_v2", {"chat_type": "single", "start_time": now - 100,
                                          "end_time": now + 100})]
        equal([code(corp, *ask) for ask in asks], [41063] * 3, "at first")
        corp.order("clock", forward_ms=30000)
        equal([code(corp, *ask) for ask in asks], [0] * 3, "then")


# --- what goes wrong ------------------------------------------------------------------------------


# kind: how the answer looks, whether the task is there (None: in half the cases)
KINDS = {
    "lose-answer": ("nothing", True), "reset-before": ("reset", False), "busy": (-1, None),
    "slow": (0, True), "cut": ("cut", True), "truncated": ("no JSON", True),
    "empty": ("no JSON", True), "html": ("no JSON", True), "string-code": ("0", True),
    "extra-keys": (0, True), "bad-gateway": (502, None), "unknown-code": (60199, None),
    "lose-token": (40014, False), "quota": (45009, False), "concurrent": (45033, False),
    "untrusted": (60020, False), "forbidden": (48002, False), "other-agent": (301002, False),
}


def look(corp, body):
    try:
        status, said = corp.http("POST", "/cgi-bin/externalcontact/add_msg_template?access_token=" +
                                 corp.token, json.dumps(body).encode())
    except http.client.IncompleteRead:
        return "cut"
    except ConnectionResetError as why: # RemoteDisconnected is one, too
        return "nothing" if isinstance(why, http.client.RemoteDisconnected) else "reset"
    if status != 200:
        return status
    try:
        return json.loads(said)["errcode"]
    except ValueError:
        return "no JSON"


def test_each_fault():
    with Behind() as corp:
        for kind, (answer, acts) in KINDS.items():
            there = set()
            for number in range(1 if acts is not None else 20):
                corp.new_token()
                before = len(corp.tasks())
                corp.faults(f"{kind}:#1:add_msg_template")
                equal(look(corp, single(1, text=f"{kind} {number}")), answer, kind)
                row = corp.calls("add_msg_template")[-1]
                there.add(len(corp.tasks()) > before)
                equal((row["fault"], row["acted"], row["answered"]),
                      (kind, len(corp.tasks()) > before, answer not in ("nothing", "reset")),
                      f"the record of {kind}")
                corp.order("unblock")
            equal(there, {True, False} if acts is None else {acts}, f"{kind}: is the task there?")
        corp.faults("odd-status:100")
        msgid = corp.tasks()[-1]["msgid"]
        equal(corp.contact("get_groupmsg_task", {"msgid": msgid})["task_list"][0]["status"], 7,
              "a status that nobody knows")


def test_faults_hit_the_call_and_the_number_that_they_say():
    with Behind() as corp:
        def codes(count=4):
            return [code(corp, "get_follow_user_list") for _ in range(count)]
        corp.faults("busy:#2:get_follow_user_list", "unknown-code:#4", "busy:100:get_corp_tag_list")
        equal(codes(), [0, -1, 60199, 0], "by number; #4 is of all calls, gettoken's too")
        equal(code(corp, "get_corp_tag_list", {}), -1, "by call")
        corp.order("faults", 40058, faults=["busy"])
        corp.order("faults", 40058, faults=["busy:101"])
        corp.order("faults", 40058, faults=["lazy:1"])
        corp.faults("busy:30")
        hits = codes(200).count(-1)
        true(30 <= hits <= 90, f"{hits} of 200 for 30 %")
    # the same seed, the same faults
    runs = []
    for seed in ("7", "7", "8"):
        with Behind("--seed", seed, "--fault", "busy:50") as corp:
            corp.token = "none"
            runs.append([code(corp, "get_follow_user_list") == -1 or
                         corp.calls()[-1]["fault"] for _ in range(40)])
    true(runs[0] == runs[1] != runs[2], "seeds")


def test_a_quota_blocks_one_call_for_its_time():
    with Behind("--rate", "3", "--block-ms", "60000") as corp:
        corp.new_token()
        equal([code(corp, "get_follow_user_list") for _ in range(5)], [0, 0, 0, 45009, 45009],
              "three a minute")
        equal([r["in_block"] for r in corp.calls("get_follow_user_list")],
              [False, False, False, False, True], "the first refusal is nobody's fault")
        equal(code(corp, "get_corp_tag_list", {}), 0, "another call")
        corp.order("clock", forward_ms=60001)
        equal(code(corp, "get_follow_user_list"), 0, "a minute later")


def test_too_many_at_once():
    with Behind("--at-once", "2") as corp:
        corp.new_token()
        held = [socket.create_connection(("127.0.0.1", corp.standin.port)) for _ in range(2)]
        for one in held: # the body does not come
            one.sendall(b"POST /cgi-bin/externalcontact/get_corp_tag_list HTTP/1.1\r\n"
                        b"Host: x\r\nContent-Length: 2\r\n\r\n")
        wait_until(lambda: code(corp, "get_corp_tag_list", {}) == 45033, "a third is too much")
        equal(code(corp, "get_follow_user_list"), 0, "another call")
        for one in held:
            one.close()
        wait_until(lambda: code(corp, "get_corp_tag_list", {}) == 0, "the two are gone")


def test_messages_that_are_too_many_are_dropped_without_a_word():
    with Behind() as corp:
        for number in range(32):
            equal(corp.call("message/send", {"touser": LIN, "msgtype": "text", "agentid": AGENT,
                                             "text": {"content": str(number)}})["errcode"], 0,
                  "errcode")
        equal([m["dropped"] for m in corp.messages()], [False] * 30 + [True] * 2, "dropped")


# --- the world and the record ---------------------------------------------------------------------


def test_a_seed_makes_the_same_world():
    def world(seed):
        with Behind("--world", f"{seed}:2:200:6:2", world=False) as corp:
            found = [c for p in pages(corp, "batch/get_by_user", "external_contact_list",
                                      {"userid_list": [LIN, HE], "limit": 100}) for c in p]
            for row in found: # counted from now
                row["follow_info"]["createtime"] = 0
            return found
    one = world(1)
    equal(world(1), one, "the same seed")
    true(world(2) != one, "another seed")
    fair = {c["external_contact"]["external_userid"] for c in one
            if "etPACER01" in c["follow_info"]["tag_id"]}
    equal(len(fair), 120, "of 200 customers three fifths are from the fair")


def test_the_record_says_who_was_reached():
    with Behind("--taps", "0:0") as corp:
        corp.order("members", taps="soon", after_ms=[0, 0])
        create(corp, 1, 3, text="给你")
        corp.contact("add_msg_template", {"chat_type": "group", "sender": LIN,
                                          "chat_id_list": [group(1)], "text": {"content": "群"}})
        corp.state() # what was due by then has happened
        equal([(r["recipient"], r["sender"], r["status"], r["text"]) for r in corp.reached()],
              [(customer(1), LIN, 1, "给你"), (customer(3), LIN, 1, "给你"),
               (group(1), LIN, 1, "群")], "who")
        row = corp.calls("add_msg_template")[0]
        equal((row["msgid"], row["recipients"], row["fail_list"], row["request"]),
              (corp.tasks()[0]["msgid"], 2, [], single(1, 3, text="给你")), "the call")


main(globals())
