/* Members confirm. Only a tap reaches anybody: what a customer or a group may still receive is
 * looked at then, by the corp's cap in Chinese days, Monday weeks and months. */
#include "faults.h"
#include "standin.h"

#include <time.h>

enum { DAY_MS = 24 * 3600 * 1000, ZONE_MS = 8 * 3600 * 1000 };

enum draw { DRAW_TAP = 100 };

static int64_t floor_to(int64_t at, int64_t span, int64_t shift)
{
    return (at + shift) / span * span - shift;
}

static bool is_full(enum cap cap, const struct stamps *received, int64_t at_ms)
{
    int64_t day = floor_to(at_ms, DAY_MS, ZONE_MS);
    time_t local = (time_t)((at_ms + ZONE_MS) / 1000);
    struct tm tm;

    switch (cap) {
    case CAP_DAY:
        return stamps_since(received, day) >= 1;
    case CAP_WEEK: /* the epoch was a Thursday */
        return stamps_since(received, floor_to(at_ms, 7 * (int64_t)DAY_MS,
                                               ZONE_MS + 3 * (int64_t)DAY_MS)) >= 7;
    case CAP_MONTH: {
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int most;

        gmtime_r(&local, &tm);
        most = days[tm.tm_mon] + (tm.tm_mon == 1 && tm.tm_year % 4 == 0);
        return stamps_since(received, day - (tm.tm_mday - 1) * (int64_t)DAY_MS) >= (size_t)most;
    }
    default:
        return false;
    }
}

static int64_t tap_after(const struct world *w, const struct task *t, const struct member *m,
                         int64_t from_ms)
{
    int64_t span = m->after_ms[1] - m->after_ms[0];
    uint64_t draw =
        random_of(w->seed, DRAW_TAP + (uint64_t)(m - w->members), (uint64_t)(t - w->tasks));

    return from_ms + m->after_ms[0] + (span > 0 ? (int64_t)(draw % (uint64_t)(span + 1)) : 0);
}

void taps_arm(const struct world *w, struct task *t)
{
    for (size_t i = 0; i < t->part_count; i++) {
        const struct member *m = &w->members[t->parts[i].member];

        if (m->taps == TAPS_SOON || m->taps == TAPS_PARTLY)
            t->parts[i].tap_ms = tap_after(w, t, m, t->created_ms);
    }
}

void taps_remind(const struct world *w, struct task *t, int64_t now_ms)
{
    for (size_t i = 0; i < t->part_count; i++) {
        struct part *p = &t->parts[i];
        const struct member *m = &w->members[p->member];

        if (p->status == 0 && p->tap_ms == NEVER && m->taps == TAPS_REMINDED)
            p->tap_ms = tap_after(w, t, m, now_ms);
    }
}

/* 1 sent, 2 the customer has deleted the member, 3 has received enough. */
static int64_t reach(struct world *w, const struct task *t, size_t member, size_t who,
                     int64_t at_ms)
{
    struct stamps *received = t->to_groups ? &w->groups[who].received : &w->customers[who].received;
    const struct follow *f =
        t->to_groups ? NULL : customer_follow(&w->customers[who], member, false);

    if (!t->to_groups && (!f || f->lost || f->removed))
        return 2;
    if (is_full(w->cap, received, at_ms))
        return 3;
    stamps_add(received, at_ms);
    return 1;
}

void taps_tap(struct standin *s, struct task *t, struct part *p, unsigned share, int64_t at_ms)
{
    struct world *w = &s->world;
    size_t waiting = 0, most;
    const json_t *text = json_object_get(json_object_get(t->content, "text"), "content");

    p->tap_ms = NEVER;
    for (size_t i = p->first; i < p->first + p->count; i++)
        waiting += t->rows[i].status == 0;
    if (t->canceled || waiting == 0)
        return;
    most = (waiting * share + 99) / 100;
    for (size_t i = p->first; i < p->first + p->count && most > 0; i++) {
        struct row *row = &t->rows[i];

        if (row->status != 0)
            continue;
        most--;
        row->status = reach(w, t, p->member, row->who, at_ms);
        if (row->status == 1)
            row->sent_s = at_ms / 1000;
        record_line(s, json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:b, s:O?}", "at_ms",
                                 (json_int_t)at_ms, "event", "reached", "msgid", t->id, "sender",
                                 w->members[p->member].id, "recipient",
                                 t->to_groups ? w->groups[row->who].id : w->customers[row->who].id,
                                 "status", (json_int_t)row->status, "by_hand", t->creator != NONE,
                                 "text", text));
    }
    p->status = 2;
    p->sent_s = at_ms / 1000;
}

void taps_run(struct standin *s, int64_t now_ms)
{
    struct world *w = &s->world;

    for (;;) {
        struct task *task = NULL;
        struct part *due = NULL;

        for (size_t i = 0; i < w->task_count; i++) {
            for (size_t k = 0; k < w->tasks[i].part_count; k++) {
                struct part *p = &w->tasks[i].parts[k];

                if (p->tap_ms <= now_ms && (!due || p->tap_ms < due->tap_ms)) {
                    task = &w->tasks[i];
                    due = p;
                }
            }
        }
        if (!due)
            return;
        taps_tap(s, task, due,
                 w->members[due->member].taps == TAPS_PARTLY ? w->members[due->member].share : 100,
                 due->tap_ms);
    }
}
