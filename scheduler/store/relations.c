/* What a platform's account knows: which members there are, whose the customers and groups are.
 *
 * A reading goes member by member. Its beginning is kept, and of each member when they were read,
 * so that one that broke off is taken up where it was. A row is written only when it says something
 * new; what the platform does not name any more goes at the end of its member. */
#include "base/arena.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* One statement with an account first, and up to two numbers behind it. */
static int run_for(struct store *s, const char *sql, const char *account, int64_t a, int64_t b,
                   struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, sql, e);

    if (rc)
        return rc;
    bind_text(st, 1, account);
    if (sqlite3_bind_parameter_count(st) > 1)
        bind_int(st, 2, a);
    if (sqlite3_bind_parameter_count(st) > 2)
        bind_int(st, 3, b);
    return sql_run(s, st, e);
}

/* --- a reading --- */

/* Takes up the last one, or begins anew: then everybody is to be read. */
static int reading_open(struct store *s, const char *account, int64_t now_ms, int64_t fresh_ms,
                        struct err *e)
{
    sqlite3_stmt *st;
    bool open = false;
    int rc = sql_get(s, &st,
                     "SELECT 1 FROM account_reading WHERE account = ? AND ended_at IS NULL"
                     " AND began_at > ?",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, account);
    bind_int(st, 2, now_ms - fresh_ms);
    rc = sql_step(s, st, e);
    if (rc < 0)
        return rc;
    open = rc > 0;
    sqlite3_reset(st);
    if (open)
        return 0;
    rc = run_for(s, "UPDATE member SET read_at = 0 WHERE account = ?", account, 0, 0, e);
    if (!rc)
        rc = run_for(s,
                     "INSERT INTO account_reading (account, began_at) VALUES (?1, ?2)"
                     " ON CONFLICT (account) DO UPDATE SET began_at = ?2, ended_at = NULL",
                     account, now_ms, 0, e);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool holds(const int64_t *sorted, size_t count, int64_t id)
{
    return bsearch(&id, sorted, count, sizeof(id), compare_ids) != NULL;
}

/* Ids of the first column that are not among these, deleted one by one with `sql`. */
static int delete_others(struct store *s, sqlite3_stmt *st, const int64_t *sorted, size_t count,
                         const char *sql, const char *account, uint64_t *gone, struct err *e)
{
    int64_t *others = NULL;
    size_t n = 0, capacity = 0;
    int rc;

    while ((rc = sql_step(s, st, e)) > 0) {
        int64_t id = sqlite3_column_int64(st, 0);
        if (holds(sorted, count, id))
            continue;
        others = xgrow(others, &capacity, n + 1, sizeof(*others));
        others[n++] = id;
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = run_for(s, sql, account, others[i], 0, e);
    *gone += rc ? 0 : n;
    free(others);
    return rc;
}

static int members_now(struct store *s, const char *account, const char *const *members,
                       size_t count, uint64_t *removed, struct err *e)
{
    int64_t *ids = xmalloc((count + 1) * sizeof(*ids));
    sqlite3_stmt *st;
    uint64_t gone = 0;
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        rc = name_make(s, NAME_SENDER, members[i], &ids[i], e);
        if (!rc)
            rc = run_for(s,
                         "INSERT INTO member (account, sender, read_at) VALUES (?, ?, 0)"
                         " ON CONFLICT (account, sender) DO NOTHING",
                         account, ids[i], 0, e);
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    if (!rc)
        rc = sql_get(s, &st, "SELECT DISTINCT sender FROM relation WHERE account = ?", e);
    if (!rc) {
        bind_text(st, 1, account);
        rc = delete_others(s, st, ids, count,
                           "DELETE FROM relation WHERE account = ? AND sender = ?", account, &gone,
                           e);
    }
    if (!rc)
        rc = sql_get(s, &st, "SELECT sender FROM member WHERE account = ?", e);
    if (!rc) {
        bind_text(st, 1, account);
        rc = delete_others(s, st, ids, count, "DELETE FROM member WHERE account = ? AND sender = ?",
                           account, removed, e);
    }
    free(ids);
    return rc;
}

/* Pointers and texts in one block, for one free. */
static int members_left(struct store *s, const char *account, const char ***left, size_t *count,
                        struct err *e)
{
    struct strbuf names = STRBUF_INIT;
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT s.name FROM member m JOIN sender s ON s.id = m.sender"
                     " WHERE m.account = ? AND m.read_at = 0 ORDER BY m.sender",
                     e);

    *left = NULL;
    *count = 0;
    if (rc)
        return rc;
    bind_text(st, 1, account);
    while ((rc = sql_step(s, st, e)) > 0) {
        const char *name = column_text(st, 0);
        strbuf_add(&names, name, strlen(name) + 1);
        ++*count;
    }
    if (!rc) {
        size_t pointers = (*count + 1) * sizeof(**left);
        char *at;

        *left = xmalloc(pointers + names.length + 1);
        at = (char *)*left + pointers;
        memcpy(at, names.length ? names.text : "", names.length);
        for (size_t i = 0; i < *count; i++, at += strlen(at) + 1)
            (*left)[i] = at;
    }
    strbuf_dispose(&names);
    return rc;
}

int store_reading_begin(struct store *s, const char *account, const char *const *members,
                        size_t count, int64_t now_ms, int64_t fresh_ms, const char ***left,
                        size_t *left_count, uint64_t *removed, struct err *e)
{
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = reading_open(s, account, now_ms, fresh_ms, e);
    if (!rc)
        rc = members_now(s, account, members, count, removed, e);
    rc = txn_end(s, rc, e);
    return rc ? rc : members_left(s, account, left, left_count, e);
}

static void bind_relation(sqlite3_stmt *st, int first, const struct store_relation *x)
{
    bind_text(st, first, x->name);
    bind_text(st, first + 1, x->union_id);
    bind_text(st, first + 2, x->remark);
    bind_int(st, first + 3, x->added_ms);
    bind_int(st, first + 4, x->way);
    bind_text(st, first + 5, x->state);
    bind_text(st, first + 6, x->tags);
}

struct place { /* of a row */
    const char *account;
    enum relation_kind kind;
    int64_t sender, recipient;
};

static int row_find(struct store *s, const struct place *at, const struct store_relation *x,
                    int64_t *id, bool *same, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT id, kind = ?4 AND name = ?5 AND union_id = ?6 AND remark = ?7"
                     " AND added_at = ?8 AND way = ?9 AND state = ?10 AND tags = ?11"
                     " FROM relation WHERE account = ?1 AND sender = ?2 AND recipient = ?3",
                     e);

