/* A file of contacts for the contact book: a CSV with a header row, as an audience has it. Known
 * columns: name, sender, timezone, tags, and the one that says who is meant, which is needed; every
 * other one is an attribute.
 *
 * Errors go to `diags` at FILE:LINE:FIELD, all of a file in one run; rows with errors are passed
 * over: look at diags->errors after the end. */
#ifndef PACELINE_CONF_CONTACTS_H
#define PACELINE_CONF_CONTACTS_H

#include "base/diag.h"
#include "base/err.h"
#include "conf/zones.h"

#include <stdbool.h>
#include <stddef.h>

struct contacts;

enum contacts_key {
    CONTACTS_RECIPIENT, /* by their id: whoever is not in the book yet gets into it */
    CONTACTS_UNIONID,   /* by what the platform says of its customers */
    CONTACTS_REMARK     /* and by what their member calls them */
};
/* 0 and the key of this name of a column ("unionid", "remark"), or ERR_USAGE. */
int contacts_match(enum contacts_key *out, const char *name, struct err *e);

struct contact_row {
    size_t line;
    const char *key;                             /* the recipient, unionid or remark */
    const char *name, *sender, *timezone, *tags; /* NULL: no such column; "": no value */
    const char *attributes;                      /* JSON object, keys sorted, no empty values */
    bool duplicate; /* the recipient was in an earlier row: that one counts */
};

/* `label` names the file in errors. ERR_IO, ERR_DATA, also in `diags`. */
int contacts_open(struct contacts **out, const char *path, const char *label, enum contacts_key key,
                  struct zones *zones, struct diags *diags, struct err *e);
/* 1 and a row (borrowed until the next call), 0 at the end, ERR_* when reading broke off. */
int contacts_next(struct contacts *c, struct contact_row *row, struct err *e);
/* Of a row that was matched with this recipient: 1, or 0 when an earlier row was; ERR_IO. */
int contacts_first(struct contacts *c, const char *recipient, struct err *e);
/* Where the key of a row stands: its field's number. */
size_t contacts_key_column(const struct contacts *c);
void contacts_close(struct contacts *c);

#endif
