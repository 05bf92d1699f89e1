/* A file of contacts for the contact book: a CSV with a header row, as an audience has it. Known
 * columns: recipient (needed), name, sender, timezone, tags; every other one is an attribute.
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

struct contact_row {
    size_t line;
    const char *recipient;
    const char *name, *sender, *timezone, *tags; /* NULL: no such column; "": no value */
    const char *attributes;                      /* JSON object, keys sorted, no empty values */
    bool duplicate; /* the recipient was in an earlier row: that one counts */
};

/* `label` names the file in errors. ERR_IO, ERR_DATA, also in `diags`. */
int contacts_open(struct contacts **out, const char *path, const char *label, struct zones *zones,
                  struct diags *diags, struct err *e);
/* 1 and a row (borrowed until the next call), 0 at the end, ERR_* when reading broke off. */
int contacts_next(struct contacts *c, struct contact_row *row, struct err *e);
void contacts_close(struct contacts *c);

#endif