    *id = 0;
    if (rc)
        return rc;
    bind_text(st, 1, at->account);
    bind_int(st, 2, at->sender);
    bind_int(st, 3, at->recipient);
    bind_int(st, 4, at->kind);
    bind_relation(st, 5, x);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *id = sqlite3_column_int64(st, 0);
    *same = sqlite3_column_int(st, 1) != 0;
    sqlite3_reset(st);
    return 0;
}

static int row_write(struct store *s, const struct place *at, const struct store_relation *x,
                     int64_t *id, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st,
                "INSERT INTO relation (account, sender, recipient, kind, name, union_id,"
                " remark, added_at, way, state, tags)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                " ON CONFLICT (recipient, sender, account) DO UPDATE SET kind = ?4, name = ?5,"
                " union_id = ?6, remark = ?7, added_at = ?8, way = ?9, state = ?10, tags = ?11",
                e);

    if (rc)
        return rc;
    bind_text(st, 1, at->account);
    bind_int(st, 2, at->sender);
    bind_int(st, 3, at->recipient);
    bind_int(st, 4, at->kind);
    bind_relation(st, 5, x);
    rc = sql_run(s, st, e);
    if (*id == 0)
        *id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int row_take(struct store *s, struct place *at, const struct store_relation *x, int64_t *id,
                    struct store_relations_sum *sum, struct err *e)
{
    bool same = false;
    int rc = name_make(s, NAME_RECIPIENT, x->recipient, &at->recipient, e);

