#include "check.h"

#include "conf/audience.h"
#include "core/prng.h"
#include "support.h"

#include <iconv.h>
#include <unistd.h>

static const char *const senders[] = {"lin.yue", "he.qi", "ann"};
static struct zones *zones;
static char path[] = "/tmp/conf-audience-XXXXXX";

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

static void csv_put(const void *bytes, size_t length)
{
    FILE *f = fopen(path, "w");

    assert_int_equal(fwrite(bytes, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static struct campaign *csv_campaign(const char *message)
{
    char text[512];

    snprintf(text, sizeof text,
             "campaign: a\nchannel: b\naudience: {file: vip.csv}\nmessage: {text: \"%s\"}\n",
             message);
    return campaign_good(text, zones);
}

/* All rows as `line recipient sender[index] [dup] value|value`, then the digest; or the errors. */
static char *read_all(const struct campaign *c, size_t sender_count, struct digest *digest)
{
    struct strbuf out = STRBUF_INIT;
    struct audience *a = NULL;
    struct audience_row row;
    const char *const *names;
    struct diags d;
    struct err e;
    size_t count = c->template ? template_names(c->template, &names) : 0;

    diags_init(&d);
    bool file = c->source == AUDIENCE_FILE;
    int rc = audience_open(&a, c, file ? path : NULL, "vip.csv", senders, sender_count, &d, &e);
    while (rc == 0 && (rc = audience_next(a, &row, &e)) == 1) {
        strbuf_printf(&out, "%zu %s %zu%s", row.line, row.recipient, row.sender,
                      row.duplicate ? " dup" : "");
        for (size_t i = 0; i < count; i++)
            strbuf_printf(&out, "%s%s", i ? "|" : " ", row.values[i] ? row.values[i] : "-");
        strbuf_putc(&out, '\n');
        rc = 0;
    }
    if (rc == 0 && digest)
        *digest = audience_digest(a);
    audience_close(a);
    if (d.errors > 0)
        strbuf_reset(&out);
    char *errors = errors_take(&d);
    strbuf_puts(&out, errors);
    free(errors);
    return strbuf_take(&out);
}

static void csv_gives(const char *message, const char *csv, const char *rows)
{
    struct campaign *c = csv_campaign(message);

    csv_put(csv, strlen(csv));
    char *got = read_all(c, 2, NULL);
    if (strcmp(got, rows) != 0)
        fail_msg("\n%s\ngave\n%s\ninstead of\n%s", csv, got, rows);
    free(got);
    campaign_free(c);
}

static void rows_are_read(void **state)
{
    static const struct {
        const char *message, *csv, *rows;
    } rows[] = {
        {"hi", "recipient\na\nb\n", "2 a 0\n3 b 1\n"},
        {"hi", "recipient\na", "2 a 0\n"},
        {"hi", "\xef\xbb\xbfrecipient,x\r\na,1\r\n\r\nb,2", "2 a 0\n4 b 1\n"},
        {"hi", "\n\nrecipient\n", ""},
        {"{{name}}", "name;recipient\n李雷;a\n;b\n", "2 a 0 李雷\n3 b 1 -\n"},
        {"{{a,b}}", "recipient\t\"a,b\"\nx\t\"1\t2\"\n", "2 x 0 1\t2\n"},
        {"{{name}}", "recipient,name\na,\"Li, \"\"Lei\"\"\"\nb,\"two\r\nlines\"\nc,x\n",
         "2 a 0 Li, \"Lei\"\n3 b 1 two\nlines\n5 c 0 x\n"},
        {"{{name}}", " recipient , name \n a\t, Li Lei \n\" b \",\" x \"\n",
         "2 a 0 Li Lei\n3 b 1  x \n"},
        {"{{name}} {{sender}} {{recipient}} {{town|x}} {{name}}", "town,recipient,name\nB,a,N\n",
         "2 a 0 N|B\n"},
        {"hi", "recipient,sender\na,he.qi\nb,he.qi\nc,\nd,\ne,\nf,lin.yue\ng,\n",
         "2 a 1\n3 b 1\n4 c 0\n5 d 0\n6 e 0\n7 f 0\n8 g 1\n"},
        {"hi", "recipient,sender\na,\na,\na,he.qi\nb,\nc,\n",
         "2 a 0\n3 a 1 dup\n4 a 1 dup\n5 b 1\n6 c 0\n"},
        {"hi", "recipient\n a\na \nA\n", "2 a 0\n3 a 1 dup\n4 A 1\n"},
        {"hi", "recipient,sender\na,ann\n", "vip.csv:2:2: 'ann' is not one of the senders"},
        {"hi", "recipient,x\na,\"b\n", "vip.csv:2:2: a quote is opened and not closed"},
        {"hi", "recipient,x\n\"a\nb\",c\n",
         "vip.csv:2:1: a recipient with a line break or a tab in it"},
        {"hi", "",
         "vip.csv:1:1: the file is empty: a header row with a column 'recipient' is needed"},
        {"hi", "\"recipient\nx", "vip.csv:1:1: a quote is opened and not closed"},
        {"hi", "\xff\xfer\0e", "vip.csv:1:1: not UTF-8"},
        {"hi", "recipient\na\rb\n", "vip.csv:2:1: a control character"},
        {"{{recipient.x|y}}", "recipient\na\n",
         "c.yaml:4:17: {{recipient.x}}: vip.csv has no column 'recipient.x', did you mean "
         "'recipient'?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        csv_gives(rows[i].message, rows[i].csv, rows[i].rows);
}

static void the_digest_is_of_the_rows_not_the_layout(void **state)
{
    static const struct {
        const char *csv;
        bool same;
    } rows[] = {{"recipient,name,sender\na,x,\nb,\"y\nz\",he.qi\n", true},
                {"\xef\xbb\xbfrecipient;name;sender\r\na;x;\r\n\r\n\"b\";\"y\r\nz\"; he.qi", true},
                {"recipient\tname\tsender\na\t\"x\"\t\nb\t\"y\nz\"\the.qi\n", true},
                {"recipient,name,sender\na,x,\nb,y,he.qi\n", false},
                {"recipient,nane,sender\na,x,\nb,\"y\nz\",he.qi\n", false},
                {"recipient,name,sender\na,x,he.qi\nb,\"y\nz\",he.qi\n", false},
                {"recipient,name,sender\nb,\"y\nz\",he.qi\na,x,\n", false},
                {"recipient,name,sender\na,x,\n", false},
                {"recipient,name,sender\nax,,\nb,\"y\nz\",he.qi\n", false}};
    struct campaign *c = csv_campaign("hi");
    struct digest first = {0}, digest = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        csv_put(rows[i].csv, strlen(rows[i].csv));
        free(read_all(c, 2, &digest));
        if (i == 0)
            first = digest;
        if (digest_equal(&first, &digest) != rows[i].same)
            fail_msg("%s", rows[i].csv);
    }
    campaign_free(c);
}

static void the_digest_covers_the_senders(void **state)
{
    struct campaign *c = csv_campaign("hi");
    struct digest two, three;

    (void)state;
    csv_put("recipient\na\nb\nc\n", 16);
    free(read_all(c, 2, &two));
    free(read_all(c, 3, &three)); /* c goes to ann instead of lin.yue */
    assert_false(digest_equal(&two, &three));
    campaign_free(c);
}

static void a_list_is_an_audience_too(void **state)
{
    struct digest listed = {0}, filed = {0};
    struct campaign *c =
        campaign_good("campaign: a\nchannel: b\nmessage: {text: \"{{recipient}}\"}\n"
                      "audience:\n  recipients:\n    - x\n    - y\n    - x\n",
                      zones);
    char *got = read_all(c, 2, &listed);

    (void)state;
    assert_string_equal(got, "6 x 0\n7 y 1\n8 x 0 dup\n");
    free(got);
    campaign_free(c);
    c = csv_campaign("hi");
    csv_put("recipient\nx\ny\nx\n", 16);
    free(read_all(c, 2, &filed));
    assert_true(digest_equal(&listed, &filed));
    campaign_free(c);
}

static void rows_are_bounded(void **state)
{
    struct campaign *c = csv_campaign("hi");

    (void)state;
    for (size_t length = CSV_ROW_MAX - 1; length <= CSV_ROW_MAX + 1; length++) {
        for (int end = 0; end < 3; end++) {
            static const char *const ends[] = {"\nb,c\n", "\r\nb,c\r\n", ""};
            struct strbuf b = STRBUF_INIT;

            strbuf_puts(&b, "recipient,x\na,");
            for (size_t i = 2; i < length; i++)
                strbuf_putc(&b, 'y');
            strbuf_puts(&b, ends[end]);
            csv_put(b.text, b.length);
            char *got = read_all(c, 2, NULL);
            if (length > CSV_ROW_MAX)
                assert_string_equal(got, "vip.csv:2:2: the row is longer than 16 KiB");
            else
                assert_string_equal(got, end == 2 ? "2 a 0\n" : "2 a 0\n3 b 1\n");
            free(got);
            strbuf_dispose(&b);
        }
    }
    struct strbuf commas = STRBUF_INIT; /* as many fields as bytes */
    strbuf_puts(&commas, "recipient,x\n");
    for (size_t i = 0; i < 3 * CSV_ROW_MAX; i++)
        strbuf_putc(&commas, ',');
    csv_put(commas.text, commas.length);
    char *got = read_all(c, 2, NULL);
    assert_string_equal(got, "vip.csv:2:16385: the row is longer than 16 KiB");
    free(got);
    strbuf_dispose(&commas);
    campaign_free(c);
}

/* An opened quote costs its own row, whatever follows; a huge one is not read into memory. */
static void one_slip_does_not_swallow_the_file(void **state)
{
    struct campaign *c = csv_campaign("hi");
    struct strbuf b = STRBUF_INIT;

    (void)state;
    strbuf_puts(&b, "recipient,x\na,\"oops\n");
    for (int i = 0; i < 20000; i++)
        strbuf_printf(&b, "r%d,%d\n", i, i);
    strbuf_puts(&b, "bad,1,2\nlong,");
    for (int i = 0; i < 300000; i++)
        strbuf_putc(&b, 'y');
    strbuf_puts(&b, "\n,empty\n");
    csv_put(b.text, b.length);
    char *got = read_all(c, 2, NULL);
    assert_string_equal(got, "vip.csv:2:2: a quote is opened and not closed\n"
                             "vip.csv:20003:3: the row has 3 fields, the header 2\n"
                             "vip.csv:20004:2: the row is longer than 16 KiB\n"
                             "vip.csv:20005:1: an empty recipient");
    free(got);
    strbuf_dispose(&b);
    campaign_free(c);
}

/* --- encodings --- */

static void gb18030_put(const char *utf8, size_t length)
{
    size_t room = 2 * length + 8;
    char *bytes = malloc(room), *out = bytes, *in = (char *)(uintptr_t)utf8;
    iconv_t cd = iconv_open("GB18030", "UTF-8");

    assert_true(cd != (iconv_t)-1);
    assert_int_equal(iconv(cd, &in, &length, &out, &room), 0);
    iconv_close(cd);
    csv_put(bytes, (size_t)(out - bytes));
    free(bytes);
}

enum { ENCODED_ROWS = 9000 };

/* Characters of one, two and four bytes, so that each border of a buffer cuts some of them. */
static void encoded_rows(struct strbuf *b, const char *start, char delimiter, const char *end)
{
    strbuf_printf(b, "%srecipient%cname%csender%s", start, delimiter, delimiter, end);
    for (int i = 0; i < ENCODED_ROWS; i++)
        strbuf_printf(b, "r%d%c李雷%.*s𠮷🙂%d%c%s%s", i, delimiter, i % 5, "abcd", i,
                      delimiter, i % 3 ? "" : "he.qi", end);
}

static void every_writing_is_the_same_audience(void **state)
{
    static const struct {
        const char *start, *end;
        char delimiter;
        bool gb18030;
    } rows[] = {{"", "\n", ',', false},
                {"\xef\xbb\xbf", "\n", ',', false},
                {"", "\r\n", ',', false},
                {"", "\n", '\t', false},
                {"", "\n", ';', false},
                {"", "\n", ',', true},
                {"", "\r\n", '\t', true},
                {"\xef\xbb\xbf", "\r\n", ';', false},
                {"\xef\xbb\xbf", "\r\n", ';', true}};
    struct campaign *c = csv_campaign("{{name}}");
    struct digest first = {0}, digest = {0};
    char *expected = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf b = STRBUF_INIT;

        encoded_rows(&b, rows[i].start, rows[i].delimiter, rows[i].end);
        if (rows[i].gb18030)
            gb18030_put(b.text, b.length);
        else
            csv_put(b.text, b.length);
        char *got = read_all(c, 2, &digest);
        char *told = strstr(got, "vip.csv:");
        assert_int_equal(told != NULL, rows[i].gb18030);
        if (told) {
            assert_string_equal(told, "vip.csv:1:1: warning: read as GB18030");
            *told = '\0';
        }
        if (i == 0) {
            first = digest;
            expected = got;
        } else {
            assert_string_equal(got, expected);
            assert_true(digest_equal(&first, &digest));
            free(got);
        }
        strbuf_dispose(&b);
    }
    free(expected);
    campaign_free(c);
}

/* What is neither is an error at its place alone, wherever it lies in the buffers. */
static void one_bad_byte_costs_its_own_row(void **state)
{
    static const char *const bad[] = {"\xff", "\x81", "\xfe\x39"};
    static const int at[] = {1, 700, 1400, ENCODED_ROWS - 1};
    struct campaign *c = csv_campaign("hi");

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        struct strbuf b = STRBUF_INIT, half = STRBUF_INIT;
        char expected[200];

        encoded_rows(&b, "", ',', "\n");
        gb18030_put(b.text, b.length);
        FILE *f = fopen(path, "r");
        char line[256];
        for (int n = -1; fgets(line, sizeof line, f); n++) {
            char *comma = strchr(line, ',');
            if (n != at[i / 3]) {
                strbuf_puts(&half, line);
                continue;
            }
            strbuf_add(&half, line, (size_t)(comma + 1 - line));
            strbuf_printf(&half, "%s%s", bad[i % 3], strrchr(line, ','));
        }
        fclose(f);
        csv_put(half.text, half.length);
        char *got = read_all(c, 2, NULL);
        snprintf(expected, sizeof expected,
                 "vip.csv:1:1: warning: read as GB18030\n"
                 "vip.csv:%d:2: neither UTF-8 nor GB18030",
                 at[i / 3] + 2);
        assert_string_equal(got, expected);
        free(got);
        strbuf_dispose(&b);
        strbuf_dispose(&half);
    }
    campaign_free(c);
}

static void a_file_is_what_it_is_for_longer(void **state)
{
    static const struct {
        const char *csv, *got;
    } rows[] = {
        {"recipient,name\na,李雷\nb,\xc4\xe3\n", "vip.csv:3:2: not UTF-8"},
        {"\xef\xbb\xbfrecipient,name\na,\xc4\xe3\n", "vip.csv:2:2: not UTF-8"},
        {"recipient,name\na,\xc4\xe3", "2 a 0 你\nvip.csv:1:1: warning: read as GB18030"},
        {"recipient,name\na,\xc4", "vip.csv:2:2: not UTF-8"},
        {"\xc4\xe3,recipient,name\n,a,\xc4\xe3\n",
         "2 a 0 你\nvip.csv:1:1: warning: read as GB18030"},
        {"recipient,name\na,\x81\x30\x81\x30\n",
         "vip.csv:1:1: warning: read as GB18030\nvip.csv:2:2: a control character"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        csv_gives("{{name}}", rows[i].csv, rows[i].got);
}

/* --- senders --- */

static void senders_write_for_themselves(void **state)
{
    struct digest digest, listed;
    struct campaign *c = campaign_good("campaign: a\nchannel: b\naudience:\n  senders: all\n"
                                       "message: {text: \"{{sender}}\"}\n",
                                       zones);
    char *got = read_all(c, 3, &digest);

    (void)state;
    assert_string_equal(got, "4 lin.yue 0\n4 he.qi 1\n4 ann 2\n");
    free(got);
    campaign_free(c);
    c = campaign_good("campaign: a\nchannel: b\nmessage: {text: x}\n"
                      "audience: {recipients: [lin.yue, he.qi, ann]}\n",
                      zones);
    free(read_all(c, 3, &listed));
    assert_true(digest_equal(&digest, &listed)); /* the same rows, whatever they come from */
    campaign_free(c);
    c = campaign_good("campaign: a\nchannel: b\naudience: {senders: all}\n"
                      "message: {text: \"{{name}}\"}\n",
                      zones);
    got = read_all(c, 3, NULL);
    assert_string_equal(got, "c.yaml:4:17: {{name}}: a list of senders has no columns");
    free(got);
    campaign_free(c);
}

/* Nobody here knows who may send: any name will do, and rows are the same rows. */
static void unknown_senders_are_not_compared(void **state)
{
    static const char rows[] = "recipient,sender\nwm1,lin.yue\nwm2,\nwm1,nobody\n";
    struct campaign *c = csv_campaign("x");
    struct strbuf out = STRBUF_INIT;
    struct audience_row row;
    struct audience *a = NULL;
    struct diags d;
    struct err e;

    (void)state;
    csv_put(rows, strlen(rows));
    diags_init(&d);
    assert_int_equal(audience_open(&a, c, path, "vip.csv", NULL, 0, &d, &e), 0);
    while (audience_next(a, &row, &e) == 1)
        strbuf_printf(&out, "%s [%s]%s\n", row.recipient, row.named, row.duplicate ? " dup" : "");
    assert_string_equal(out.text, "wm1 [lin.yue]\nwm2 []\nwm1 [nobody] dup\n");
    assert_int_equal(d.count, 0);
    audience_close(a);
    diags_dispose(&d);
    strbuf_dispose(&out);
    campaign_free(c);
}

/* --- against a model --- */

enum { MODEL_ROWS = 4000, MODEL_SENDERS = 3 };

static const char *random_field(struct prng *p, char out[512])
{
    static const char *const parts[] = {"a",  "李", "\"",   "\n",  ",", ";",
                                        "\t", " ",  "🙂", "x y", "''"};
    size_t count = prng_below(p, prng_below(p, 20) == 0 ? 40 : 5);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(out, parts[prng_below(p, sizeof parts / sizeof *parts)]);
    return out;
}

static void field_put(struct strbuf *b, struct prng *p, const char *s)
{
    bool plain = !strpbrk(s, "\"\n,;\t \r") && prng_below(p, 2);

    if (!plain)
        strbuf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '\n' && prng_below(p, 2))
            strbuf_putc(b, '\r');
        strbuf_putc(b, *s);
        if (*s == '"')
            strbuf_putc(b, '"');
    }
    if (!plain)
        strbuf_putc(b, '"');
}

/* Random rows, written in one of the many ways, come back as they were: values, duplicates, and the
 * sender that a plain reading of the rule gives. The file is several buffers long. */
static void a_model_agrees(void **state)
{
    uint64_t seed = seed_of_test();
    struct strbuf csv = STRBUF_INIT, expected = STRBUF_INIT;
    char(*seen)[16] = calloc(MODEL_ROWS, sizeof *seen);
    uint64_t load[MODEL_SENDERS] = {0};
    size_t line = 2, seen_count = 0;
    struct prng p;

    (void)state;
    prng_seed(&p, seed);
    strbuf_puts(&csv, "sender,name,recipient\n");
    for (int i = 0; i < MODEL_ROWS; i++) {
        char name[512], recipient[16];
        size_t lines = 1, given = prng_below(&p, 2 * MODEL_SENDERS), sender = given, s;

        random_field(&p, name);
        snprintf(recipient, sizeof recipient, "r%llu",
                 (unsigned long long)prng_below(&p, MODEL_ROWS));
        if (given >= MODEL_SENDERS) {
            sender = 0;
            for (s = 1; s < MODEL_SENDERS; s++)
                sender = load[s] < load[sender] ? s : sender;
        } else {
            field_put(&csv, &p, senders[given]);
        }
        for (s = 0; s < seen_count && strcmp(seen[s], recipient) != 0; s++)
            ;
        bool duplicate = s < seen_count;
        if (!duplicate) {
            strcpy(seen[seen_count++], recipient);
            load[sender]++;
        }
        strbuf_putc(&csv, ',');
        field_put(&csv, &p, name);
        strbuf_putc(&csv, ',');
        field_put(&csv, &p, recipient);
        strbuf_puts(&csv, prng_below(&p, 2) ? "\n" : "\r\n");
        strbuf_printf(&expected, "%zu %s %zu%s %s\n", line, recipient, sender,
                      duplicate ? " dup" : "", *name ? name : "-");
        for (const char *n = name; (n = strchr(n, '\n')); n++)
            lines++;
        line += lines;
    }
    struct campaign *c = csv_campaign("{{name|x}}");
    csv_put(csv.text, csv.length);
    char *got = read_all(c, MODEL_SENDERS, NULL);
    if (strcmp(got, expected.text) != 0)
        fail_msg("SEED=%llu: the rows differ, see %s", (unsigned long long)seed, path);
    free(got);
    free(seen);
    campaign_free(c);
    strbuf_dispose(&csv);
    strbuf_dispose(&expected);
}

/* wm1 is he.qi's, wm2 is lin.yue's and ann's, wm3 is nobody's. */
static int owner(void *ctx, const char *recipient, const char *wanted, size_t *index, struct err *e)
{
    (void)ctx, (void)e;
    *index = strcmp(recipient, "wm1") == 0 ? 1 : strcmp(recipient, "wm2") == 0 ? 0 : 3;
    if (*index == 0 && wanted && strcmp(wanted, "ann") == 0)
        *index = 2;
    else if (*index < 3 && wanted && strcmp(wanted, senders[*index]) != 0)
        *index = 3;
    return 0;
}

static void whose_the_recipients_are_decides(void **state)
{
    static const char rows[] =
        "recipient,sender\nwm1,\nwm2,\nwm3,\nwm1,he.qi\nwm4,\nwm2,ann\nwm1,ann\n";
    struct campaign *c = csv_campaign("x");
    struct strbuf out = STRBUF_INIT;
    struct audience *a = NULL;
    struct audience_row row;
    struct diags d;
    struct err e;

    (void)state;
    csv_put(rows, strlen(rows));
    diags_init(&d);
    assert_int_equal(audience_open(&a, c, path, "vip.csv", senders, 3, &d, &e), 0);
    audience_relations(a, owner, NULL);
    while (audience_next(a, &row, &e) == 1)
        strbuf_printf(&out, "%s %zu%s%s\n", row.recipient, row.sender, row.duplicate ? " dup" : "",
                      row.stranger ? " stranger" : "");
    /* the last row names somebody whose customer wm1 is not */
    assert_string_equal(out.text, "wm1 1\nwm2 0\nwm3 2 stranger\nwm1 1 dup\nwm4 2 stranger\n"
                                  "wm2 2 dup\nwm1 2 dup stranger\n");
    assert_int_equal(d.errors, 0);
    audience_close(a);
    campaign_free(c);
    diags_dispose(&d);
    strbuf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_read),
                                       cmocka_unit_test(the_digest_is_of_the_rows_not_the_layout),
                                       cmocka_unit_test(the_digest_covers_the_senders),
                                       cmocka_unit_test(a_list_is_an_audience_too),
                                       cmocka_unit_test(rows_are_bounded),
                                       cmocka_unit_test(one_slip_does_not_swallow_the_file),
                                       cmocka_unit_test(every_writing_is_the_same_audience),
                                       cmocka_unit_test(one_bad_byte_costs_its_own_row),
                                       cmocka_unit_test(a_file_is_what_it_is_for_longer),
                                       cmocka_unit_test(senders_write_for_themselves),
                                       cmocka_unit_test(unknown_senders_are_not_compared),
                                       cmocka_unit_test(whose_the_recipients_are_decides),
                                       cmocka_unit_test(a_model_agrees)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
