/* Every error code of the platform that we know, once: what it is, and what a person can do. */
#ifndef PACELINE_PLUGINS_WECOM_CODES_H
#define PACELINE_PLUGINS_WECOM_CODES_H

#include <stdint.h>

enum code_class {
    CODE_OK,
    CODE_BUSY,        /* refused, or (-1) not: see code_in_doubt; soon again */
    CODE_CONCURRENCY, /* refused: fewer calls at once */
    CODE_TOKEN,       /* refused: a new token, once */
    CODE_SETUP,       /* refused: nothing goes until a person has set something right */
    CODE_RECIPIENT,   /* refused: this customer or group, or all of the call, for good */
    CODE_MEMBER,      /* refused: this member cannot send */
    CODE_REQUEST,     /* refused: the request or the content is not acceptable as it is */
    CODE_CONTENT,     /* refused: the platform does not want this content: a person must look */
    CODE_QUOTA,       /* refused: blocked for a while */
    CODE_MEDIA,       /* refused: a media id is not good (any more) */
    CODE_DISPATCHING, /* the task is being made: ask again in a minute */
    CODE_CANCELED,    /* the task was withdrawn before */
    CODE_NO_TASK,     /* there is no such task */
    CODE_CURSOR,      /* begin the paging anew */
    CODE_REMINDED,    /* no more reminders of this task today */
    CODE_NEW          /* not in the table: nobody knows what happened */
};

enum code_class code_class(int64_t code);
/* What it means and what to do, for a person, with the step of docs/wecom.md that is missing;
 * English, a text of the service's translation. */
const char *code_advice(int64_t code);

#endif
