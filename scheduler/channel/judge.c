#include "channel/judge.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/rules.h"

#include <stdlib.h>
#include <string.h>

struct judge {
    struct arena *arena;
    const struct campaign *campaign;
    const char *label;
    struct diags *diags;
    struct terms_scratch scratch;
    struct strbuf whole;  /* one message */
    struct strbuf behind; /* what is in all of them behind the text: the words of attachments */
    struct wording *wordings;
    size_t wording_count;
    struct told *told; /* by the rules' keys */
    struct told variable;
    const char *(*warnings)[2];
    size_t warning_count;
};

struct wording { /* one of the attachments' texts */
    size_t from; /* in `behind` */
    const char *text;
    struct place at;
};

struct judged { /* what a finding is about */
    struct judge *judge;
    const struct review_row *row; /* NULL: a name */
    const struct audience_row *in;
    struct place at;    /* of the name */
    size_t text_length; /* of the row's own text */
};

static void wordings_add(struct judge *j);
static void variable_judge(struct judge *j, const struct review_row *row);
static void audience_judge(struct judge *j);
static void found_tell(void *ctx, const struct rule_found *found);
static struct place found_place(const struct judged *d, size_t at, const char **file);
static void warning_keep(struct judge *j, const struct rule_found *found);

struct judge *judge_new(const struct campaign *c, const char *label, struct diags *diags)
{
    struct arena *arena = arena_new();
    struct judge *j = arena_alloc(arena, sizeof *j);
    size_t keys = rules_keys(c->rules);

    *j = (struct judge){.arena = arena,
                        .campaign = c,
                        .label = label,
                        .diags = diags,
                        .told = arena_array(arena, keys, sizeof *j->told),
                        .warnings = arena_array(arena, keys, sizeof *j->warnings)};
    wordings_add(j);
    audience_judge(j);
    return j;
}

void judge_message(struct judge *j, const struct review_row *row, const struct audience_row *in)
{
    size_t length = row->text ? strlen(row->text) : 0;
    struct judged d = {.judge = j, .row = row, .in = in, .text_length = length};

    if (!row->text && j->wording_count == 0)
        return; /* a picture */
    if (row->text)
        variable_judge(j, row);
    strbuf_reset(&j->whole);
    strbuf_add(&j->whole, row->text ? row->text : "", length);
    strbuf_add(&j->whole, j->behind.text ? j->behind.text : "", j->behind.length);
    rules_judge(j->campaign->rules, j->whole.text ? j->whole.text : "", j->whole.length,
                &j->scratch, found_tell, &d);
}

void judge_end(struct judge *j)
{
    told_end(&j->variable, j->diags);
    for (size_t i = 0; i < rules_keys(j->campaign->rules); i++)
        told_end(&j->told[i], j->diags);
}

const char *const (*judge_warnings(const struct judge *j, size_t *count))[2]
{
    *count = j->warning_count;
    return (const char *const(*)[2])j->warnings;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    terms_scratch_dispose(&j->scratch);
    strbuf_dispose(&j->whole);
    strbuf_dispose(&j->behind);
    arena_free(j->arena);
}

void told_end(const struct told *p, struct diags *diags)
{
    if (p->item == 0 || p->more == 0)
        return;
    struct diag *d = &diags->items[p->item - 1];
    d->message = p->more == 1 ? arena_printf(diags->arena, tr("%s (and 1 more row)"), d->message)
                              : arena_printf(diags->arena, tr("%s (and %llu more rows)"),
                                             d->message, (unsigned long long)p->more);
}

static void wording_add(struct judge *j, const char *text, struct place at)
{
    if (!text)
        return;
    strbuf_putc(&j->behind, '\n'); /* parts words */
    j->wordings[j->wording_count++] = (struct wording){j->behind.length, text, at};
    strbuf_puts(&j->behind, text);
}

/* The card of a link or a mini program is read by everybody. */
static void wordings_add(struct judge *j)
{
    const struct campaign *c = j->campaign;

    j->wordings = arena_array(j->arena, 3 * c->attachment_count, sizeof *j->wordings);
    for (size_t i = 0; i < c->attachment_count; i++) {
        const struct conf_attachment *a = &c->attachments[i];
        wording_add(j, a->title, a->title_at);
        wording_add(j, a->description, a->description_at);
        wording_add(j, a->url, a->url_at);
    }
}

