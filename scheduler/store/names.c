/* Names become small integers, given out in the order in which they are first seen. */
#include "store/store_internal.h"

#include <assert.h>

static int part_in_txn(struct store *s, int64_t lane, const char *zone, int64_t *part,
                       struct err *e);
static int sender_lane(struct store *s, int64_t channel, int64_t sender, int64_t *lane,
                       struct err *e);

/* One pair of texts a table: SQL has no bound table names. */
static const struct name_sql {
    const char *find, *make;
} name_sql[] = {
    [NAME_CHANNEL] = {"SELECT id FROM channel WHERE name = ?",
                      "INSERT INTO channel (name) VALUES (?)"},
    [NAME_SENDER] = {"SELECT id FROM sender WHERE name = ?",
                     "INSERT INTO sender (name) VALUES (?)"},
    [NAME_RECIPIENT] = {"SELECT id FROM recipient WHERE name = ?",
                        "INSERT INTO recipient (name) VALUES (?)"},
    [NAME_CAMPAIGN] = {"SELECT id FROM campaign WHERE name = ?",
                       "INSERT INTO campaign (name) VALUES (?)"},
};

int name_make(struct store *s, enum name_kind kind, const char *name, int64_t *id, struct err *e)
{
    sqlite3_stmt *st;
    int rc = name_find(s, kind, name, id, e);

    if (rc || *id)
        return rc;
    rc = sql_get(s, &st, name_sql[kind].make, e);
    if (rc)
        return rc;
    bind_text(st, 1, name);
    rc = sql_run(s, st, e);
    *id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int store_recipient(struct store *s, const char *name, int64_t *id, struct err *e)
{
    return name_find(s, NAME_RECIPIENT, name, id, e);
}

int store_lane(struct store *s, const char *channel, const char *sender, int64_t *lane,
               int64_t *channel_id, int64_t *sender_id, struct err *e)
{
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = name_make(s, NAME_CHANNEL, channel, channel_id, e);
    if (!rc)
        rc = name_make(s, NAME_SENDER, sender, sender_id, e);
    if (!rc)
        rc = sender_lane(s, *channel_id, *sender_id, lane, e);
    return txn_end(s, rc, e);
}

int store_lane_part(struct store *s, int64_t lane, const char *zone, int64_t *part, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, part_in_txn(s, lane, zone, part, e), e);
}

int store_lanes(struct store *s, int (*each)(void *ctx, const struct store_lane_row *row),
                void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT l.id, l.channel, l.sender, c.name, s.name, l.part_of, l.zone, "
                     "l.first_sent FROM lane l"
                     " JOIN channel c ON c.id = l.channel JOIN sender s ON s.id = l.sender"
                     " ORDER BY l.id",
                     e);
    if (rc)
        return rc;
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_lane_row row = {.lane = sqlite3_column_int64(st, 0),
                                     .channel = sqlite3_column_int64(st, 1),
                                     .sender = sqlite3_column_int64(st, 2),
                                     .channel_name = column_text(st, 3),
                                     .sender_name = column_text(st, 4),
                                     .of = sqlite3_column_int64(st, 5),
                                     .zone = column_text(st, 6),
                                     .first_sent = sqlite3_column_int64(st, 7)};
        if ((rc = each(ctx, &row))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int name_find(struct store *s, enum name_kind kind, const char *name, int64_t *id, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, name_sql[kind].find, e);

    *id = 0;
    if (rc)
        return rc;
    bind_text(st, 1, name);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int sender_lane(struct store *s, int64_t channel, int64_t sender, int64_t *lane,
                       struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st, "SELECT id FROM lane WHERE channel = ? AND sender = ? AND zone = ''", e);

    if (rc)
        return rc;
    bind_int(st, 1, channel);
    bind_int(st, 2, sender);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc > 0) {
        *lane = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        return 0;
    }
    rc = sql_get(s, &st, "INSERT INTO lane (channel, sender) VALUES (?, ?)", e);
    if (rc)
        return rc;
    bind_int(st, 1, channel);
    bind_int(st, 2, sender);
    rc = sql_run(s, st, e);
    *lane = sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int part_in_txn(struct store *s, int64_t lane, const char *zone, int64_t *part,
                       struct err *e)
{
    static const char *const steps[] = {
        "INSERT OR IGNORE INTO lane (channel, sender, part_of, zone)"
        " SELECT channel, sender, id, ?2 FROM lane WHERE id = ?1",
        "SELECT id FROM lane WHERE part_of = ?1 AND zone = ?2",
    };
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, steps[0], e);

    assert(*zone);
    if (rc)
        return rc;
    bind_int(st, 1, lane);
    bind_text(st, 2, zone);
    rc = sql_run(s, st, e);
    if (!rc)
        rc = sql_get(s, &st, steps[1], e);
    if (rc)
        return rc;
    bind_int(st, 1, lane);
    bind_text(st, 2, zone);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return sql_damaged(s, "lane", lane, e);
    *part = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}
