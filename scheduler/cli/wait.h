/* --wait: stays until a revision has come to its end, and shows how far it is on `err`. */
#ifndef PACELINE_CLI_WAIT_H
#define PACELINE_CLI_WAIT_H

#include "cli/client.h"

/* 0 when it is done, EXIT_REFUSED when it was rejected or canceled. */
int wait_for(struct client *client, const char *campaign, const char *revision);

#endif
