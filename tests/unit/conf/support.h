/* What the tests of conf share: reading a text, saying what was wrong with it, a seed. */
#ifndef PACELINE_TESTS_CONF_SUPPORT_H
#define PACELINE_TESTS_CONF_SUPPORT_H

#include "check.h"

#include "base/diag.h"
#include "base/strbuf.h"
#include "conf/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* SEED=n repeats a run. */
static inline uint64_t seed_of_test(void)
{
    const char *given = getenv("SEED");

    return given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

/* All lines, "" for none; disposes of `d`. The caller frees. */
static inline char *errors_take(struct diags *d)
{
    struct strbuf all = STRBUF_INIT;

    for (size_t i = 0; i < d->count; i++) {
        char *line = diag_line(&d->items[i]);

        strbuf_printf(&all, "%s%s", i ? "\n" : "", line);
        free(line);
    }
    diags_dispose(d);
    return strbuf_take(&all);
}

static inline struct campaign *campaign_text(const char *text, struct zones *zones, char **errors)
{
    struct diags d;

    diags_init(&d);
    struct campaign *c = campaign_read("c.yaml", text, strlen(text), "Asia/Shanghai",
                                       SOURCE_DIR "/config", zones, &d);
    *errors = errors_take(&d);
    return c;
}

/* A campaign that must be fine. */
static inline struct campaign *campaign_good(const char *text, struct zones *zones)
{
    char *errors;
    struct campaign *c = campaign_text(text, zones, &errors);

    if (!c)
        fail_msg("%s", errors);
    free(errors);
    return c;
}

#endif
