/* The log: one line per state change on standard error, module first, ids as key=value.
 *
 *     2026-11-22T09:30:07.123Z info store: open path=/var/lib/paceline/paceline.db schema=1
 *
 * Never a secret, a URL with a key, a message text. Values that come from outside are passed
 * through
 * `%s` as they are: the sink makes control characters visible. Threads: any; a line is one write.
 */
#ifndef PACELINE_BASE_LOG_H
#define PACELINE_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_INFO; set once at start */
void log_line(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
