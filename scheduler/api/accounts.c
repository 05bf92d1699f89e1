/* `contacts sync`: a reading of an account is begun, and looked at while it runs. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"

#include "base/lang.h"

static void answer(struct request *rq)
{
    static const char *const states[] = {[READING_NEVER] = "never",
                                         [READING_RUNS] = "running",
                                         [READING_DONE] = "done",
                                         [READING_FAILED] = "failed"};
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;
    struct api_reading x;

    host->reading_show(host->ctx, rq->argument, &x);
    emit_open(b, '{');
    emit_put_text(b, "account", rq->argument);
    emit_put_text(b, "state", states[x.state]);
    emit_put_number(b, "members", (int64_t)x.members);
    emit_put_number(b, "members_read", (int64_t)x.members_read);
    emit_put_number(b, "customers", (int64_t)x.customers);
    emit_put_number(b, "groups", (int64_t)x.groups);
    emit_put_number(b, "added", (int64_t)x.sum.added);
    emit_put_number(b, "changed", (int64_t)x.sum.changed);
    emit_put_number(b, "unchanged", (int64_t)x.sum.unchanged);
    emit_put_number(b, "removed", (int64_t)x.sum.removed);
    emit_put_number(b, "lifted", (int64_t)x.sum.lifted);
    emit_put_number(b, "waits_ms",
                    x.waits_until == INSTANT_MIN ? 0 : x.waits_until - host->now(host->ctx));
    emit_put_text(b, "problem", x.problem);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

static bool known(struct request *rq)
{
    if (service_account(rq->conf, rq->argument))
        return true;
    request_fail_with(rq, ERR_NOTFOUND, tr("unknown account '%.64s'"), rq->argument);
    return false;
}

void accounts_sync(struct request *rq)
{
    const struct api_host *host = request_host(rq);

    if (!known(rq))
        return;
    if (host->reading_start(host->ctx, rq->argument, rq->who.name, &rq->e))
        request_fail(rq);
    else
        answer(rq);
}

void accounts_sync_show(struct request *rq)
{
    if (known(rq))
        answer(rq);
}
