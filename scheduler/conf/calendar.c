#include "conf/calendar.h"

#include "base/lang.h"
#include "conf/duration.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/parts.h"

#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 2000, MARKS_MAX = 4000 };
/* A window may begin the day before, and reach into the day after. */
enum { SPAN_MARGIN_DAYS = 2 };

static const struct key calendar_keys[] = {
    {.name = "calendar"}, {.name = "title"},    {.name = "source"},
    {.name = "licence"},  {.name = "date"},     {.name = "covers"},
    {.name = "holidays"}, {.name = "workdays"}, {0}};

static bool calendar_fields(const struct reader *r, const struct yaml_node *map,
                            struct calendar *out);
static void marks_add(const struct reader *r, const struct yaml_node *node, const char *what,
                      bool workday, struct day_mark *marks, size_t *count);
static size_t marks_order(const struct reader *r, const struct yaml_node *map,
                          struct day_mark *marks, size_t count);

bool calendar_is_plain(const char *name)
{
    return strcmp(name, "plain") == 0;
}

int calendar_load(struct calendar *out, struct arena *arena, const char *dir, const char *name,
                  struct err *e)
{
    char *path = file_shipped(dir, "calendars", name), *bytes = NULL;
    size_t length;
    struct diags diags;

    if (!path)
        return err_set(e, ERR_NOTFOUND,
                       tr("unknown calendar '%s': there is no calendars/%s.yaml beside the service "
                          "file or the program"),
                       name, name);
    int rc = file_read(&bytes, &length, path, YAML_BYTES_MAX, e);
    diags_init(&diags);
    if (!rc) {
        struct reader r = {.arena = arena, .file = arena_strdup(arena, path), .diags = &diags};
        const struct yaml_node *root = yaml_read(arena, path, bytes, length, &diags);

        if (root && read_map(&r, root, tr("the file"))) {
            keys_check(&r, root, calendar_keys);
            calendar_fields(&r, root, out);
        }
        diags_order(&diags, 0);
        out->name = arena_strdup(arena, name);
    }
    if (!rc && diags.errors > 0) {
        char *line = diag_line(&diags.items[0]);

        rc = err_set(e, ERR_DATA, tr("calendar '%s' cannot be used: %s"), name, line);
        free(line);
    }
    diags_dispose(&diags);
    free(bytes);
    free(path);
    return rc;
}

bool calendar_stored(const struct reader *r, const struct yaml_node *map, struct calendar *out)
{
    if (!read_map(r, map, "calendar"))
        return false;
    out->name = read_line(r, read_required(r, map, "name"), "name", NAME_BYTES_MAX);
    return out->name && calendar_fields(r, map, out);
}

/* The first day that a send can lie in, and the last. */
static struct day_range span_of(const struct schedule *s)
{
    return (struct day_range){
        s->start == INSTANT_MIN ? INT32_MIN : tz_day(s->zone, s->start),
        s->end == INSTANT_NEVER ? INT32_MAX : tz_day(s->zone, s->end - 1),
    };
}

bool calendar_covers(const struct calendar *c, const struct schedule *s)
{
    struct day_range span = span_of(s);

    return span.last <= c->covers.last &&
           (s->start == INSTANT_MIN || span.first >= c->covers.first);
}

void calendar_clip(struct calendar *c, const struct schedule *s)
{
    struct day_range span = span_of(s), covers = c->covers;

    if (covers.first < (int64_t)span.first - SPAN_MARGIN_DAYS)
        covers.first = span.first - SPAN_MARGIN_DAYS;
    if (covers.last > (int64_t)span.last + SPAN_MARGIN_DAYS)
        covers.last = span.last + SPAN_MARGIN_DAYS;
    while (c->count > 0 && c->marks[0].day < covers.first) {
        c->marks++;
        c->count--;
    }
    while (c->count > 0 && c->marks[c->count - 1].day > covers.last)
        c->count--;
    if (calendar_covers(c, s)) /* else how far it goes is part of what is approved */
        c->covers = covers;
}

static bool calendar_fields(const struct reader *r, const struct yaml_node *map,
                            struct calendar *out)
{
    const struct yaml_node *covers = read_required(r, map, "covers");
    const char *text = read_text(r, covers, "covers");
    struct day_mark *marks = arena_array(r->arena, MARKS_MAX, sizeof *marks);
    size_t count = 0;

    if (text && !date_range_parse(text, &out->covers)) {
        read_error(r, covers, tr("'%s' must be dates such as 2027-03-05 or 2027-03-05..2027-03-06"),
                   "covers");
        text = NULL;
    }
    marks_add(r, yaml_get(map, "holidays"), "holidays", false, marks, &count);
    marks_add(r, yaml_get(map, "workdays"), "workdays", true, marks, &count);
    out->marks = marks;
    out->count = marks_order(r, map, marks, count);
    for (size_t i = 0; text && i < out->count; i++) {
        if (marks[i].day >= out->covers.first && marks[i].day <= out->covers.last)
            continue;
        read_error(r, covers, tr("'covers' leaves out days that are named below"));
        break;
    }
    return text != NULL;
}

static void marks_add(const struct reader *r, const struct yaml_node *node, const char *what,
                      bool workday, struct day_mark *marks, size_t *count)
{
    if (!read_list_or_none(r, node, what, RANGES_MAX))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const char *text = read_text(r, node->items[i], what);
        struct day_range days;

        if (text && !date_range_parse(text, &days)) {
            read_error(r, node->items[i],
                       tr("'%s' must be dates such as 2027-03-05 or 2027-03-05..2027-03-06"), what);
        } else if (text && days.last - days.first >= (day_t)(MARKS_MAX - *count)) {
            read_error(r, node->items[i], tr("'%s' has more than %zu entries"), what,
                       (size_t)MARKS_MAX);
            return;
        } else if (text) {
            for (day_t d = days.first; d <= days.last; d++)
                marks[(*count)++] = (struct day_mark){d, workday};
        }
    }
}

static int mark_compare(const void *a, const void *b)
{
    const struct day_mark *x = a, *y = b;

    return (x->day > y->day) - (x->day < y->day);
}

/* Sorts; drops what plain says too. */
static size_t marks_order(const struct reader *r, const struct yaml_node *map,
                          struct day_mark *marks, size_t count)
{
    size_t kept = 0;

    qsort(marks, count, sizeof *marks, mark_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && marks[i].day == marks[i - 1].day) {
            char text[DATE_TEXT];

            date_format(marks[i].day, text);
            read_error(r, map, tr("%s is named twice"), text);
            return 0;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (marks[i].workday != (day_weekday(marks[i].day) < 5))
            marks[kept++] = marks[i];
    return kept;
}
