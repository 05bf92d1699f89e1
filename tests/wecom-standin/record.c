/* The record: JSON Lines, one write a line. The group robot's lines have `robot` (robot.c), other
 * calls have `call`, and who was written to has `event` (taps.c, messages.c). */
#include "standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void record_line(struct standin *s, json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;

    json_decref(line);
    if (!text) {
        fprintf(stderr, "wecom-standin: a line for the record could not be made\n");
        exit(1);
    }
    if (s->verbose)
        fprintf(stderr, "%s\n", text);
    text[n] = '\n'; /* in place of the NUL */
    if (s->record >= 0 && write(s->record, text, n + 1) != (ssize_t)(n + 1)) {
        perror("wecom-standin: record");
        exit(1);
    }
    free(text);
}

void record_call(struct standin *s, const struct request *r, int code)
{
    json_t *line = json_pack(
        "{s:I, s:s, s:o, s:s?, s:b, s:b, s:I}", "at_ms", (json_int_t)r->at_ms, "call", r->call,
        "errcode", r->no_answer ? json_null() : json_integer(code), "fault", fault_name(r->fault),
        "acted", r->acts, "answered", !r->no_answer, "connection", (json_int_t)r->connection);

    if (r->json) /* the request as it arrived: no secret is ever in a body */
        json_object_set(line, "request", r->json);
    json_object_update(line, r->note);
    record_line(s, line);
}
