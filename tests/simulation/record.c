/* What a run leaves for tests/check/checker.py: what was submitted, what the channel got, and the
 * deliveries and the audit log as the API would show them. */
#include "sim.h"

#include "api/objects.h"

#include <stdlib.h>

static FILE *record_open(const struct sim *s, const char *name)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", s->record, name);
    f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(74);
    }
    return f;
}

struct record {
    struct sim *sim;
    FILE *file;
    struct strbuf line;
    struct frame frame;
    const struct store_revision *revision;
    int64_t last;
    bool more;
};

static void record_line(struct record *x)
{
    fprintf(x->file, "%s\n", x->line.text);
    strbuf_reset(&x->line);
}

static int record_delivery(void *ctx, const struct store_delivery *d)
{
    struct record *x = ctx;

    object_delivery(&x->line, d, x->revision, &x->frame, x->sim->run->engine, sim_now(x->sim));
    record_line(x);
    return 0;
}

static int record_revision(void *ctx, const struct store_revision *r)
{
    struct record *x = ctx;
    struct err e;

    x->revision = r;
    x->frame = frame_of(r->manifest, x->sim->zones);
    x->last = 0;
    x->more = true;
    while (x->more)
        sim_ok(x->sim,
               store_deliveries(x->sim->run->store, r->id, DELIVERY_STATES, x->last, 1000,
                                record_delivery, x, &x->last, &x->more, &e),
               &e);
    return 0;
}

static int record_audit(void *ctx, const struct store_audit_row *row)
{
    struct record *x = ctx;

    object_audit(&x->line, row, zones_get(x->sim->zones, "UTC"));
    record_line(x);
    return 0;
}

static void record_facts(struct sim *s)
{
    FILE *f = record_open(s, "facts.jsonl");

    for (size_t i = 0; i < s->spec_count; i++) {
        const struct spec *x = &s->specs[i];
        char digest[DIGEST_TEXT];
        if (!x->revision)
            continue;
        digest_text(&x->digest, digest);
        fprintf(f,
                "{\"campaign\":\"c%d\",\"revision\":\"%s\",\"channel\":\"%s\",\"asks\":%s,"
                "\"manifest\":%s,\"recipients\":[",
                x->campaign, digest, channel_names[x->channel],
                x->channel == BY_HAND ? "true" : "false", x->manifest);
        for (int k = 0; k < x->rows; k++)
            fprintf(f, "%s\"w%d\"", k ? "," : "", x->row_recipient[k]);
        fprintf(f, "]}\n");
    }
    fclose(f);
}

static void record_channel(struct sim *s)
{
    FILE *f = record_open(s, "channel.jsonl");

    for (size_t i = 0; i < s->arrival_count; i++) {
        const struct arrival *a = &s->arrivals[i];
        fprintf(f,
                "{\"at_ms\":%lld,\"campaign\":\"c%d\",\"channel\":\"%s\",\"sender\":\"%s\","
                "\"recipient\":\"w%d\",\"by_hand\":%s}\n",
                (long long)a->at, s->specs[a->spec].campaign, channel_names[a->channel],
                sender_names[a->sender], a->recipient, a->by_hand ? "true" : "false");
    }
    fclose(f);
}

void record_all(struct sim *s)
{
    struct record x = {.sim = s, .file = record_open(s, "deliveries.jsonl"), .more = true};
    struct err e;

    for (size_t i = 0; i < s->spec_count; i++)
        if (s->specs[i].revision)
            sim_ok(s, store_revision(s->run->store, s->specs[i].revision, record_revision, &x, &e),
                   &e);
    fclose(x.file);
    x.file = record_open(s, "audit.jsonl");
    x.last = 0;
    x.more = true;
    while (x.more)
        sim_ok(s,
               store_audit_rows(s->run->store, NULL, x.last, 1000, record_audit, &x, &x.last,
                                &x.more, &e),
               &e);
    fclose(x.file);
    strbuf_dispose(&x.line);
    record_facts(s);
    record_channel(s);
}