/* Nobody approves what is in a text that is mostly a variable. */
static void variable_judge(struct judge *j, const struct review_row *row)
{
    const struct campaign *c = j->campaign;
    size_t chars = text_chars(row->text, strlen(row->text));
    size_t values = template_value_chars(c->template, row->recipient, row->values);

    if (values <= chars - values)
        return;
    if (j->variable.seen) {
        j->variable.more++;
        return;
    }
    size_t before = j->diags->count;
    diag_add(j->diags, c->file, c->text_at.line, c->text_at.column, DIAG_ERROR, ERR_REFUSED,
             tr("%zu of the text's %zu characters come from the audience (row %llu): under a "
                "policy with content rules at most half may"),
             values, chars, (unsigned long long)row->row);
    j->variable =
        (struct told){.seen = true, .item = j->diags->count > before ? j->diags->count : 0};
}

/* By what somebody is in the audience, and what a text says about each: tags and columns. */
static void audience_judge(struct judge *j)
{
    const struct campaign *c = j->campaign;
    const struct where_tags *tags[] = {&c->where.any, &c->where.all, &c->where.none};
    struct judged d = {.judge = j, .at = c->where_at};
    const char *const *names;
    size_t count = c->template ? template_names(c->template, &names) : 0;

    for (size_t k = 0; k < sizeof tags / sizeof *tags; k++)
        for (size_t i = 0; i < tags[k]->count; i++)
            rules_judge_name(c->rules, tags[k]->names[i], &j->scratch, found_tell, &d);
    d.at = c->text_at;
    for (size_t i = 0; i < count; i++)
        rules_judge_name(c->rules, names[i], &j->scratch, found_tell, &d);
}

static void found_tell(void *ctx, const struct rule_found *found)
{
    struct judged *d = ctx;
    struct judge *j = d->judge;
    struct told *p = &j->told[found->key];
    const char *file = j->campaign->file;
    struct place at = d->row ? j->campaign->text_at : d->at;
    struct strbuf text = STRBUF_INIT;

    bool everywhere = !d->row || (found->term && found->begin >= d->text_length);
    if (p->seen && (everywhere || p->row == d->row->row))
        return;
    p->row = d->row ? d->row->row : 0;
    if (p->seen) {
        p->more++;
        return;
    }
    if (d->row && found->term)
        at = found_place(d, found->begin, &file);
    size_t before = j->diags->count;
    rules_tell(found, lang_get(), &text);
    diag_add(j->diags, file, at.line, at.column, found->rule->block ? DIAG_ERROR : DIAG_WARNING,
             ERR_REFUSED, "%s", text.text);
    p->seen = true;
    p->item = j->diags->count > before ? j->diags->count : 0;
    if (!found->rule->block)
        warning_keep(j, found);
    strbuf_dispose(&text);
}

static struct place wording_place(const struct judge *j, size_t at)
{
    size_t i = j->wording_count;

    while (i > 1 && j->wordings[i - 1].from > at)
        i--;
    const struct wording *w = &j->wordings[i - 1];
    return campaign_text_place(j->campaign, w->text, w->at, at > w->from ? at - w->from : 0);
}

/* In the campaign file when the campaign wrote it, in the audience when a value brought it. */
static struct place found_place(const struct judged *d, size_t at, const char **file)
{
    const struct campaign *c = d->judge->campaign;
    const struct review_row *row = d->row;

    *file = c->file;
    if (at >= d->text_length)
        return wording_place(d->judge, at - d->text_length);
    struct template_origin o =
        template_origin(c->template, row->recipient, row->sender, row->values, at);
    if (o.kind == ORIGIN_TEXT)
        return campaign_text_place(c, c->text, c->text_at, o.offset);
    if (c->source == AUDIENCE_RECIPIENTS)
        return c->recipients[row->row - 1].at;
    *file = d->judge->label ? d->judge->label : c->file;
    return (struct place){row->line, o.kind == ORIGIN_RECIPIENT ? d->in->field
                                     : d->in->value_columns     ? d->in->value_columns[o.value] + 1
                                                                : 0};
}

static void warning_keep(struct judge *j, const struct rule_found *found)
{
    const char **kept = j->warnings[j->warning_count++];

    for (int lang = LANG_EN; lang <= LANG_ZH; lang++) {
        struct strbuf text = STRBUF_INIT;
        rules_tell(found, (enum lang)lang, &text);
        kept[lang] = arena_strdup(j->arena, text.text);
        strbuf_dispose(&text);
    }
}
