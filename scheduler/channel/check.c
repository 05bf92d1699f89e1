#include "channel/check.h"

#include "base/err.h"
#include "base/lang.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "conf/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void refuse(struct diags *diags, const struct campaign *c, struct place at,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
static const struct channel_format *format_of(const struct paceline_channel *kind,
                                              const char *name);
static void check_attachment(const struct paceline_channel *kind, const struct campaign *c,
                             size_t index, const struct channel_attachment *attachments,
                             struct diags *diags);

void channel_defaults(const struct paceline_channel *kind, struct campaign *c)
{
    if (kind->caps.batch_all && !c->batch_at.line)
        c->batch = kind->caps.recipients_max;
}

bool channel_check_message(const struct paceline_channel *kind, const struct campaign *c,
                           const struct channel_attachment *attachments, struct diags *diags)
{
    size_t before = diags->errors;
    struct place message_at =
        c->text || c->attachment_count == 0 ? c->text_at : c->attachments[0].at;

    if (c->text && !format_of(kind, c->format)) {
        struct strbuf list = STRBUF_INIT;
        for (const struct channel_format *f = kind->caps.formats; f->name; f++)
            strbuf_printf(&list, "%s%s", list.length ? ", " : "", f->name);
        refuse(diags, c, c->text_at, tr("%s does not carry format '%s'; it carries: %s"),
               kind->name, c->format, list.text ? list.text : "");
        strbuf_dispose(&list);
    }
    if (kind->caps.text_or_attachment && c->text && c->attachment_count > 0)
        refuse(diags, c, c->attachments[0].at,
               tr("%s sends either a text or an attachment: make two campaigns of it"), kind->name);
    if (!c->text && c->attachment_count == 0)
        refuse(diags, c, message_at, "%s", tr("the message has neither a text nor an attachment"));
    for (size_t i = 0; i < c->attachment_count; i++)
        check_attachment(kind, c, i, attachments, diags);
    if (kind->caps.attachments_max && c->attachment_count > kind->caps.attachments_max)
        refuse(diags, c, c->attachments[kind->caps.attachments_max].at,
               tr("%s takes at most %zu attachments in a message"), kind->name,
               kind->caps.attachments_max);
    if (c->batch > 1 && c->batch > kind->caps.recipients_max)
        refuse(diags, c, c->batch_at, tr("%s takes at most %u recipients in one send"), kind->name,
               (unsigned)kind->caps.recipients_max);
    return diags->errors == before;
}

bool channel_check_text(const struct paceline_channel *kind, const struct campaign *c,
                        const char *text, size_t length, const char *recipient, uint64_t row,
                        struct diags *diags)
{
    const struct channel_format *format = format_of(kind, c->format);
    size_t before = diags->errors;
    struct strbuf who = STRBUF_INIT;

    if (!format)
        return false;
    text_safe(&who, recipient, false);
    if (strspn(text, " \t\r\n") == length)
        refuse(diags, c, c->text_at, tr("the text is empty for '%s' (row %llu)"),
               who.text ? who.text : "", (unsigned long long)row);
    else if (length > format->text_max_bytes)
        refuse(diags, c, c->text_at,
               tr("the text is %zu bytes for '%s' (row %llu); %s takes at most %zu bytes of %s"),
               length, who.text ? who.text : "", (unsigned long long)row, kind->name,
               format->text_max_bytes, format->name);
    strbuf_dispose(&who);
    return diags->errors == before;
}

const char *channel_file_type(const void *bytes, size_t length)
{
    static const struct {
        const char *type, *magic;
        size_t length;
    } types[] = {{"jpg", "\xff\xd8\xff", 3}, {"png", "\x89PNG\r\n\x1a\n", 8}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (length >= types[i].length && !memcmp(bytes, types[i].magic, types[i].length))
            return types[i].type;
    }
    return NULL;
}

static void refuse(struct diags *diags, const struct campaign *c, struct place at,
                   const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_add(diags, c->file, at.line, at.column, DIAG_ERROR, ERR_REFUSED, "%s", text);
}

static const struct channel_format *format_of(const struct paceline_channel *kind, const char *name)
{
    const struct channel_format *f = kind->caps.formats;

    while (f->name && strcmp(f->name, name) != 0)
        f++;
    return f->name ? f : NULL;
}

static bool type_listed(const char *types, const char *type)
{
    size_t n = type ? strlen(type) : 0;
    const char *at = types;

    while (n > 0 && (at = strstr(at, type))) {
        if ((at == types || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
        at += n;
    }
    return false;
}

static void check_words(const struct paceline_channel *kind, const struct campaign *c,
                        struct place at, const char *key, const char *words, size_t max,
                        struct diags *diags)
{
    if (words && max && strlen(words) > max)
        refuse(diags, c, at, tr("'%s' is %zu bytes; %s takes at most %zu"), key, strlen(words),
               kind->name, max);
}

static void check_attachment(const struct paceline_channel *kind, const struct campaign *c,
                             size_t index, const struct channel_attachment *attachments,
                             struct diags *diags)
{
    const struct channel_attachment *a = &attachments[index];
    const struct channel_attachment_kind *k = kind->caps.attachments;
    struct place at = c->attachments[index].at;
    size_t same = 0;

    while (k && k->name && strcmp(k->name, a->kind) != 0)
        k++;
    if (!k || !k->name) {
        refuse(diags, c, at, tr("%s cannot carry an attachment of kind '%s'"), kind->name, a->kind);
        return;
    }
    for (size_t i = 0; i <= index; i++)
        same += strcmp(attachments[i].kind, a->kind) == 0;
    if (same == k->count_max + 1) /* said once */
        refuse(diags, c, at, tr("%s takes at most %zu attachments of kind '%s' in a message"),
               kind->name, k->count_max, k->name);
    if (a->length > k->bytes_max)
        refuse(diags, c, at, tr("'%s' is %zu bytes; %s takes at most %zu"), a->name, a->length,
               kind->name, k->bytes_max);
    check_words(kind, c, at, "title", a->title, k->title_max_bytes, diags);
    check_words(kind, c, at, "url", a->url, k->url_max_bytes, diags);
    if (c->attachments[index].trace && k->url_max_bytes && strlen(a->url) <= k->url_max_bytes &&
        trace_length(a->url) > k->url_max_bytes)
        refuse(diags, c, at, tr("'url' is %zu bytes with what 'trace' adds; %s takes at most %zu"),
               trace_length(a->url), kind->name, k->url_max_bytes);
    check_words(kind, c, at, "description", a->description, k->description_max_bytes, diags);
    if (a->url && !c->attachments[index].path)
        return; /* a link without a picture */
    if (a->length == 0)
        refuse(diags, c, at, tr("'%s' is empty"), a->name);
    else if (k->types && !type_listed(k->types, channel_file_type(a->bytes, a->length)))
        refuse(diags, c, at, tr("'%s' is not of a type that %s takes (%s), going by its content"),
               a->name, kind->name, k->types);
}
