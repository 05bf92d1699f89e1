/* What a channel cannot carry is refused at its place, in bytes where the platform counts bytes. */
#include "check.h"

#include "base/err.h"
#include "channel/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct channel_format formats[] = {{"text", 12}, {"markdown", 40}, {NULL, 0}};
static const struct channel_attachment_kind kinds[] = {
    {.name = "image", .count_max = 1, .bytes_max = 16, .types = "jpg png"},
    {.name = "link", .count_max = 1, .bytes_max = 16, .url_max_bytes = 40},
    {.name = NULL},
};
static const struct paceline_channel robot = {
    .name = "robot",
    .caps = {.formats = formats, .attachments = kinds, .text_or_attachment = true},
};
static const struct paceline_channel plain = {.name = "plain", .caps = {.formats = formats}};

static char png[] = "\x89PNG\r\n\x1a\n....";
static char jpg[] = "\xff\xd8\xff\xe0....";
static char long_png[] = "\x89PNG\r\n\x1a\n........!";

static char *lines(struct diags *d) /* all messages, a line each */
{
    char *all = calloc(1, 8192);

    for (size_t i = 0; i < d->count; i++) {
        char *line = diag_line(&d->items[i]);
        strcat(all, line);
        strcat(all, "\n");
        free(line);
        assert_int_equal(d->items[i].code, ERR_REFUSED);
    }
    return all;
}

struct message_case {
    const struct paceline_channel *kind;
    const char *format, *text;
    struct channel_attachment attachments[3];
    size_t count;
    const char *expected;
};

static void messages(void **state)
{
    static const struct message_case cases[] = {
        {&robot, "text", "hi", {{0}}, 0, ""},
        {&robot, "markdown", "hi", {{0}}, 0, ""},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 12}},
         1,
         ""},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.jpg", .bytes = jpg, .length = 8}},
         1,
         ""},
        {&robot,
         "html",
         "hi",
         {{0}},
         0,
         "c.yaml:9:9: robot does not carry format 'html'; it carries: text, markdown\n"},
        {&robot,
         "text",
         NULL,
         {{0}},
         0,
         "c.yaml:9:9: the message has neither a text nor an attachment\n"},
        {&robot,
         "text",
         "hi",
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 12}},
         1,
         "c.yaml:10:5: robot sends either a text or an attachment: make two campaigns of it\n"},
        {&plain,
         "text",
         "hi",
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 12}},
         1,
         "c.yaml:10:5: plain cannot carry an attachment of kind 'image'\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "video", .name = "a.mp4", .bytes = png, .length = 12}},
         1,
         "c.yaml:10:5: robot cannot carry an attachment of kind 'video'\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 12},
          {.kind = "image", .name = "b.png", .bytes = png, .length = 12},
          {.kind = "image", .name = "c.png", .bytes = png, .length = 12}},
         3,
         "c.yaml:11:5: robot takes at most 1 attachments of kind 'image' in a message\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = long_png, .length = 17}},
         1,
         "c.yaml:10:5: 'a.png' is 17 bytes; robot takes at most 16\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 16}},
         1,
         ""},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = "GIF89a..", .length = 8}},
         1,
         "c.yaml:10:5: 'a.png' is not of a type that robot takes (jpg png), going by its "
         "content\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 7}},
         1,
         "c.yaml:10:5: 'a.png' is not of a type that robot takes (jpg png), going by its "
         "content\n"},
        {&robot,
         "text",
         NULL,
         {{.kind = "image", .name = "a.png", .bytes = png, .length = 0}},
         1,
         "c.yaml:10:5: 'a.png' is empty\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct message_case *m = &cases[i];
        struct conf_attachment places[3] = {{.at = {10, 5}}, {.at = {11, 5}}, {.at = {12, 5}}};
        struct campaign c = {.file = "c.yaml",
                             .text = m->text,
                             .text_at = {9, 9},
                             .format = m->format,
                             .attachments = places,
                             .attachment_count = m->count};
        struct diags d;
        bool fine;
        char *all;

        diags_init(&d);
        fine = channel_check_message(m->kind, &c, m->attachments, &d);
        all = lines(&d);
        if (strcmp(all, m->expected) != 0 || fine != (m->expected[0] == '\0'))
            fail_msg("case %zu: %s", i, all);
        free(all);
        diags_dispose(&d);
    }
}

static void texts(void **state)
{
    static const struct {
        const char *format, *text, *expected;
    } cases[] = {
        {"text", "twelve bytes", ""},
        {"text", "十二字节", ""}, /* 12 bytes, 4 characters */
        {"text", "thirteen byte",
         "c.yaml:9:9: the text is 13 bytes for 'group-7' (row 17); robot takes at most 12 bytes of "
         "text\n"},
        {"text", "十二字节!",
         "c.yaml:9:9: the text is 13 bytes for 'group-7' (row 17); robot takes at most 12 bytes of "
         "text\n"},
        {"markdown", "thirteen byte", ""},
        {"text", "", "c.yaml:9:9: the text is empty for 'group-7' (row 17)\n"},
        {"text", " \t\n", "c.yaml:9:9: the text is empty for 'group-7' (row 17)\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct campaign c = {
            .file = "c.yaml", .text = "{{x}}", .text_at = {9, 9}, .format = cases[i].format};
        struct diags d;
        bool fine;
        char *all;

        diags_init(&d);
        fine =
            channel_check_text(&robot, &c, cases[i].text, strlen(cases[i].text), "group-7", 17, &d);
        all = lines(&d);
        if (strcmp(all, cases[i].expected) != 0 || fine != (cases[i].expected[0] == '\0'))
            fail_msg("case %zu: %s", i, all);
        free(all);
        diags_dispose(&d);
    }
}

/* What `trace` adds counts: 20 bytes and more. */
static void an_address_has_room_for_its_trace(void **state)
{
    static const struct {
        const char *url;
        bool trace;
        const char *expected;
    } rows[] = {
        {"https://shop/p/123456789", false, ""},
        {"https://shop/p/12345", true, ""}, /* 40 with it */
        {"https://shop/p/123456", true,
         "c.yaml:10:5: 'url' is 41 bytes with what 'trace' adds; robot takes at most 40\n"},
        {"https://shop/p/1234567890123456789012345x", true,
         "c.yaml:10:5: 'url' is 41 bytes; robot takes at most 40\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct channel_attachment link = {.kind = "link", .name = "t", .url = rows[i].url};
        struct conf_attachment place = {.at = {10, 5}, .trace = rows[i].trace};
        struct campaign c = {
            .file = "c.yaml", .format = "text", .attachments = &place, .attachment_count = 1};
        struct diags d;

        diags_init(&d);
        channel_check_message(&robot, &c, &link, &d);
        char *all = lines(&d);
        assert_string_equal(all, rows[i].expected);
        free(all);
        diags_dispose(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(texts),
        cmocka_unit_test(an_address_has_room_for_its_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
