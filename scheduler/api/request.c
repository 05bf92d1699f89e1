#include "api/request.h"

#include "api/emit.h"
#include "api/objects.h"
#include "base/lang.h"
#include "base/log.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step {
    struct store_job job; /* first: a job is its step */
    struct request *rq;
    request_run_fn *run;
    request_done_fn *done;
};

static void step_run(struct store *s, struct store_job *job);
static void step_done(struct store_job *job);

void request_store(struct request *rq, request_run_fn *run, request_done_fn *done)
{
    struct step *step = xmalloc(sizeof(*step));

    *step = (struct step){
        .job = {.run = step_run, .done = step_done}, .rq = rq, .run = run, .done = done};
    rq->rc = 0;
    rq->e.code = 0;
    const struct api_host *host = request_host(rq);
    host->store_run(host->ctx, &step->job);
}

static void step_nothing(struct store *s, struct store_job *job)
{
    (void)s, (void)job;
}

void request_after(struct request *rq, void (*done)(struct request *rq))
{
    struct step *step = xmalloc(sizeof(*step));
    const struct api_host *host = request_host(rq);

    *step = (struct step){.job = {step_nothing, step_done, NULL}, .rq = rq, .done = done};
    host->after(host->ctx, &step->job);
}

void request_reply(struct request *rq, int status)
{
    rq->answer.status = status;
    rq->answer.type = "application/json";
    strbuf_putc(&rq->answer.body.text, '\n');
    request_answered(rq);
}

void request_stream(struct request *rq)
{
    if (output_finish(&rq->answer.body, &rq->e)) {
        request_fail(rq);
        return;
    }
    rq->answer.status = 200;
    rq->answer.type = "application/x-ndjson";
    request_answered(rq);
}

void request_bytes(struct request *rq)
{
    rq->answer.status = 200;
    rq->answer.type = "application/octet-stream";
    request_answered(rq);
}

static void fail(struct request *rq, int code, const char *message, const struct diags *d)
{
    if (code == ERR_DENIED)
        log_line(LOG_WARNING, "api", "refused user=%s action=\"%s %s\" reason=\"%s\"", rq->who.name,
                 rq->method, rq->path, message);
    const char *dir = rq->answer.body.dir;
    output_dispose(&rq->answer.body); /* a list that broke off */
    output_init(&rq->answer.body, dir);
    error_object(&rq->answer.body.text, code, message, d);
    request_reply(rq, error_status(code));
}

void request_fail(struct request *rq)
{
    assert(rq->e.code < 0);
    char *message = arena_strdup(rq->arena, rq->e.text);
    fail(rq, rq->e.code, message, NULL);
}

void request_fail_with(struct request *rq, int code, const char *format, ...)
{
    char message[sizeof(rq->e.text)];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fail(rq, code, message, NULL);
}

void request_fail_all(struct request *rq, int code, const char *message, const struct diags *d)
{
    fail(rq, code, message, d);
}

void request_fail_diags(struct request *rq, const struct diags *d, const char *message)
{
    fail(rq, d->worst ? d->worst : ERR_REFUSED, message, d);
}

void error_object(struct strbuf *b, int code, const char *message, const struct diags *d)
{
    emit_open(b, '{');
    emit_put_number(b, "exit", err_exit_code(code));
    emit_put_text(b, "message", message);
    put_diagnostics(b, d);
    strbuf_putc(b, '}');
}

void put_diagnostics(struct strbuf *b, const struct diags *d)
{
    emit_key(b, "diagnostics");
    emit_open(b, '[');
    for (size_t i = 0; d && i < d->count; i++)
        object_diag(b, &d->items[i]);
    strbuf_putc(b, ']');
    if (d && d->dropped > 0)
        emit_put_number(b, "more", (int64_t)d->dropped);
}

int error_status(int code)
{
    switch (code) {
    case ERR_DENIED:
        return 403;
    case ERR_NOTFOUND:
        return 404;
    case ERR_REFUSED:
        return 409;
    case ERR_DATA:
    case ERR_LIMIT:
    case ERR_IO:
        return 422;
    case ERR_USAGE:
        return 400;
    case ERR_BUSY:
    case ERR_STORE:
        return 503;
    default:
        return 500;
    }
}

static const struct request_field *field_of(const struct request_field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static int take_field(struct request *rq, const struct request_field *fields, const char *name,
                      const json_t *value)
{
    const struct request_field *f = field_of(fields, name);

    if (!f)
        return err_set(&rq->e, ERR_USAGE, tr("unknown key '%.64s'"), name);
    if (json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return err_set(&rq->e, ERR_USAGE, tr("'%s' must be a string"), name);
    if (json_string_length(value) > REQUEST_TEXT_MAX)
        return err_set(&rq->e, ERR_USAGE, tr("'%s' is longer than %d bytes"), name,
                       REQUEST_TEXT_MAX);
    *f->out = arena_strdup(rq->arena, json_string_value(value));
    return 0;
}

static int read_fields(struct request *rq, const struct request_field *fields)
{
    json_error_t at;
    const char *name;
    json_t *value;
    int rc = 0;

    json_t *body = json_loadb(rq->body.length ? rq->body.text : "{}",
                              rq->body.length ? rq->body.length : 2, JSON_REJECT_DUPLICATES, &at);
    if (!body)
        return err_set(&rq->e, ERR_USAGE, tr("the body is not JSON: line %d, column %d: %s"),
                       at.line, at.column, at.text);
    if (!json_is_object(body))
        rc = err_set(&rq->e, ERR_USAGE, tr("the body must be a JSON object"));
    json_object_foreach(body, name, value)
    {
        if (rc == 0)
            rc = take_field(rq, fields, name, value);
    }
    for (const struct request_field *f = fields; rc == 0 && f->name; f++)
        if (f->required && (!*f->out || **f->out == '\0'))
            rc = err_set(&rq->e, ERR_USAGE, tr("'%s' is missing"), f->name);
    json_decref(body);
    return rc;
}

bool request_fields(struct request *rq, const struct request_field *fields)
{
    for (const struct request_field *f = fields; f->name; f++)
        *f->out = NULL;
    if (read_fields(rq, fields) == 0)
        return true;
    request_fail(rq);
    return false;
}

void request_free(struct request *rq)
{
    if (rq->dispose)
        rq->dispose(rq->state);
    service_free(rq->conf);
    spool_free(rq->spool);
    strbuf_dispose(&rq->body);
    output_dispose(&rq->answer.body);
    arena_free(rq->arena);
    free(rq);
}

static void step_run(struct store *s, struct store_job *job)
{
    struct step *step = (struct step *)job;

    step->rq->rc = step->run(s, step->rq);
}

static void step_done(struct store_job *job)
{
    struct step *step = (struct step *)job;
    struct request *rq = step->rq;
    request_done_fn *done = step->done;

    free(step);
    if (!request_abandon(rq))
        done(rq);
}
