/* The HTTP side: requests are collected, dealt with under the lock, and answered or not. */
#ifndef PACELINE_STANDIN_SERVER_H
#define PACELINE_STANDIN_SERVER_H

#include "standin.h"

struct MHD_Daemon;

/* Listens on 127.0.0.1; NULL with errno set. */
struct MHD_Daemon *server_start(struct standin *s, uint16_t port);
uint16_t server_port(struct MHD_Daemon *daemon);
void server_stop(struct standin *s, struct MHD_Daemon *daemon);

#endif
