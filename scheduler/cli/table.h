/* Columns that line up, Chinese and emoji included. Rows are kept until a screenful is there, so
 * that a list of any length needs little memory; later screenfuls never get narrower columns. */
#ifndef PACELINE_CLI_TABLE_H
#define PACELINE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 12, TABLE_ROWS = 200, TABLE_CELL_MAX = 60 };

struct table {
    FILE *to;
    size_t columns, count;
    size_t width[TABLE_COLUMNS_MAX];
    bool right[TABLE_COLUMNS_MAX]; /* numbers */
    char *cells[TABLE_ROWS][TABLE_COLUMNS_MAX];
    const char *paint[TABLE_ROWS]; /* the colour of the row's column `painted`, or NULL */
    size_t painted;
    bool headed;
    const char *const *heads;
};

/* `heads`: shown above, must outlive the table; a head that starts with '>' is a column of numbers.
 */
void table_init(struct table *t, FILE *to, const char *const *heads, size_t columns);
/* The cells are copied, made safe, and cut at TABLE_CELL_MAX columns but for the last one. `color`
 * (or NULL) is the escape for column `painted`. */
void table_row(struct table *t, const char *const *cells, const char *color);
void table_end(struct table *t); /* prints what is left; no rows: nothing at all */

#endif
