/* Plugins that must not be loaded, one for each BAD_*. */
#include "channel/channel.h"

static int bad_open(const struct channel_host *host, void **instance, char *problem, size_t size)
{
    (void)host, (void)problem, (void)size;
    *instance = NULL;
    return 0;
}

#ifndef BAD_HOLLOW
static void bad_submit(void *instance, const struct channel_send *send)
{
    (void)instance, (void)send;
}
#endif

static void bad_close(void *instance)
{
    (void)instance;
}

static const struct channel_format formats[] = {{"text", 1}, {0}};

#ifdef BAD_SYMBOL
#define NAME some_other_name
#else
#define NAME paceline_channel
#endif

PACELINE_EXPORT const struct paceline_channel NAME;
const struct paceline_channel NAME = {
#ifdef BAD_ABI
    .abi = PACELINE_CHANNEL_ABI + 1,
#else
    .abi = PACELINE_CHANNEL_ABI,
#endif
    .name = "bad",
    .caps = {.recipients_max = 1, .in_flight_max = 1, .formats = formats},
    .open = bad_open,
#ifndef BAD_HOLLOW
    .submit = bad_submit,
#endif
    .close = bad_close,
};
