#include "console/prompt.h"

#include "base/lang.h"
#include "conf/duration.h"

#include <string.h>

static int unreadable(struct err *e, const char *what)
{
    return err_set(e, ERR_INTERNAL,
                   tr("the service's answer cannot be read: %s; are paceline and the service of "
                      "the same version?"),
                   what);
}

static bool is_nonce(const char *s)
{
    size_t length = strspn(s, "0123456789abcdef");

    return length > 0 && length <= PROMPT_NONCE_MAX && s[length] == '\0';
}

static bool read_instant(const char *text, instant_t *out)
{
    struct tz utc;

    tz_utc(&utc);
    return text && instant_parse(text, &utc, out);
}

static int read_recipients(struct prompt *p, struct arena *arena, json_t *array)
{
    size_t i;
    json_t *item;

    p->recipients = arena_array(arena, json_array_size(array), sizeof(*p->recipients));
    json_array_foreach(array, i, item)
    {
        struct prompt_recipient *r = &p->recipients[i];
        json_int_t delivery;
        if (json_unpack(item, "{s:I, s:s, s:s}", "delivery", &delivery, "recipient", &r->name,
                        "state", &r->state) != 0)
            return -1;
        r->delivery = delivery;
        r->open = strcmp(r->state, "prompted") == 0;
    }
    p->recipient_count = json_array_size(array);
    return p->recipient_count > 0 ? 0 : -1;
}

static int read_files(struct prompt *p, struct arena *arena, json_t *array)
{
    size_t i;
    json_t *item;

    p->files = arena_array(arena, json_array_size(array), sizeof(*p->files));
    json_array_foreach(array, i, item)
    {
        struct prompt_file *f = &p->files[i];
        json_int_t index;
        if (json_unpack(item, "{s:I, s:s, s:s}", "index", &index, "kind", &f->kind, "name",
                        &f->name) != 0)
            return -1;
        f->index = index;
    }
    p->file_count = json_array_size(array);
    return 0;
}

/* NULL for null and for what is not there. */
static const char *text_of(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static int read_prompt(struct prompt *p, struct arena *arena, json_t *line)
{
    json_int_t number, used, all;
    const char *late = text_of(line, "late"), *doubt = text_of(line, "doubt");

    if (json_unpack(line, "{s:I, s:s, s:s, s:s, s:s, s:I, s:I}", "prompt", &number, "nonce",
                    &p->nonce, "campaign", &p->campaign, "title", &p->title, "sender", &p->sender,
                    "reminders_used", &used, "reminders", &all) != 0)
        return -1;
    p->number = number;
    p->reminders_used = used;
    p->reminders = all;
    p->text = text_of(line, "text");
    p->asked_at = text_of(line, "asked_at");
    p->shown_at = text_of(line, "shown_at");
    p->late_at = text_of(line, "late_at");
    p->snoozed_text = text_of(line, "snoozed_until");
    p->late_cancels = late && strcmp(late, "cancel") == 0;
    p->too_fast = doubt && strcmp(doubt, "too_fast") == 0;
    p->test = json_is_true(json_object_get(line, "test"));
    p->snoozed_until = INSTANT_MIN;
    if (p->snoozed_text && !read_instant(p->snoozed_text, &p->snoozed_until))
        return -1;
    if (!is_nonce(p->nonce) || read_recipients(p, arena, json_object_get(line, "recipients")) != 0)
        return -1;
    return read_files(p, arena, json_object_get(line, "attachments"));
}

static int read_head(struct prompt_list *list, json_t *line)
{
    int halted, private = 0;
    json_int_t version;

    if (json_unpack(line, "{s:I, s:b, s:s, s?b}", "version", &version, "halted", &halted, "now",
                    &list->now_text, "private_when_locked", &private) != 0)
        return -1;
    list->version = version;
    list->halted = halted != 0;
    list->private_when_locked = private != 0;
    return read_instant(list->now_text, &list->now) ? 0 : -1;
}

/* JSON values one after the other; white space between them is the parser's business. */
static int read_lines(json_t *lines, const char *bytes, size_t length, struct err *e)
{
    while (length > 0) {
        json_error_t where;
        json_t *line =
            json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &where);
        if (!line)
            return unreadable(e, where.text);
        json_array_append_new(lines, line);
        bytes += where.position;
        length -= (size_t)where.position;
        while (length > 0 && strchr("\r\n \t", *bytes)) {
            bytes++;
            length--;
        }
    }
    return 0;
}

int prompts_read(struct prompt_list *out, const char *bytes, size_t length, struct err *e)
{
    *out = (struct prompt_list){.lines = json_array(), .arena = arena_new()};
    int rc = read_lines(out->lines, bytes, length, e);

    if (rc == 0 && read_head(out, json_array_get(out->lines, 0)) != 0)
        rc = unreadable(e, tr("its first line is not the head of a list of prompts"));
    if (rc == 0) {
        size_t count = json_array_size(out->lines) - 1;
        out->items = arena_array(out->arena, count, sizeof(*out->items));
        for (; out->count < count && rc == 0; out->count++)
            if (read_prompt(&out->items[out->count], out->arena,
                            json_array_get(out->lines, out->count + 1)) != 0)
                rc = unreadable(e, tr("a prompt lacks what it must have"));
    }
    if (rc)
        prompts_dispose(out);
    return rc;
}

void prompts_dispose(struct prompt_list *list)
{
    json_decref(list->lines);
    arena_free(list->arena);
    *list = (struct prompt_list){0};
}
