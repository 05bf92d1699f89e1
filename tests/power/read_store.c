/* power-read STORE...: opens each store as the service does at a start, lets it recover, verifies
 * its audit log, and prints, one JSON object a line: each campaign, each delivery, {"end":STORE}.
 * {"error":TEXT} instead when the service would refuse it. */
#include "base/log.h"
#include "base/strbuf.h"
#include "store/store.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { CAMPAIGNS_MAX = 64 };

struct found {
    int64_t ids[CAMPAIGNS_MAX];
    size_t count;
};

static void print(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);

    puts(text);
    free(text);
    json_decref(line);
}

static int on_campaign(void *ctx, const struct store_revision *r)
{
    struct found *f = ctx;

    f->ids[f->count++] = r->id;
    print(json_pack("{sssIsb}", "campaign", r->campaign, "audience", (json_int_t)r->audience,
                    "approved", r->approved_at != INSTANT_MIN));
    return 0;
}

static int on_delivery(void *ctx, const struct store_delivery *d)
{
    (void)ctx;
    print(json_pack("{sssssssI}", "of", d->campaign, "recipient", d->recipient, "state",
                    delivery_state_name(d->state), "claims", (json_int_t)d->attempts));
    return 0;
}

static int read_open(struct store *s, struct err *e)
{
    struct found f = {.count = 0};
    instant_t high;
    uint64_t unknown, records;
    int64_t broken, last;
    bool more;
    int rc = store_high_water(s, &high, e);

    if (!rc)
        rc = store_recover(s, high == INSTANT_MIN ? 0 : high, &unknown, e);
    if (!rc)
        rc = store_audit_verify(s, &records, &broken, e);
    if (!rc)
        rc = store_campaigns(s, on_campaign, &f, e);
    for (size_t i = 0; i < f.count && !rc; i++)
        for (last = 0, more = true; more && !rc;)
            rc = store_deliveries(s, f.ids[i], DELIVERY_STATES, last, 1000, on_delivery, NULL,
                                  &last, &more, e);
    return rc;
}

int main(int argc, char **argv)
{
    log_set_level(LOG_ERROR);
    for (int i = 1; i < argc; i++) {
        struct store *s = NULL;
        struct err e;
        int rc = store_open(&s, argv[i], &e);
        if (!rc)
            rc = read_open(s, &e);
        store_close(s);
        if (rc)
            print(json_pack("{ss}", "error", e.text));
        print(json_pack("{ss}", "end", argv[i]));
    }
    return 0;
}
