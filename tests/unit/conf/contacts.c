/* A file of contacts: its columns, its rows, and all of its errors in one run. */
#include "check.h"

#include "conf/contacts.h"
#include "support.h"

#include <unistd.h>

static struct zones *zones;
static char path[] = "/tmp/conf-contacts-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    zones = zones_new();
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    zones_free(zones);
    return unlink(path);
}

static const char *shown(const char *value)
{
    return value ? value : "-";
}

/* Rows as `line recipient|name|sender|timezone|tags|attributes`, or the errors. */
static void gives_by(enum contacts_key key, const char *csv, const char *expected)
{
    struct strbuf out = STRBUF_INIT;
    struct contacts *c = NULL;
    struct contact_row r;
    struct diags d;
    struct err e;

    FILE *f = fopen(path, "w");
    fputs(csv, f);
    fclose(f);
    diags_init(&d);
    int rc = contacts_open(&c, path, "book.csv", key, zones, &d, &e);
    while (rc == 0 && contacts_next(c, &r, &e) == 1)
        strbuf_printf(&out, "%zu %s|%s|%s|%s|%s|%s%s\n", r.line, r.key, shown(r.name),
                      shown(r.sender), shown(r.timezone), shown(r.tags), r.attributes,
                      r.duplicate ? " dup" : "");
    contacts_close(c);
    if (d.errors)
        strbuf_reset(&out);
    char *errors = errors_take(&d);
    strbuf_puts(&out, errors);
    free(errors);
    if (strcmp(out.text, expected) != 0)
        fail_msg("\n%s\ngave\n%s\ninstead of\n%s", csv, out.text, expected);
    strbuf_dispose(&out);
}

static void gives(const char *csv, const char *expected)
{
    gives_by(CONTACTS_RECIPIENT, csv, expected);
}

static void rows_and_errors(void **state)
{
    (void)state;
    gives("recipient\nw1\nw2\nw1\n", "2 w1|-|-|-|-|{}\n3 w2|-|-|-|-|{}\n4 w1|-|-|-|-|{} dup\n");
    gives("tags;recipient;zip;name;city;sender;timezone\n"
          "\"b; a ;b\";\" w1 \";\"1\"\"2\";李雷;上海;\" lin \";Asia/Shanghai\n;w2;;;;;\n",
          "2 w1|李雷|lin|Asia/Shanghai|b;a|{\"city\":\"上海\",\"zip\":\"1\\\"2\"}\n"
          "3 w2|||||{}\n");
    gives("", "book.csv:1:1: the file is empty: a header row with a column 'recipient' is needed");
    gives("recipent,x\na,b\n", "book.csv:1:1: missing column 'recipient' (is it 'recipent'?)");
    gives("recipient,,x,x\n", "book.csv:1:2: a column without a name\n"
                              "book.csv:1:4: duplicate column 'x', first in field 3");
    gives("recipient,timezone,sender\n,,\nw1,Nowhere/Else,\nw2,,\"oops\nw3,\n\"a\nb\",,\n",
          "book.csv:2:1: an empty recipient\n"
          "book.csv:3:2: unknown time zone 'Nowhere/Else'\n"
          "book.csv:4:3: text after a closing quote (a quote inside quotes is written twice)\n"
          "book.csv:5:3: the row has 2 fields, the header 3\n"
          "book.csv:6:1: a recipient with a line break or a tab in it");
}

/* The column of the key is needed; what is in it, and how often, is not judged: it fits somebody or
 * nobody. */
static void rows_to_be_matched(void **state)
{
    enum contacts_key key = CONTACTS_RECIPIENT;
    struct err e;

    (void)state;
    gives_by(CONTACTS_REMARK, "remark,city\n 王总 ,上海\n,北京\n王总,\n",
             "2 王总|-|-|-|-|{\"city\":\"上海\"}\n3 |-|-|-|-|{\"city\":\"北京\"}\n"
             "4 王总|-|-|-|-|{}\n");
    gives_by(CONTACTS_UNIONID, "unionid,remark\no1,x\n", "2 o1|-|-|-|-|{\"remark\":\"x\"}\n");
    gives_by(CONTACTS_UNIONID, "union_id\no1\n",
             "book.csv:1:1: missing column 'unionid' (is it 'union_id'?)");
    gives_by(CONTACTS_REMARK, "city,recipient,remark\n",
             "book.csv:1:2: 'recipient' and 'remark' cannot both say who is meant: take one of the "
             "two columns out");
    gives_by(CONTACTS_REMARK, "",
             "book.csv:1:1: the file is empty: a header row with a column 'remark' is needed");
    assert_int_equal(contacts_match(&key, "remark", &e), 0);
    assert_int_equal(key, CONTACTS_REMARK);
    assert_int_equal(contacts_match(&key, "unionid", &e), 0);
    assert_int_equal(key, CONTACTS_UNIONID);
    assert_int_equal(contacts_match(&key, "recipient", &e), ERR_USAGE);
}

/* What Excel writes in Chinese: read, and said so. */
static void gb18030_is_read(void **state)
{
    (void)state;
    gives_by(CONTACTS_REMARK, "remark,city\n\xcd\xf5\xd7\xdc,\xc9\xcf\xba\xa3\n",
             "2 王总|-|-|-|-|{\"city\":\"上海\"}\nbook.csv:1:1: warning: read as GB18030");
}

static void no_file_is_an_error(void **state)
{
    struct contacts *c = NULL;
    struct diags d;
    struct err e;

    (void)state;
    diags_init(&d);
    assert_int_equal(contacts_open(&c, "/tmp", "book.csv", CONTACTS_RECIPIENT, zones, &d, &e),
                     ERR_IO);
    assert_int_equal(d.errors, 1);
    diags_dispose(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_errors), cmocka_unit_test(rows_to_be_matched),
        cmocka_unit_test(gb18030_is_read), cmocka_unit_test(no_file_is_an_error)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
