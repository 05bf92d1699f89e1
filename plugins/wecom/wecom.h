/* The parts of a channel's instance: wecom.c (the kind), create.c (a send becomes a task or a
 * message), task.c (what became of it), reconcile.c (whether it is there), book.c (whose the
 * customers are). */
#ifndef PACELINE_PLUGINS_WECOM_H
#define PACELINE_PLUGINS_WECOM_H

#include "account.h"

struct wecom {
    const struct channel_host *host;
    struct account *account;
    enum wire_mode mode;
    struct creation *creations;
    struct task *tasks;
    struct alarm *alarms;
    struct book *books;
    struct search *searches;
    struct reminder *reminders;
};

/* create.c */
void create_submit(struct wecom *w, const struct channel_send *send);
void create_close(struct wecom *w);
/* What a reply to a call that sends comes to; its strings are the reply's. */
void create_outcome(struct channel_outcome *out, const struct reply *r);

/* book.c */
void book_read(struct wecom *w, const struct channel_book_ask *ask, channel_book_fn *fn, void *ctx);
void book_close(struct wecom *w);

/* A timer that runs: nobody can stop it, but it may be for nobody any more. Whoever it is for sets
 * `task` to NULL then. When it fires it is gone, and `fn` is called with the task. */
struct alarm {
    struct alarm *next;
    struct wecom *w;
    void *task;
    channel_timer_fn *fn;
};
struct alarm *alarm_new(struct wecom *w, void *task, channel_timer_fn *fn, int64_t ms);
void alarms_close(struct wecom *w);

/* remind.c */
void remind_task(struct wecom *w, const char *msgid, channel_done_fn *fn, void *ctx);
void remind_member(struct wecom *w, const char *member, const char *text, channel_done_fn *fn,
                   void *ctx);
void reminders_close(struct wecom *w);

/* reconcile.c */
void search_begin(struct wecom *w, const struct channel_doubt *doubt);
void searches_close(struct wecom *w);

/* task.c */
void task_open(struct wecom *w, const struct channel_send *send, const char *msgid,
               int64_t asked_ms);
void task_withdraw(struct wecom *w, uint64_t send_id);
const char *task_ref(const struct wecom *w, uint64_t send_id); /* NULL: no open task */
bool task_known(const struct wecom *w, const char *msgid);
void task_forget(struct wecom *w, uint64_t send_id);
void tasks_close(struct wecom *w);

#endif
