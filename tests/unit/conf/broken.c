/* Every tests/broken/NAME.yaml gives exactly the lines of NAME.expected: each error of the file, at
 * its line and column. service-*.yaml are service files; the audience of a campaign is read too. */
#include "check.h"

#include "conf/audience.h"
#include "conf/campaign.h"
#include "conf/service.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER SOURCE_DIR "/tests/broken"

enum { FILES_MIN = 12 };

static char *slurp(const char *name, const char *suffix, size_t *length)
{
    char path[512];
    char *bytes = NULL;
    struct err e;

    snprintf(path, sizeof path, FOLDER "/%s%s", name, suffix);
    if (file_read(&bytes, length, path, YAML_BYTES_MAX, &e))
        fail_msg("%s", e.text);
    return bytes;
}

static void audience_all(const struct campaign *c, struct diags *diags)
{
    const char *senders[16] = {"room"};
    size_t count = c->sender_count ? c->sender_count : 1;
    struct audience_row row;
    struct audience *a = NULL;
    struct err e;
    char path[512];

    for (size_t i = 0; i < c->sender_count; i++)
        senders[i] = c->senders[i].name;
    snprintf(path, sizeof path, FOLDER "/%s", c->audience_file ? c->audience_file : "");
    bool file = c->source == AUDIENCE_FILE;
    if (audience_open(&a, c, file ? path : NULL, c->audience_file, senders, count, diags, &e) ==
        0) {
        while (audience_next(a, &row, &e) > 0)
            ;
        audience_close(a);
    }
}

static void read_one(const char *name, struct diags *diags)
{
    struct zones *zones = zones_new();
    char file[264]; /* the longest name, and its ending */
    size_t length;
    char *bytes = slurp(name, ".yaml", &length);

    snprintf(file, sizeof file, "%s.yaml", name);
    if (strncmp(name, "service-", 8) == 0) {
        struct service *s = service_read(file, bytes, length, zones, diags);

        assert_null(s);
    } else {
        struct campaign *c = campaign_read(file, bytes, length, "UTC", NULL, zones, diags);

        if (c)
            audience_all(c, diags);
        campaign_free(c);
    }
    free(bytes);
    zones_free(zones);
}

static bool one_agrees(const char *name)
{
    struct strbuf got = STRBUF_INIT;
    struct diags diags;
    size_t length;
    char *expected = slurp(name, ".expected", &length);

    diags_init(&diags);
    read_one(name, &diags);
    for (size_t i = 0; i < diags.count; i++) {
        char *line = diag_line(&diags.items[i]);

        strbuf_printf(&got, "%s\n", line);
        free(line);
    }
    bool same = diags.errors > 0 && got.text && strcmp(got.text, expected) == 0;
    if (!same)
        fprintf(stderr, "--- %s: expected\n%s+++ got\n%s", name, expected,
                got.text ? got.text : "nothing\n");
    strbuf_dispose(&got);
    diags_dispose(&diags);
    free(expected);
    return same;
}

static void broken_files_give_exactly_their_errors(void **state)
{
    struct dirent **entries = NULL;
    int count = scandir(FOLDER, &entries, NULL, alphasort), files = 0, wrong = 0;

    (void)state;
    for (int i = 0; i < count; i++) {
        char *dot = strrchr(entries[i]->d_name, '.');

        if (dot && strcmp(dot, ".yaml") == 0) {
            *dot = '\0';
            files++;
            wrong += !one_agrees(entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(wrong, 0);
    assert_true(files >= FILES_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(broken_files_give_exactly_their_errors)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
