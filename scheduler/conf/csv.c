/* The buffer always holds a whole row, or a piece longer than a row may be, so that a row is parsed
 * in one pass over contiguous bytes and can be given up and taken again from its second line. */
#include "conf/csv.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/audience.h"
#include "conf/decode.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER = 128 * 1024, AHEAD = CSV_ROW_MAX + 2 /* a row and its line end */ };

struct csv {
    int fd;
    struct decoder *decoder; /* NULL: not looked at yet */
    bool eof, started;
    char delimiter;
    size_t line; /* of buffer[start] */
    size_t start, end;
    char *buffer;
    char *text;          /* of the row's fields, each with its NUL */
    const char **fields; /* into text */
};

struct cursor {                   /* one row being parsed */
    const char *at, *end, *limit; /* limit: the first byte that no row reaches */
    char *out;
    size_t lines;
};

static int fill(struct csv *c, struct err *e);
static char delimiter_of(const char *s, const char *end);
static void row_parse(struct csv *c, struct cursor *k, struct csv_row *row);
static enum csv_problem field_quoted(struct csv *c, struct cursor *k);
static enum csv_problem field_plain(struct csv *c, struct cursor *k);
static bool at_line_end(const struct cursor *k);
static bool at_field_end(const struct csv *c, const struct cursor *k);
static enum csv_problem text_check(const struct csv *c, const char *s, size_t length);
static int line_skip(struct csv *c, struct err *e);

struct csv *csv_new(int fd)
{
    struct csv *c = xmalloc(sizeof *c);

    c->fd = fd;
    c->line = 1;
    c->buffer = xmalloc(BUFFER);
    c->text = xmalloc(CSV_ROW_MAX + 4);
    c->fields = xmalloc((CSV_ROW_MAX + 2) * sizeof *c->fields);
    return c;
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    decoder_free(c->decoder);
    free(c->buffer);
    free(c->text);
    free(c->fields);
    free(c);
}

bool csv_is_gb18030(const struct csv *c)
{
    return decoder_is_gb18030(c->decoder);
}

int csv_next(struct csv *c, struct csv_row *row, struct err *e)
{
    int rc = c->decoder ? 0 : decoder_new(&c->decoder, c->fd, e);

    if (!rc)
        rc = fill(c, e);
    if (rc)
        return rc;
    if (!c->started) {
        c->started = true;
        if (c->end >= 3 && memcmp(c->buffer, "\xef\xbb\xbf", 3) == 0)
            c->start = 3;
    }
    for (;;) { /* blank lines */
        const char *s = c->buffer + c->start;
        size_t left = c->end - c->start;

        if (left == 0)
            return 0;
        if (s[0] != '\n' && !(left > 1 && s[0] == '\r' && s[1] == '\n'))
            break;
        c->start += s[0] == '\n' ? 1 : 2;
        c->line++;
        rc = fill(c, e);
        if (rc)
            return rc;
    }
    const char *s = c->buffer + c->start, *end = c->buffer + c->end;
    if (!c->delimiter)
        c->delimiter = delimiter_of(s, end);
    struct cursor k = {.at = s,
                       .end = end,
                       .limit = end - s > CSV_ROW_MAX ? s + CSV_ROW_MAX : end,
                       .out = c->text};
    *row = (struct csv_row){.line = c->line, .fields = c->fields};
    row_parse(c, &k, row);
    switch (row->problem) {
    case CSV_LONG:
    case CSV_OPEN_QUOTE:
    case CSV_AFTER_QUOTE:
    case CSV_STRAY_QUOTE:
        rc = line_skip(c, e);
        return rc ? rc : 1;
    default:
        break;
    }
    if (k.at < k.end) { /* its line end */
        k.at += *k.at == '\r' ? 2 : 1;
        k.lines++;
    }
    c->start = (size_t)(k.at - c->buffer);
    c->line += k.lines;
    return 1;
}

/* At least AHEAD bytes, or all there are. */
static int fill(struct csv *c, struct err *e)
{
    if (c->eof || c->end - c->start >= AHEAD)
        return 0;
    memmove(c->buffer, c->buffer + c->start, c->end - c->start);
    c->end -= c->start;
    c->start = 0;
    while (!c->eof && BUFFER - c->end >= DECODE_ROOM) {
        ssize_t n = decoder_read(c->decoder, c->buffer + c->end, BUFFER - c->end, e);

        if (n < 0)
            return (int)n;
        c->eof = n == 0;
        c->end += (size_t)n;
    }
    return 0;
}

