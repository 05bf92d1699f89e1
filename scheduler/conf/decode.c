/* By chance much of a UTF-8 text is GB18030 too, with other characters: a UTF-8 file with one field
 * in GB18030 must not come out as that. Hence GB18030 is considered only when more bytes are wrong
 * as UTF-8 than belong to its longer characters: of a GB18030 text about a seventh does. A file
 * that is neither is taken for what it is for longer, so that a bad byte is one error. */
#include "conf/decode.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 32 * 1024, CHARACTER_MAX = 4 /* bytes, in both */ };

#define NO_ICONV ((iconv_t)-1)
#define NOT_A_CHARACTER '\xff'

struct decoder {
    int fd;
    iconv_t convert; /* NO_ICONV: it is UTF-8 */
    bool eof;
    size_t start, end; /* of what is not converted yet */
    char buffer[CHUNK];
};

struct utf8_look {
    uint64_t reaches;   /* its first wrong byte */
    uint64_t good, bad; /* bytes of longer characters; of none */
    bool marked;        /* starts with the byte order mark */
};

static int utf8_look(struct decoder *d, struct utf8_look *look, struct err *e);
static int gb18030_reaches(struct decoder *d, uint64_t *reaches, struct err *e);
static int rewind_to_start(struct decoder *d, struct err *e);
static int fill(struct decoder *d, struct err *e);

int decoder_new(struct decoder **out, int fd, struct err *e)
{
    struct decoder *d = xmalloc(sizeof *d);
    struct utf8_look utf8 = {0};
    uint64_t gb18030 = 0;

    d->fd = fd;
    d->convert = NO_ICONV;
    int rc = utf8_look(d, &utf8, e);
    if (!rc && !utf8.marked && utf8.bad > utf8.good)
        rc = gb18030_reaches(d, &gb18030, e);
    if (!rc && gb18030 <= utf8.reaches && d->convert != NO_ICONV) {
        iconv_close(d->convert);
        d->convert = NO_ICONV;
    }
    if (!rc)
        rc = rewind_to_start(d, e);
    if (rc) {
        decoder_free(d);
        return rc;
    }
    *out = d;
    return 0;
}

void decoder_free(struct decoder *d)
{
    if (d && d->convert != NO_ICONV)
        iconv_close(d->convert);
    free(d);
}

bool decoder_is_gb18030(const struct decoder *d)
{
    return d->convert != NO_ICONV;
}

static ssize_t read_some(const struct decoder *d, char *out, size_t size, struct err *e)
{
    ssize_t n;

    do {
        n = read(d->fd, out, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? err_set(e, ERR_IO, "%s", strerror(errno)) : n;
}

/* Converts what is there. False at a byte that is no character, which is then at `start`. */
static bool convert(struct decoder *d, char **out, size_t *room)
{
    char *in = d->buffer + d->start;
    size_t left = d->end - d->start;
    size_t rc = iconv(d->convert, &in, &left, out, room);

    d->start = d->end - left;
    if (rc != (size_t)-1 || errno == E2BIG)
        return true;
    /* the beginning of a character: the rest of it is still to be read, or missing */
    return errno == EINVAL && !d->eof;
}

ssize_t decoder_read(struct decoder *d, char *out, size_t size, struct err *e)
{
    char *to = out;
    size_t room = size;

    if (d->convert == NO_ICONV)
        return read_some(d, out, size, e);
    while (room >= DECODE_ROOM) {
        if (d->end - d->start < CHARACTER_MAX && !d->eof) {
            int rc = fill(d, e);
            if (rc)
                return rc;
        }
        if (d->start == d->end)
            break;
        if (convert(d, &to, &room))
            continue;
        *to++ = NOT_A_CHARACTER;
        room--;
        d->start++;
    }
    return (ssize_t)(size - room);
}

/* --- which of the two --- */

static int utf8_look(struct decoder *d, struct utf8_look *look, struct err *e)
{
    uint64_t at = 0;

    for (;;) {
        int rc = d->end - d->start < CHARACTER_MAX ? fill(d, e) : 0;
        if (rc)
            return rc;
        const char *s = d->buffer + d->start;
        size_t left = d->end - d->start, good = text_utf8_valid(s, left);
        if (at == 0)
            look->marked = left >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0;
        for (size_t i = 0; i < good; i++)
            look->good += (unsigned char)s[i] >= 0x80;
        d->start += good;
        at += good;
        if (left == good && d->eof)
            break;
        if (left - good < CHARACTER_MAX && !d->eof)
            continue; /* perhaps cut by the buffer */
        if (look->bad++ == 0)
            look->reaches = at;
        d->start++;
        at++;
    }
    return 0;
}

static int gb18030_reaches(struct decoder *d, uint64_t *reaches, struct err *e)
{
    char scratch[8 * 1024];
    int rc = rewind_to_start(d, e);

    d->convert = iconv_open("UTF-8", "GB18030");
    if (d->convert == NO_ICONV)
        return err_set(e, ERR_DATA,
                       tr("not UTF-8, and this system cannot convert GB18030: save it as UTF-8"));
    while (!rc) {
        if (d->end - d->start < CHARACTER_MAX)
            rc = fill(d, e);
        if (rc || d->start == d->end)
            break;
        char *to = scratch;
        size_t room = sizeof scratch, before = d->start;
        bool good = convert(d, &to, &room);
        *reaches += d->start - before;
        if (!good)
            break;
    }
    return rc;
}

static int rewind_to_start(struct decoder *d, struct err *e)
{
    d->start = d->end = 0;
    d->eof = false;
    return lseek(d->fd, 0, SEEK_SET) < 0 ? err_set(e, ERR_IO, "%s", strerror(errno)) : 0;
}

static int fill(struct decoder *d, struct err *e)
{
    memmove(d->buffer, d->buffer + d->start, d->end - d->start);
    d->end -= d->start;
    d->start = 0;
    while (!d->eof && d->end < CHUNK) {
        ssize_t n = read_some(d, d->buffer + d->end, CHUNK - d->end, e);

        if (n < 0)
            return (int)n;
        d->eof = n == 0;
        d->end += (size_t)n;
    }
    return 0;
}
