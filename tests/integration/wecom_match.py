"""`contacts import --match`: what a team's own CSV says of customers whom the platform knows, found by
unionid or by what their member calls them."""
from support import equal, lines, main, true
from wecom_sync import Synced, counts

PEOPLE = [("wm1", "lin.yue", "王总", "oUNION1"), ("wm2", "he.qi", "李姐", "oUNION2"),
          ("wm3", "lin.yue", "同名", ""), ("wm4", "he.qi", "同名", "oUNION4")]


class Known(Synced):
    """The four of PEOPLE, read into the book."""

    def __enter__(self):
        super().__enter__()
        self.corp.order("world", members=[{"userid": "lin.yue"}, {"userid": "he.qi"}], customers=[
            {"external_userid": who, "name": "客户" + who, "unionid": union,
             "follows": [{"userid": member, "createtime": 1700000000, "remark": remark,
                          "tags": ["渠道/展会"]}]}
            for who, member, remark, union in PEOPLE])
        self.start()
        self.sync()
        return self

    def match(self, by, text, name="crm.csv", expect=0):
        self.write(name, text)
        return self.cli("contacts", "import", name, "--match", by, expect=expect)

    def book(self):
        return {c["recipient"]: c for c in lines(self.cli("contacts", "list", "--json").out)}


def known(**more):
    return Known("1:2:0:0:2", **more)


def test_rows_find_their_customers_by_remark():
    with known() as place:
        before = place.book()
        said = place.match("remark", "remark,sender,city,tags,name\n"
                           " 王总 ,,上海,vip,王建国\n"
                           "同名,,x,,\n"
                           "同名,he.qi,杭州,,\n"
                           "没有这人,,y,,\n"
                           ",,z,,\n"
                           "李姐,lin.yue,y,,\n"
                           "王总,,北京,,\n", expect=1)
        equal(said.out, "2 matched (2 changed, 0 unchanged), 3 without a match, 1 ambiguous\n", "sum")
        for line in ("crm.csv:3:1: 2 customers fit", "crm.csv:5:1: no customer fits",
                     "crm.csv:6:1: an empty field", "crm.csv:7:1: no customer fits",
                     "1 rows are of recipients that came before"):
            true(line in said.err, f"'{line}' in {said.err}")
        book = place.book()
        equal(list(book), list(before), "nobody came, in the same order")
        equal((book["wm1"]["name"], book["wm1"]["attributes"], book["wm1"]["tags"]),
              ("王建国", {"city": "上海"}, ["vip", "展会"]), "what the CSV says, and the platform")
        equal((book["wm4"]["name"], book["wm4"]["attributes"]), ("客户wm4", {"city": "杭州"}),
              "without a name of the CSV: the platform's")
        equal(book["wm2"], before["wm2"], "of another member: left as it was")
        equal(book["wm3"], before["wm3"], "not told apart: left as it was")
        # who somebody is stays out of logs
        place.cli("audit", "verify")
        records = [r for r in place.audit() if r["event"] == "contacts_import"]
        equal([(r["detail"]["file"], r["detail"]["matched"]) for r in records], [("crm.csv", 2)],
              "the record")
        for where in (place.service.said(), place.cli("audit", "--json").out):
            true("王" not in where and "同名" not in where and "oUNION" not in where, where)
        place.stop()


def test_rows_find_their_customers_by_unionid():
    with known() as place:
        text = "unionid;城市\noUNION1;上海\noUNION4;杭州\n"
        equal(place.match("unionid", text).out,
              "2 matched (2 changed, 0 unchanged), 0 without a match, 0 ambiguous\n", "all of them")
        said = lines(place.cli("contacts", "import", "crm.csv", "--match", "unionid", "--json").out)
        equal(said, [{"added": 0, "changed": 0, "unchanged": 2, "duplicates": 0, "matched": 2,
                      "unmatched": 0, "ambiguous": 0, "diagnostics": []}], "again")
        nobody = place.match("unionid", "unionid\n" + "".join(f"o{n}\n" for n in range(130)),
                             "many.csv", expect=1)
        shown = [l for l in nobody.err.splitlines() if l.startswith("many.csv:")]
        equal((len(shown), shown[0], shown[-1]),
              (100, "many.csv:2:1: no customer fits", "many.csv:101:1: no customer fits"), "shown")
        true("and 30 more" in nobody.err and "contacts sync" in nobody.err, nobody.err)
        place.write("many.csv", "unionid\no1\no2\n")
        said = lines(place.cli("contacts", "import", "many.csv", "--match", "unionid", "--json",
                               expect=1).out)[0]
        equal((said["unmatched"], [(d["line"], d["level"]) for d in said["diagnostics"]]),
              (2, [(2, "error"), (3, "error")]), "for a program")
        # as a spreadsheet program writes it
        place.write("gb.csv", "remark,城市\n王总,北京\n".encode("gb18030"))
        said = place.cli("contacts", "import", "gb.csv", "--match", "remark")
        true("gb.csv:1:1: warning: read as GB18030" in said.err and "1 matched" in said.out, said)
        equal(place.book()["wm1"]["attributes"], {"城市": "北京"}, "in UTF-8")
        # what is wrong with the file itself changes nothing
        equal(place.match("unionid", "remark\nx\n", expect=65).err.count("missing column 'unionid'"),
              1, "the column of the key")
        true("'recipient' and 'unionid'" in
             place.match("unionid", "unionid,recipient\noUNION1,wm1\n", expect=65).err, "not both")
        true("'match' must be" in place.match("phone", "phone\n1\n", expect=64).err, "other keys")
        place.stop()


def test_what_was_matched_outlives_a_reading_and_serves_campaigns():
    with known(account="suppress_tags: [已退订]") as place:
        place.match("remark", "remark,sender,city,tags\n王总,,上海,金卡\n李姐,,北京,金卡;已退订\n"
                    "同名,lin.yue,,金卡\n")
        place.corp.order("world", customers=[
            {"external_userid": "wm1", "follows": [{"userid": "lin.yue", "remark": "换了",
                                                    "tags": ["客户等级/VIP"]}]}])
        place.sync()
        equal((place.book()["wm1"]["attributes"], place.book()["wm1"]["tags"]),
              ({"city": "上海"}, ["金卡", "VIP"]), "after a reading")
        place.launch(place.tagged("gold", "{contacts: true, where: {tags_any: [金卡]}, expect: 3}",
                                  text="{{name}} 在{{city|这里}}"))
        place.wait_count("gold", "prompted", 2)
        equal({d["recipient"]: d["state"] for d in place.deliveries("gold")},
              {"wm1": "prompted", "wm2": "skipped", "wm3": "prompted"}, "tags of the CSV count")
        equal(sorted(c["request"]["text"]["content"] for c in
                     place.calls("externalcontact/add_msg_template")),
              ["客户wm1 在上海", "客户wm3 在这里"], "its columns are the template's")
        equal(counts(place, "gold"), {"prompted": 2, "skipped": 1}, "counts")
        place.stop()


if __name__ == "__main__":
    main(globals())
