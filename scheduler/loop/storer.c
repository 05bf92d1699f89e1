#include "loop/storer.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdio.h>
#include <stdlib.h>

enum { STALL_S = 2 };

struct jobs { /* first in, first out */
    struct store_job *first, **last;
};

struct storer {
    uv_thread_t thread;
    uv_mutex_t mutex; /* of todo, finished, stopping */
    uv_cond_t wake;
    uv_async_t back;
    struct jobs todo, finished;
    bool stopping;
    uint64_t busy_since; /* uv_hrtime of the job under way; 0: idle */
    char problem[128];   /* loop thread */
    struct err failure;  /* the store's, as of the last job */
    struct store *store; /* the thread's while it runs */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void put(struct jobs *j, struct store_job *job)
{
    job->next = NULL;
    *j->last = job;
    j->last = &job->next;
}

static struct store_job *take_all(struct jobs *j)
{
    struct store_job *first = j->first;

    j->first = NULL;
    j->last = &j->first;
    return first;
}

static void work(void *arg)
{
    struct storer *s = arg;

    uv_mutex_lock(&s->mutex);
    for (;;) {
        struct store_job *job = s->todo.first;
        if (!job && s->stopping)
            break;
        if (!job) {
            uv_cond_wait(&s->wake, &s->mutex);
            continue;
        }
        s->todo.first = job->next;
        if (!s->todo.first)
            s->todo.last = &s->todo.first;
        s->busy_since = uv_hrtime();
        uv_mutex_unlock(&s->mutex);
        job->run(s->store, job);
        const struct err *failure = store_failure(s->store);
        uv_mutex_lock(&s->mutex);
        s->busy_since = 0;
        s->failure = *failure;
        put(&s->finished, job);
        uv_async_send(&s->back);
    }
    uv_mutex_unlock(&s->mutex);
}

static void finish(struct storer *s)
{
    struct store_job *job;

    uv_mutex_lock(&s->mutex);
    job = take_all(&s->finished);
    uv_mutex_unlock(&s->mutex);
    while (job) {
        struct store_job *next = job->next;
        job->done(job);
        job = next;
    }
}

static void on_back(uv_async_t *a)
{
    finish(a->data);
}

struct storer *storer_start(uv_loop_t *loop, struct store *store)
{
    struct storer *s = xmalloc(sizeof *s);

    s->store = store;
    s->todo.last = &s->todo.first;
    s->finished.last = &s->finished.first;
    s->back.data = s;
    int failed = uv_mutex_init(&s->mutex) || uv_cond_init(&s->wake) ||
                 uv_async_init(loop, &s->back, on_back) || uv_thread_create(&s->thread, work, s);
    if (failed)
        abort(); /* no thread at start: nothing was done yet */
    return s;
}

void storer_run(struct storer *s, struct store_job *job)
{
    uv_mutex_lock(&s->mutex);
    put(&s->todo, job);
    uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
}

bool storer_failed(struct storer *s, struct err *e)
{
    uv_mutex_lock(&s->mutex);
    *e = s->failure;
    uv_mutex_unlock(&s->mutex);
    return e->code != 0;
}

const char *storer_problem(struct storer *s)
{
    uint64_t since = 0, now = uv_hrtime();

    if (s) {
        uv_mutex_lock(&s->mutex);
        since = s->busy_since;
        uv_mutex_unlock(&s->mutex);
    }
    if (!since || now < since || (now - since) / 1000000000 < STALL_S)
        return NULL;
    snprintf(s->problem, sizeof s->problem,
             tr("the store has not answered for %lld s: nothing new is sent until it does"),
             (long long)((now - since) / 1000000000));
    return s->problem;
}

static void on_closed(uv_handle_t *h)
{
    struct storer *s = h->data;

    uv_cond_destroy(&s->wake);
    uv_mutex_destroy(&s->mutex);
    if (s->closed)
        s->closed(s->closed_ctx);
    free(s);
}

void storer_stop(struct storer *s, void (*closed)(void *ctx), void *ctx)
{
    uv_mutex_lock(&s->mutex);
    s->stopping = true;
    uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
    uv_thread_join(&s->thread);
    finish(s);
    while (s->todo.first) { /* what the last ends still asked for */
        struct store_job *job = take_all(&s->todo);
        while (job) {
            struct store_job *next = job->next;
            job->run(s->store, job);
            job->done(job);
            job = next;
        }
    }
    s->closed = closed;
    s->closed_ctx = ctx;
    uv_close((uv_handle_t *)&s->back, on_closed);
}
