/* A person sends by hand: the official way where a platform has no API. Nothing leaves from here;
 * the host asks the sender (desktop agent, terminal, console), who says what happened. */
#include "channel/channel.h"

#include <stddef.h>

struct prompt_options {
    bool private_when_locked; /* read by the host: what an agent shows on a locked screen */
};

static int prompt_open(const struct channel_host *host, void **instance, char *problem, size_t size)
{
    (void)problem, (void)size;
    *instance = (void *)(uintptr_t)host; /* nothing else to remember; never written through */
    return 0;
}

static void prompt_submit(void *instance, const struct channel_send *send)
{
    const struct channel_host *host = instance;
    const struct channel_outcome asked = {.kind = CHANNEL_ASKED};

    host->settle(host, send->id, &asked, 1);
}

static void prompt_close(void *instance)
{
    (void)instance;
}

/* What a person can take in and hand over at once. */
enum {
    TEXT_MAX = 16 * 1024,
    IMAGE_MAX = 20 * 1024 * 1024,
    FILE_MAX = 100 * 1024 * 1024,
    RECIPIENTS_MAX = 200
};

static const struct channel_format prompt_formats[] = {
    {"text", TEXT_MAX},
    {NULL, 0},
};

static const struct channel_attachment_kind prompt_attachments[] = {
    {.name = "image", .count_max = 9, .bytes_max = IMAGE_MAX, .types = "jpg png"},
    {.name = "video", .count_max = 1, .bytes_max = FILE_MAX},
    {.name = "file", .count_max = 9, .bytes_max = FILE_MAX},
    {.name = NULL},
};

static const struct channel_option prompt_options[] = {
    {"private_when_locked", CHANNEL_BOOL, offsetof(struct prompt_options, private_when_locked),
     "false", "nothing of the message while the person's screen is locked"},
    {.name = NULL},
};

PACELINE_EXPORT const struct paceline_channel paceline_channel;
const struct paceline_channel paceline_channel = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "prompt",
    .summary = "asks a person to send by hand",
    .caps =
        {
            .recipients_max = RECIPIENTS_MAX,
            .in_flight_max = 1,
            .formats = prompt_formats,
            .attachments = prompt_attachments,
            .person_confirms = true,
        },
    .options = prompt_options,
    .options_size = sizeof(struct prompt_options),
    .open = prompt_open,
    .submit = prompt_submit,
    .close = prompt_close,
};
