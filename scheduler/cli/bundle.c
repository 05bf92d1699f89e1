#include "cli/bundle.h"

#include "base/arena.h"
#include "cli/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One file may be the picture of several. */
static bool named_before(const struct campaign *c, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (c->attachments[i].path && !strcmp(c->attachments[i].path, c->attachments[index].path))
            return true;
    return false;
}

static void add(struct bundle *b, const struct upload_part *part)
{
    assert(b->count < b->room);
    b->parts[b->count++] = *part;
}

static void add_file(struct bundle *b, const struct campaign *c, const char *name, const char *file)
{
    b->paths[b->path_count] = campaign_path(c, file);
    add(b,
        &(struct upload_part){.name = name, .path = b->paths[b->path_count++], .filename = file});
}

void bundle_init(struct bundle *b, const struct campaign *c, const char *file, size_t fields)
{
    size_t files = c->attachment_count + 1;

    *b = (struct bundle){.room = 1 + files + fields};
    b->parts = xmalloc(b->room * sizeof(*b->parts));
    b->paths = xmalloc(files * sizeof(*b->paths));
    add(b, &(struct upload_part){.name = "campaign", .path = file, .filename = file});
    if (c->source == AUDIENCE_FILE)
        add_file(b, c, "audience", c->audience_file);
    for (size_t i = 0; i < c->attachment_count; i++)
        if (c->attachments[i].path && !named_before(c, i))
            add_file(b, c, "attachment", c->attachments[i].path);
}

void bundle_field(struct bundle *b, const char *name, const char *text)
{
    if (text)
        add(b, &(struct upload_part){.name = name, .text = text});
}

void bundle_dispose(struct bundle *b)
{
    for (size_t i = 0; i < b->path_count; i++)
        free(b->paths[i]);
    free(b->paths);
    free(b->parts);
}

static bool said_already(const struct diags *diags, const char *message)
{
    for (size_t i = 0; i < diags->count; i++)
        if (strcmp(diags->items[i].message, message) == 0)
            return true;
    return false;
}

void bundle_say_warnings(const struct cli *cli, const struct diags *diags, const json_t *warnings)
{
    const json_t *warning;
    size_t i;

    json_array_foreach(warnings, i, warning)
    {
        const char *text = json_is_string(warning) ? json_string_value(warning)
                                                   : view_text(warning, "message", "");
        if (!said_already(diags, text))
            say(cli, tr("warning: %s"), text);
    }
}