    if (!rc)
        rc = row_find(s, at, x, id, &same, e);
    if (rc)
        return rc;
    sum->seen++;
    if (same) {
        sum->unchanged++;
        return 0;
    }
    if (*id)
        sum->changed++;
    else
        sum->added++;
    return row_write(s, at, x, id, e);
}

int store_reading_rows(struct store *s, const char *account, enum relation_kind kind,
                       const char *member, const struct store_relation *rows, size_t count,
                       int64_t *ids, struct store_relations_sum *sum, struct err *e)
{
    struct store_relations_sum now = *sum;
    struct place at = {.account = account, .kind = kind};
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = name_make(s, NAME_SENDER, member, &at.sender, e);
    for (size_t i = 0; i < count && !rc; i++)
        rc = row_take(s, &at, &rows[i], &ids[i], &now, e);
    rc = txn_end(s, rc, e);
    if (!rc)
        *sum = now;
    return rc;
}

int store_reading_rest(struct store *s, const char *account, enum relation_kind kind,
                       const char *member, int64_t *ids, size_t count,
                       struct store_relations_sum *sum, struct err *e)
{
    sqlite3_stmt *st;
    int64_t sender;
    uint64_t gone = 0;
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    qsort(ids, count, sizeof(*ids), compare_ids);
    rc = name_make(s, NAME_SENDER, member, &sender, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "SELECT id FROM relation WHERE account = ? AND kind = ? AND sender = ?", e);
    if (!rc) {
        bind_text(st, 1, account);
        bind_int(st, 2, kind);
        bind_int(st, 3, sender);
        rc = delete_others(s, st, ids, count, "DELETE FROM relation WHERE account = ? AND id = ?",
                           account, &gone, e);
    }
    rc = txn_end(s, rc, e);
    sum->removed += rc ? 0 : gone;
    return rc;
}

int store_reading_member(struct store *s, const char *account, const char *member, int64_t now_ms,
                         struct err *e)
{
    int64_t sender;
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = name_make(s, NAME_SENDER, member, &sender, e);
    if (!rc)
        rc = run_for(s, "UPDATE member SET read_at = ?2 WHERE account = ?1 AND sender = ?3",
                     account, now_ms, sender, e);
    return txn_end(s, rc, e);
}

int store_reading_end(struct store *s, const char *account, struct store_relations_sum *sum,
                      const struct store_decision *d, struct err *e)
{
    json_t *detail = json_object();
    struct record record = {d->at, d->by, "contacts_sync", NULL, NULL, detail};
    int rc = txn_begin(s, e);

    if (!rc) {
        rc = detail_text(detail, "account", account, e);
        detail_int(detail, "seen", (int64_t)sum->seen);
        detail_int(detail, "added", (int64_t)sum->added);
        detail_int(detail, "changed", (int64_t)sum->changed);
        detail_int(detail, "removed", (int64_t)sum->removed);
        if (!rc)
            rc = suppress_lift(s, account, d->at, &sum->lifted, e);
        if (!rc)
            rc = run_for(s, "UPDATE account_reading SET ended_at = ?2 WHERE account = ?1", account,
                         d->at, 0, e);
        if (!rc)
            rc = audit_append(s, &record, e);
        rc = txn_end(s, rc, e);
    }
    json_decref(detail);
    return rc;
}

/* --- what is asked of it --- */

int store_account_read(struct store *s, const char *account, bool *known, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT 1 FROM account_reading WHERE account = ?", e);

    *known = false;
    if (rc)
        return rc;
    bind_text(st, 1, account);
    rc = sql_step(s, st, e);
    *known = rc > 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int store_members(struct store *s, const char *account, enum relation_kind kind,
                  int (*each)(void *ctx, const char *name), void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT s.name FROM member m JOIN sender s ON s.id = m.sender"
                     " WHERE m.account = ?1 AND (?2 = 0 OR EXISTS (SELECT 1 FROM relation x"
                     " WHERE x.account = ?1 AND x.kind = ?2 AND x.sender = m.sender))"
                     " ORDER BY s.name",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, account);
    bind_int(st, 2, kind);
    while ((rc = sql_step(s, st, e)) > 0)
        if ((rc = each(ctx, column_text(st, 0))))
            break;
    sqlite3_reset(st);
    return rc;
}

