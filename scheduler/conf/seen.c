/* A table in memory; when it is full, its keys go to disk in one sorted sweep, so that each page of
 * the B-tree is touched once a sweep and not once a key. A Bloom filter over what is on disk spares
 * nearly all look-ups there: of eight million recipients every fortieth asks in vain. */
#include "conf/seen.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/lang.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 16, FIRST_SLOTS = 64, FILTER_BITS = 1 << 26, FILTER_PROBES = 4 };

struct seen_disk {
    sqlite3 *db;
    sqlite3_stmt *find, *put;
    unsigned char *filter;
};

static void grow(struct seen *s);
static bool is_full(const struct seen *s);
static size_t slot_of(const struct seen *s, const uint64_t key[2]);
static void put(struct seen *s, const uint64_t key[2]);
static int disk_open(struct seen_disk **out, struct err *e);
static void disk_close(struct seen_disk *d);
static int disk_has(const struct seen_disk *d, const uint64_t key[2], struct err *e);
static int spill(struct seen *s, struct err *e);
static int disk_error(const struct seen_disk *d, struct err *e);

int seen_add(struct seen *s, const char *text, struct err *e)
{
    struct digest d = digest_of(text, strlen(text));
    uint64_t key[2];

    memcpy(key, d.bytes, sizeof key);
    if (key[0] == 0 && key[1] == 0)
        key[0] = 1;
    if (is_full(s) && s->capacity == SEEN_SLOTS_MAX) {
        int rc = spill(s, e);
        if (rc)
            return rc;
    } else if (is_full(s)) {
        grow(s);
    }
    size_t i = slot_of(s, key);
    if (s->slots[i][0] || s->slots[i][1])
        return 0;
    int there = s->disk ? disk_has(s->disk, key, e) : 0;
    if (there)
        return there < 0 ? there : 0;
    put(s, key);
    return 1;
}

void seen_dispose(struct seen *s)
{
    disk_close(s->disk);
    free(s->slots);
    *s = (struct seen){0};
}

/* --- in memory --- */

static bool is_full(const struct seen *s)
{
    return s->count + 1 > s->capacity / 4 * 3;
}

static void grow(struct seen *s)
{
    struct seen larger = {.capacity = s->capacity ? s->capacity * 2 : FIRST_SLOTS, .disk = s->disk};

    larger.slots = xmalloc(larger.capacity * sizeof *larger.slots);
    for (size_t i = 0; i < s->capacity; i++) {
        if (s->slots[i][0] || s->slots[i][1])
            put(&larger, s->slots[i]);
    }
    free(s->slots);
    *s = larger;
}

/* Its own, or the free one where it belongs. The key is a hash already: its low bits choose. */
static size_t slot_of(const struct seen *s, const uint64_t key[2])
{
    size_t i = key[0] & (s->capacity - 1);

    while ((s->slots[i][0] || s->slots[i][1]) &&
           (s->slots[i][0] != key[0] || s->slots[i][1] != key[1]))
        i = (i + 1) & (s->capacity - 1);
    return i;
}

static void put(struct seen *s, const uint64_t key[2])
{
    size_t i = slot_of(s, key);

    s->slots[i][0] = key[0];
    s->slots[i][1] = key[1];
    s->count++;
}

/* --- on disk --- */

/* The n-th bit of a key in the filter: further bits of the hash. */
static size_t filter_bit(const uint64_t key[2], int n)
{
    return key[n / 2] >> (n % 2 ? 32 : 6) & (FILTER_BITS - 1);
}

static void filter_put(struct seen_disk *d, const uint64_t key[2])
{
    for (int n = 0; n < FILTER_PROBES; n++)
        d->filter[filter_bit(key, n) / 8] |= (unsigned char)(1U << filter_bit(key, n) % 8);
}

static bool filter_has(const struct seen_disk *d, const uint64_t key[2])
{
    for (int n = 0; n < FILTER_PROBES; n++)
        if (!(d->filter[filter_bit(key, n) / 8] & 1U << filter_bit(key, n) % 8))
            return false;
    return true;
}

static int disk_open(struct seen_disk **out, struct err *e)
{
    struct seen_disk *d = xmalloc(sizeof *d);

    *d = (struct seen_disk){.filter = xmalloc(FILTER_BITS / 8)};
    *out = d;
    if (sqlite3_open_v2("", &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ||
        sqlite3_exec(d->db,
                     "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                     "PRAGMA cache_size = -2048;"
                     "CREATE TABLE seen (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
                     NULL, NULL, NULL) ||
        sqlite3_prepare_v2(d->db, "SELECT 1 FROM seen WHERE key = ?", -1, &d->find, NULL) ||
        sqlite3_prepare_v2(d->db, "INSERT INTO seen (key) VALUES (?)", -1, &d->put, NULL))
        return disk_error(d, e);
    return 0;
}

static void disk_close(struct seen_disk *d)
{
    if (!d)
        return;
    sqlite3_finalize(d->find);
    sqlite3_finalize(d->put);
    sqlite3_close(d->db); /* and the file is gone */
    free(d->filter);
    free(d);
}

static int disk_has(const struct seen_disk *d, const uint64_t key[2], struct err *e)
{
    if (!filter_has(d, key))
        return 0;
    sqlite3_bind_blob(d->find, 1, key, KEY_BYTES, SQLITE_STATIC);
    int rc = sqlite3_step(d->find);
    sqlite3_reset(d->find);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return disk_error(d, e);
    return rc == SQLITE_ROW;
}

/* As the database sorts them. */
static int key_compare(const void *x, const void *y)
{
    return memcmp(x, y, KEY_BYTES);
}

static int disk_take(struct seen_disk *d, const uint64_t (*keys)[2], size_t count, struct err *e)
{
    if (sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL))
        return disk_error(d, e);
    for (size_t i = 0; i < count; i++) {
        filter_put(d, keys[i]);
        sqlite3_bind_blob(d->put, 1, keys[i], KEY_BYTES, SQLITE_STATIC);
        int rc = sqlite3_step(d->put);
        sqlite3_reset(d->put);
        if (rc != SQLITE_DONE)
            return disk_error(d, e);
    }
    return sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL) ? disk_error(d, e) : 0;
}

static int spill(struct seen *s, struct err *e)
{
    size_t count = 0;
    int rc = s->disk ? 0 : disk_open(&s->disk, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < s->capacity; i++) {
        if (s->slots[i][0] || s->slots[i][1])
            memmove(s->slots[count++], s->slots[i], KEY_BYTES);
    }
    qsort(s->slots, count, sizeof *s->slots, key_compare);
    rc = disk_take(s->disk, (const uint64_t(*)[2])s->slots, count, e);
    memset(s->slots, 0, s->capacity * sizeof *s->slots);
    s->count = 0;
    return rc;
}

static int disk_error(const struct seen_disk *d, struct err *e)
{
    return err_set(e, ERR_IO, tr("the recipients seen cannot be kept in a temporary file: %s"),
                   sqlite3_errmsg(d->db));
}
