/* Calendars: which days are workdays. `plain` is built in, Monday to Friday; the others are files,
 * `calendars/NAME.yaml` beside the service file or beside the program. A manifest holds the part
 * that its campaign needs, in the same shape, so that a file that changes later changes no
 * revision. Private to conf. */
#ifndef PACELINE_CONF_CALENDAR_H
#define PACELINE_CONF_CALENDAR_H

#include "conf/reader.h"
#include "core/schedule.h"

struct calendar {
    const char *name;
    struct day_range covers;      /* days outside are plain: nothing is guessed */
    const struct day_mark *marks; /* only those that differ from plain; ascending */
    size_t count;
};

bool calendar_is_plain(const char *name);
/* `dir`: the service file's, or NULL. ERR_NOTFOUND, or ERR_DATA with the place in the text. All
 * memory is the arena's. */
int calendar_load(struct calendar *out, struct arena *arena, const char *dir, const char *name,
                  struct err *e);
/* Of a manifest. */
bool calendar_stored(const struct reader *r, const struct yaml_node *map, struct calendar *out);
/* Leaves what the schedule can meet between its start and its end: what is added to the file for
 * other years changes no digest. */
void calendar_clip(struct calendar *c, const struct schedule *s);
bool calendar_covers(const struct calendar *c, const struct schedule *s);

#endif
