/* A channel that goes nowhere: each send is done at once, from inside submit. For rehearsals and
 * tests. */
#include "channel/channel.h"

#include <inttypes.h>
#include <stdio.h>

static int null_open(const struct channel_host *host, void **instance, char *problem, size_t size)
{
    (void)problem, (void)size;
    *instance = (void *)(uintptr_t)host; /* nothing else to remember; never written through */
    return 0;
}

static void null_submit(void *instance, const struct channel_send *send)
{
    const struct channel_host *host = instance;
    char ref[32];
    const struct channel_outcome done = {.kind = CHANNEL_DONE, .ref = ref};

    snprintf(ref, sizeof(ref), "null-%" PRIu64, send->id);
    host->settle(host, send->id, &done, 1);
}

static void null_close(void *instance)
{
    (void)instance;
}

enum { TEXT_MAX = 1024 * 1024, IMAGE_MAX = 20 * 1024 * 1024 };

static const struct channel_format null_formats[] = {
    {"text", TEXT_MAX},
    {"markdown", TEXT_MAX},
    {NULL, 0},
};

static const struct channel_attachment_kind null_attachments[] = {
    {.name = "image", .count_max = 9, .bytes_max = IMAGE_MAX},
    {.name = NULL},
};

PACELINE_EXPORT const struct paceline_channel paceline_channel;
const struct paceline_channel paceline_channel = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "null",
    .summary = "goes nowhere: every send is done at once",
    .caps =
        {
            .recipients_max = 1000, /* so that a batch can be tried */
            .in_flight_max = 64,
            .formats = null_formats,
            .attachments = null_attachments,
        },
    .open = null_open,
    .submit = null_submit,
    .close = null_close,
};