/* The most frequent of the three in the first row. */
static char delimiter_of(const char *s, const char *end)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;

    for (; s < end && (quoted || *s != '\n'); s++) {
        if (*s == '"')
            quoted = !quoted;
        for (size_t i = 0; i < 3 && !quoted; i++)
            counts[i] += *s == candidates[i];
    }
    for (size_t i = 1; i < 3; i++) {
        if (counts[i] > counts[best])
            best = i;
    }
    return candidates[best];
}

static void row_parse(struct csv *c, struct cursor *k, struct csv_row *row)
{
    enum csv_problem content = CSV_FINE;

    for (;;) {
        char *text = k->out;
        bool quoted = k->at < k->limit && *k->at == '"';

        c->fields[row->count++] = text;
        row->problem = quoted ? field_quoted(c, k) : field_plain(c, k);
        if (row->problem != CSV_FINE) {
            row->field = row->count;
            return;
        }
        size_t length = (size_t)(k->out - text);
        if (!quoted) {
            while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
                length--;
            text[length] = '\0';
            k->out = text + length;
            c->fields[row->count - 1] = text + strspn(text, " \t");
        }
        *k->out++ = '\0';
        if (content == CSV_FINE) { /* the first counts; the row is still read to its end */
            content = text_check(c, text, length);
            row->field = content == CSV_FINE ? 0 : row->count;
        }
        if (k->at == k->end || *k->at != c->delimiter)
            break;
        k->at++;
    }
    row->problem = content;
}

static enum csv_problem field_quoted(struct csv *c, struct cursor *k)
{
    k->at++;
    for (;;) {
        if (k->at >= k->limit)
            return CSV_OPEN_QUOTE;
        if (*k->at == '"') {
            k->at++;
            if (k->at == k->end || *k->at != '"')
                break;
        } else if (*k->at == '\r' && k->at + 1 < k->end && k->at[1] == '\n') {
            k->at++; /* CRLF inside quotes becomes LF */
        }
        k->lines += *k->at == '\n';
        *k->out++ = *k->at++;
    }
    return at_field_end(c, k) ? CSV_FINE : CSV_AFTER_QUOTE;
}

static enum csv_problem field_plain(struct csv *c, struct cursor *k)
{
    while (!at_field_end(c, k)) {
        if (k->at >= k->limit)
            return CSV_LONG;
        if (*k->at == '"')
            return CSV_STRAY_QUOTE;
        *k->out++ = *k->at++;
    }
    return CSV_FINE;
}

static bool at_line_end(const struct cursor *k)
{
    return *k->at == '\n' || (*k->at == '\r' && k->at + 1 < k->end && k->at[1] == '\n');
}

static bool at_field_end(const struct csv *c, const struct cursor *k)
{
    return k->at == k->end || (*k->at == c->delimiter && k->at < k->limit) || at_line_end(k);
}

static enum csv_problem text_check(const struct csv *c, const char *s, size_t length)
{
    const unsigned char *u = (const unsigned char *)s;

    if (text_utf8_valid(s, length) < length)
        return csv_is_gb18030(c) ? CSV_NOT_GB18030 : CSV_NOT_UTF8;
    for (size_t i = 0; i < length; i++) {
        if ((u[i] < 0x20 && u[i] != '\n' && u[i] != '\t') || u[i] == 0x7f ||
            (u[i] == 0xc2 && u[i + 1] < 0xa0))
            return CSV_CONTROL;
    }
    return CSV_FINE;
}

/* To the second line of the row that was given up. */
static int line_skip(struct csv *c, struct err *e)
{
    for (;;) {
        char *from = c->buffer + c->start;
        char *newline = memchr(from, '\n', c->end - c->start);

        if (newline) {
            c->start += (size_t)(newline - from) + 1;
            c->line++;
            return 0;
        }
        c->start = c->end;
        int rc = fill(c, e);
        if (rc || c->end == c->start)
            return rc;
    }
}
