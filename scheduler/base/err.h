/* One error, for a person to read and for a caller to react to.
 *
 * Functions return 0 or a negative ERR_* and fill the struct they are given (last parameter, never
 * NULL). A lower error is passed on unchanged. What we do wrong ourselves is an assert, not an
 * error. Threads: a struct err belongs to its caller. */
#ifndef PACELINE_BASE_ERR_H
#define PACELINE_BASE_ERR_H

enum {
    ERR_NOMEM = -1,
    ERR_IO = -2,          /* a file, socket or disk said no */
    ERR_USAGE = -3,       /* the command line (exit 64) */
    ERR_DATA = -4,        /* a file that cannot be read as what it should be (exit 65) */
    ERR_REFUSED = -5,     /* well-formed, but refused: content, limits, wrong state (exit 1) */
    ERR_NOTFOUND = -6,    /* no such campaign, delivery, ... (exit 1) */
    ERR_DENIED = -7,      /* not permitted (exit 77) */
    ERR_UNREACHABLE = -8, /* the service does not answer (exit 69) */
    ERR_BUSY = -9,        /* try again: another service holds the store (exit 75) */
    ERR_INTERNAL = -10,   /* ours (exit 70) */
    ERR_STORE = -11, /* the store failed; what was asked may or may not have happened (exit 75) */
    ERR_LIMIT = -12  /* larger than a stated cap (exit 65) */
};

struct err {
    int code;
    char text[1024]; /* one line, without a full stop, never a secret or a message text */
};

/* Fills `e` and returns `code`, so that `return err_set(...)` is the whole error path. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The exit code of the contract (§4) for an ERR_* code; 0 for 0. */
int err_exit_code(int code);

#endif