static size_t index_of(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;

    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

struct pick {     /* of one recipient's relations */
    size_t index; /* of its sender */
    int64_t added;
    bool any;
};

/* Whether this relation is to be preferred to what was picked. */
static bool better(const struct store_choice *c, const struct pick *p, size_t index, int64_t added)
{
    if (!p->any)
        return true;
    switch (c->order) {
    case RELATION_FIRST_ADDED:
        return added < p->added;
    case RELATION_LISTED:
        return index < p->index;
    default:
        return added > p->added;
    }
}

static bool picks(const struct store_choice *c, struct pick *p, const char *sender, int64_t added)
{
    size_t index = index_of(c->senders, c->sender_count, sender);

    if (index == c->sender_count || !better(c, p, index, added))
        return false;
    *p = (struct pick){.index = index, .added = added, .any = true};
    return true;
}

static bool fits(const struct store_choice *c, int64_t added, int64_t way, const char *state)
{
    size_t i = 0;

    while (i < c->way_count && c->ways[i] != way)
        i++;
    return added >= c->added_from_ms && (c->added_to_ms == 0 || added < c->added_to_ms) &&
           (c->way_count == 0 || i < c->way_count) &&
           (c->state_count == 0 || index_of(c->states, c->state_count, state) < c->state_count);
}

int store_relation_sender(struct store *s, const char *account, const char *recipient,
                          const struct store_choice *choice, const char *wanted, size_t *index,
                          struct err *e)
{
    struct pick pick = {.index = choice->sender_count};
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT m.name, x.added_at FROM recipient r JOIN relation x"
                     " ON x.recipient = r.id JOIN sender m ON m.id = x.sender WHERE r.name = ?1"
                     " AND x.account = ?2 AND (?3 IS NULL OR m.name = ?3) ORDER BY x.id",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, recipient);
    bind_text(st, 2, account);
    bind_text(st, 3, wanted);
    while ((rc = sql_step(s, st, e)) > 0)
        picks(choice, &pick, column_text(st, 0), sqlite3_column_int64(st, 1));
    *index = pick.index;
    return rc;
}

/* A contact that is kept until its recipient's last relation has been seen. */
struct kept {
    struct arena *arena;
    struct pick pick;
    struct store_contact contact;
};

static void keep(struct kept *k, sqlite3_stmt *st)
{
    arena_free(k->arena);
    k->arena = arena_new();
    k->contact = (struct store_contact){.id = sqlite3_column_int64(st, 0),
                                        .sender = arena_strdup(k->arena, column_text(st, 1)),
                                        .recipient = arena_strdup(k->arena, column_text(st, 2)),
                                        .name = arena_strdup(k->arena, column_text(st, 3)),
                                        .timezone = arena_strdup(k->arena, column_text(st, 4)),
                                        .attributes = arena_strdup(k->arena, column_text(st, 5)),
                                        .tags = arena_strdup(k->arena, column_text(st, 6))};
}

int store_relations(struct store *s, const char *account, enum relation_kind kind,
                    const struct store_choice *choice,
                    int (*each)(void *ctx, const struct store_contact *x), void *ctx, struct err *e)
{
    struct kept k = {.pick = {.any = false}};
    sqlite3_stmt *st;
    int rc = sql_get(
        s, &st,
        "SELECT x.recipient, m.name, r.name, coalesce(nullif(c.name, ''), x.name),"
        " coalesce(c.timezone, ''), coalesce(c.attributes, '{}'),"
        " coalesce(nullif(c.tags, '') || ';', '') ||"
        " coalesce((SELECT group_concat(y.tags, ';') FROM relation y WHERE y.recipient ="
        "  x.recipient AND y.account = x.account AND y.tags != ''), ''),"
        " x.added_at, x.way, x.state"
        " FROM relation x JOIN sender m ON m.id = x.sender JOIN recipient r ON r.id = x.recipient"
        " LEFT JOIN contact c ON c.recipient = x.recipient"
        " WHERE x.account = ? AND x.kind = ? ORDER BY x.recipient, x.id",
        e);

    if (rc)
        return rc;
    bind_text(st, 1, account);
    bind_int(st, 2, kind);
    while ((rc = sql_step(s, st, e)) > 0) {
        int64_t added = sqlite3_column_int64(st, 7);
        if (k.pick.any && k.contact.id != sqlite3_column_int64(st, 0)) {
            if ((rc = each(ctx, &k.contact)))
                break;
            k.pick.any = false;
        }
        if (fits(choice, added, sqlite3_column_int64(st, 8), column_text(st, 9)) &&
            picks(choice, &k.pick, column_text(st, 1), added))
            keep(&k, st);
    }
    sqlite3_reset(st);
    if (!rc && k.pick.any)
        rc = each(ctx, &k.contact);
    arena_free(k.arena);
    return rc;
}

