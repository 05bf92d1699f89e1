/* The mark: one line beside the store.
 *
 *     paceline-mark 1 ID SEQ HASH AT LIFE
 *
 * ID is the store's, SEQ and HASH its last audit record, AT that record's instant, LIFE the number
 * of its last life row. Written after commits, so it is never ahead of the store it belongs to:
 * when it is ahead, the store was put back to an earlier state. The record is compared by its hash,
 * so that a restored store that has gone on meanwhile is noticed too. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, ID_TEXT = 2 * STORE_ID_BYTES + 1 };

struct mark {
    char id[ID_TEXT], hash[DIGEST_TEXT];
    int64_t seq, at, life;
};

static void id_text(const struct store *s, char out[ID_TEXT])
{
    for (size_t i = 0; i < STORE_ID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", s->id[i]);
}

static char *mark_path(const struct store *s, const char *end)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_printf(&b, "%s.mark%s", s->path, end);
    return strbuf_take(&b);
}

/* The record `seq`: its hash and instant. 1, or 0 when there is none. */
static int record_get(struct store *s, int64_t seq, struct digest *hash, instant_t *at,
                      struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT hash, at FROM audit WHERE seq = ?", e);

    *at = INSTANT_MIN;
    if (rc)
        return rc;
    bind_int(st, 1, seq);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    bool whole = column_digest(st, 0, hash);
    *at = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return whole ? 1 : sql_damaged(s, "audit", seq, e);
}

/* 1; 0: there is none; -1: it is none of ours, or errno is set. */
static int mark_read(const char *path, struct mark *m)
{
    char line[LINE_MAX_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    int end = 0;
    int fields = sscanf(line, "paceline-mark 1 %32s %" SCNd64 " %71s %" SCNd64 " %" SCNd64 "%n",
                        m->id, &m->seq, m->hash, &m->at, &m->life, &end);
    return fields == 5 && line[end] == '\n' ? 1 : -1;
}

static int compare(struct store *s, const struct mark *m, struct store_gap *gap, struct err *e)
{
    char id[ID_TEXT], text[DIGEST_TEXT];
    struct digest hash;
    instant_t at;
    int rc;

    id_text(s, id);
    gap->to = m->at ? m->at : INSTANT_MIN;
    if (strcmp(id, m->id) != 0) {
        gap->past = STORE_PAST_OTHER;
    } else if (m->seq > s->tip.audit) {
        gap->past = STORE_PAST_BEHIND;
        gap->records = m->seq - s->tip.audit;
        gap->steps = m->life > s->tip.life ? m->life - s->tip.life : 0;
    } else if (m->seq > 0) {
        if ((rc = record_get(s, m->seq, &hash, &at, e)) < 0)
            return rc;
        digest_text(&hash, text);
        if (rc == 0 || strcmp(text, m->hash) != 0)
            gap->past = STORE_PAST_OTHER;
    }
    return 0;
}

int store_mark_check(struct store *s, struct store_gap *gap, struct err *e)
{
    struct mark m;
    struct digest hash;

    *gap = (struct store_gap){STORE_PAST_KNOWN, 0, 0, INSTANT_MIN, INSTANT_MIN};
    if (s->lock_fd < 0)
        return 0;
    int rc = record_get(s, s->tip.audit, &hash, &gap->from, e);
    if (rc < 0)
        return rc;
    rc = 0;
    char *path = mark_path(s, "");
    switch (mark_read(path, &m)) {
    case 1:
        rc = compare(s, &m, gap, e);
        if (!rc && gap->past == STORE_PAST_KNOWN)
            s->marked = m.seq;
        break;
    case 0:
        gap->past = s->tip.audit ? STORE_PAST_UNMARKED : STORE_PAST_KNOWN;
        break;
    default:
        gap->past = STORE_PAST_OTHER;
    }
    free(path);
    return rc;
}

int folder_sync(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    free(copy);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Beside, then in its place: it is the old line or the new one, never half of one. */
static int write_line(const char *path, const char *beside, const struct strbuf *line)
{
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed;

    if (fd < 0)
        return -1;
    failed = pwrite(fd, line->text, line->length, 0) != (ssize_t)line->length || fsync(fd);
    return close(fd) || failed || rename(beside, path) || folder_sync(path);
}

int store_mark_write(struct store *s, struct err *e)
{
    struct strbuf line = STRBUF_INIT;
    char id[ID_TEXT], text[DIGEST_TEXT];
    struct digest hash = {{0}};
    instant_t at;
    int rc = 0;

    if (s->lock_fd < 0)
        return 0;
    if ((rc = files_check(s, e)) || s->marked == s->tip.audit)
        return rc;
    if ((rc = record_get(s, s->tip.audit, &hash, &at, e)) < 0)
        return rc;
    id_text(s, id);
    digest_text(&hash, text);
    strbuf_printf(&line, "paceline-mark 1 %s %" PRId64 " %s %" PRId64 " %" PRId64 "\n", id,
                  s->tip.audit, text, at == INSTANT_MIN ? 0 : at, s->tip.life);
    char *path = mark_path(s, ""), *beside = mark_path(s, ".new");
    rc = 0;
    if (write_line(path, beside, &line))
        rc = err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    else
        s->marked = s->tip.audit;
    free(path);
    free(beside);
    strbuf_dispose(&line);
    return rc;
}
