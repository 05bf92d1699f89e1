/* The parts of a channel's instance: wecom.c (the kind), create.c (a send becomes a task or a
 * message), task.c (what became of it), book.c (whose the customers are). */
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
};

/* create.c */
void create_submit(struct wecom *w, const struct channel_send *send);
void create_close(struct wecom *w);
/* What a reply to a call that sends comes to; its strings are the reply's. */
void create_outcome(struct channel_outcome *out, const struct reply *r);

/* book.c */
void book_read(struct wecom *w, const struct channel_book_ask *ask, channel_book_fn *fn, void *ctx);
void book_close(struct wecom *w);

/* task.c */
void task_open(struct wecom *w, const struct channel_send *send, const char *msgid,
               int64_t asked_ms);
void task_withdraw(struct wecom *w, uint64_t send_id);
void task_forget(struct wecom *w, uint64_t send_id);
void tasks_close(struct wecom *w);

#endif