int store_customers_called(struct store *s, enum relation_name by, const char *name,
                           const char *sender, int (*each)(void *ctx, const char *recipient),
                           void *ctx, struct err *e)
{
    /* the conditions on "" are those of the indexes */
    static const char *const sql[] = {
        [RELATION_UNIONID] = "SELECT DISTINCT r.name FROM relation x JOIN recipient r"
                             " ON r.id = x.recipient WHERE x.union_id = ?1 AND x.union_id != ''"
                             " AND x.kind = 0 AND (?2 IS NULL OR x.sender ="
                             " (SELECT id FROM sender WHERE name = ?2)) ORDER BY x.recipient",
        [RELATION_REMARK] = "SELECT DISTINCT r.name FROM relation x JOIN recipient r"
                            " ON r.id = x.recipient WHERE trim(x.remark) = ?1 AND x.remark != ''"
                            " AND x.kind = 0 AND (?2 IS NULL OR x.sender ="
                            " (SELECT id FROM sender WHERE name = ?2)) ORDER BY x.recipient"};
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, sql[by], e);

    if (rc)
        return rc;
    bind_text(st, 1, name);
    bind_text(st, 2, sender);
    while ((rc = sql_step(s, st, e)) > 0) {
        if ((rc = each(ctx, column_text(st, 0)))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_customers(struct store *s, int64_t after, size_t limit,
                    int (*each)(void *ctx, const struct store_contact *x), void *ctx, int64_t *last,
                    bool *more, struct err *e)
{
    sqlite3_stmt *st;
    size_t n = 0;
    int rc = sql_get(s, &st,
                     "SELECT x.recipient, m.name, r.name, coalesce(nullif(c.name, ''), x.name),"
                     " coalesce(nullif(c.tags, '') || ';', '') || coalesce((SELECT"
                     " group_concat(y.tags, ';') FROM relation y WHERE y.recipient = x.recipient"
                     " AND y.tags != ''), ''), coalesce(c.timezone, ''),"
                     " coalesce(c.attributes, '{}') FROM relation x"
                     " JOIN sender m ON m.id = x.sender JOIN recipient r ON r.id = x.recipient"
                     " LEFT JOIN contact c ON c.recipient = x.recipient WHERE x.kind = 0"
                     " AND x.recipient > ? AND coalesce(c.matched, 1) = 1"
                     " ORDER BY x.recipient, x.added_at DESC, x.id",
                     e);

    *last = after;
    *more = false;
    if (rc)
        return rc;
    bind_int(st, 1, after);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_contact x = {.id = sqlite3_column_int64(st, 0),
                                  .sender = column_text(st, 1),
                                  .recipient = column_text(st, 2),
                                  .name = column_text(st, 3),
                                  .tags = column_text(st, 4),
                                  .timezone = column_text(st, 5),
                                  .attributes = column_text(st, 6)};
        if (x.id == *last)
            continue; /* of another member, too */
        *more = n++ == limit;
        if (*more || (rc = each(ctx, &x))) {
            sqlite3_reset(st);
            return rc < 0 ? rc : 0;
        }
        *last = x.id;
    }
    return rc;
}
