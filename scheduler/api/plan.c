/* `plan --live`: what was taken in is told as a plan, and forgotten. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/submission.h"

#include "base/lang.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 5000 };

/* A part that is a number. False after it has answered. */
static bool read_number(struct request *rq, const char *name, uint64_t *out, bool *there)
{
    const char *text = spool_field(rq->spool, name);
    char *end;

    *there = text != NULL;
    if (!text)
        return true;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (!errno && end != text && !*end && text[0] != '-' && text[0] != '+')
        return true;
    request_fail_with(rq, ERR_USAGE, tr("'%s' is a number from 0 to %llu, not '%s'"), name,
                      (unsigned long long)UINT64_MAX, text);
    return false;
}

static int put_rows(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    struct plan *plan = s->foresight.rehearsal.plan;
    const struct planned whose = foresee_whose(&s->foresight, &s->digest, s->seed);
    struct strbuf *b = &rq->answer.body.text;

    (void)store; /* only its thread is used */
    for (int n = 0; s->keeps_recipients && n < CHUNK_ROWS && s->at < plan_rows(plan); n++) {
        uint32_t row = plan_order(plan)[s->at++];
        struct plan_row r = plan_row(plan, row);
        planned_row(b, &whose, row, &r, s->recipients[row - 1]);
        strbuf_putc(b, '\n');
        if (output_settle(&rq->answer.body, &rq->e))
            return rq->e.code;
    }
    return 0;
}

static void answer(struct request *rq)
{
    struct submission *s = rq->state;
    struct strbuf *b = &rq->answer.body.text;

    s->plan.length--; /* the object is still open */
    strbuf_puts(b, "{\"summary\":");
    strbuf_add(b, s->plan.text, s->plan.length);
    submission_warnings(b, s);
    strbuf_puts(b, "}}\n");
    request_stream(rq);
}

static void rows_put(struct request *rq)
{
    struct submission *s = rq->state;

    if (rq->rc)
        submission_give_up(rq);
    else if (s->keeps_recipients && s->at < plan_rows(s->foresight.rehearsal.plan))
        request_store(rq, put_rows, rows_put);
    else if (s->begun)
        submission_drop(rq, answer);
    else
        answer(rq);
}

static void taken(struct request *rq)
{
    request_store(rq, put_rows, rows_put);
}

void plan_bundle(struct request *rq)
{
    static const char *const fields[] = {"from", "seed", "more_senders", "rows", NULL};
    bool rows = true, more;

    if (!submission_new(rq, fields))
        return;
    struct submission *s = rq->state;
    s->only_planned = true;
    s->from_text = spool_field(rq->spool, "from");
    if (spool_field(rq->spool, "rows") && !submission_flag(rq, "rows", &rows))
        return;
    s->keeps_recipients = rows;
    if (read_number(rq, "seed", &s->seed, &s->has_seed) &&
        read_number(rq, "more_senders", &s->more_senders, &more))
        submission_take(rq, taken);
}
