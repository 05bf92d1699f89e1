#include "base/log.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static enum log_level threshold = LOG_INFO;

static int put_head(char *line, size_t size, enum log_level level, const char *module);
static size_t cut(const char *s, size_t length, size_t most);
static void write_line(const char *line, size_t length);

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_line(enum log_level level, const char *module, const char *format, ...)
{
    int saved = errno;
    char raw[LINE_MAX_BYTES], head[160];
    struct strbuf line = STRBUF_INIT;
    va_list args;

    if (level > threshold)
        return;
    va_start(args, format);
    int length = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (length >= (int)sizeof(raw)) /* may have cut inside a character */
        raw[cut(raw, sizeof(raw), sizeof(raw) - 2)] = '\0';
    put_head(head, sizeof(head), level, module);
    strbuf_puts(&line, head);
    if (length > 0)
        text_safe(&line, raw, false);
    line.length = cut(line.text, line.length, LINE_MAX_BYTES - 1);
    line.text[line.length] = '\n'; /* where the NUL was, or a later byte */
    write_line(line.text, line.length + 1);
    strbuf_dispose(&line);
    errno = saved;
}

static int put_head(char *line, size_t size, enum log_level level, const char *module)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm tm;
    char stamp[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    return snprintf(line, size, "%s.%03dZ %s %s: ", stamp, (int)(now.tv_nsec / 1000000),
                    names[level], module);
}

/* Length of `s`, at most `most`, that does not cut a character. */
static size_t cut(const char *s, size_t length, size_t most)
{
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)s[most] & 0xC0) == 0x80)
        most--;
    return most;
}

/* A line is one write, so that lines of several threads never mix. */
static void write_line(const char *line, size_t length)
{
    ssize_t n;

    do {
        n = write(STDERR_FILENO, line, length);
    } while (n < 0 && errno == EINTR);
}
