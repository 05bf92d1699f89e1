/* The group robot's protocol (WeCom page 99110) as pure functions: a send to a request, an answer
 * to an outcome. No host, no clock. */
#ifndef PACELINE_PLUGINS_ROBOT_WIRE_H
#define PACELINE_PLUGINS_ROBOT_WIRE_H

#include "channel/channel.h"

enum { ROBOT_PATH_MAX = 128, ROBOT_DETAIL_MAX = 512 };

bool robot_key_valid(const char *key); /* then it can stand in a URL as it is */
void robot_path(char out[ROBOT_PATH_MAX], const char *key);

/* The JSON body, malloc'd, or NULL: the send has nothing this robot can carry. */
char *robot_body(const struct channel_send *send, size_t *length);

/* What an answer means. `blocks` is how often in a row the platform has said "too often" before
 * this one. `detail` holds the text that out->detail points to; it never quotes `key`. */
void robot_read(struct channel_outcome *out, char detail[ROBOT_DETAIL_MAX],
                const struct channel_http_answer *answer, const char *key, int64_t now_ms,
                unsigned blocks);

/* Whether the outcome says "too often": counts for `blocks` of the next. */
bool robot_blocked(const struct channel_outcome *outcome);

#endif
