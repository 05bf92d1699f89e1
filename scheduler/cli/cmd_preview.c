/* `preview`: two passes over the audience. The first finds which rows are worth looking at, the
 * second shows them; with --recipient one pass does. */
#include "cli/local.h"
#include "cli/view.h"

#include <string.h>

enum { SAMPLES = 3 };
static const char *const sample_names[SAMPLES] = {"shortest", "longest", "most_defaults"};

struct preview {
    const struct cli *cli;
    const struct local_campaign *campaign;
    const char *recipient;
    uint64_t rows[SAMPLES]; /* of the first pass; 0: none, or the same as one before */
    json_t *samples[SAMPLES];
    bool shown;
};

static json_t *sample_object(const struct preview *p, const char *sample,
                             const struct review_row *row)
{
    const struct campaign *c = p->campaign->campaign;
    json_t *attachments = json_array();

    for (size_t i = 0; i < c->attachment_count; i++) {
        struct strbuf words = STRBUF_INIT;
        attachment_words(&words, &c->attachments[i]);
        json_array_append_new(attachments, json_string(words.text));
        strbuf_dispose(&words);
    }
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:o, s:b}", "sample", sample, "row",
                     (json_int_t)row->row, "recipient", row->recipient, "sender", row->sender,
                     "channel", c->channel, "format", c->format ? c->format : "text", "text",
                     row->text, "attachments", attachments, "test", p->campaign->settings->standin);
}

static void show(struct preview *p, json_t *object)
{
    p->shown = true;
    if (p->cli->json) {
        say_json(p->cli, object);
        return;
    }
    view_sample(object, view_sample_title(view_text(object, "sample", "")), p->cli->out);
    json_decref(object);
}

static int collect(void *ctx, const struct review_row *row)
{
    struct preview *p = ctx;

    for (size_t i = 0; i < SAMPLES; i++)
        if (row->row == p->rows[i])
            p->samples[i] = sample_object(p, sample_names[i], row);
    return 0;
}

static int show_samples(struct preview *p, struct diags *diags)
{
    struct review_sum first = {0}, second;
    struct diags again;
    int rc = local_review(p->campaign, NULL, NULL, &first, diags);

    if (first.rows == 0 || rc == EXIT_DATA)
        return rc == 0 && first.open ? EXIT_REFUSED : rc;
    p->rows[0] = first.shortest;
    p->rows[1] = first.longest == first.shortest ? 0 : first.longest;
    bool shown = first.most_defaults == first.shortest || first.most_defaults == first.longest;
    p->rows[2] = shown ? 0 : first.most_defaults;
    diags_init(&again); /* all was said in the first pass */
    local_review(p->campaign, collect, p, &second, &again);
    diags_dispose(&again);
    for (size_t i = 0; i < SAMPLES; i++)
        if (p->samples[i])
            show(p, p->samples[i]);
    if (!p->shown && rc == 0) {
        say(p->cli, tr("nobody in the audience gets a message: see 'paceline check'"));
        rc = EXIT_REFUSED;
    }
    return rc;
}

static int find_recipient(void *ctx, const struct review_row *row)
{
    struct preview *p = ctx;

    if (strcmp(row->recipient, p->recipient) != 0)
        return 0;
    if (row->skipped == REASON_MISSING_VALUE) {
        say(p->cli, tr("'%s' (row %llu) gets nothing: '%s' has no value and no default"),
            row->recipient, (unsigned long long)row->row, row->missing);
        p->shown = true;
    } else if (row->skipped == REASON_NO_CONSENT) {
        say(p->cli, tr("'%s' (row %llu) gets nothing: %s wants consent, and there is none"),
            row->recipient, (unsigned long long)row->row, p->campaign->campaign->consent);
        p->shown = true;
    } else {
        show(p, sample_object(p, "recipient", row));
    }
    return 1;
}

static int show_recipient(struct preview *p, struct diags *diags)
{
    struct review_sum sum;
    int rc = local_review(p->campaign, find_recipient, p, &sum, diags);

    if (rc == 0 && !p->shown) {
        if (!audience_of_service(p->campaign->campaign->source))
            say(p->cli, tr("'%s' is not in the audience"), p->recipient);
        rc = EXIT_REFUSED;
    }
    return rc;
}

int cmd_preview(struct cli *cli)
{
    struct local local;
    struct local_campaign c;
    struct diags diags;
    struct preview p = {.cli = cli, .campaign = &c, .recipient = cli->values[OPT_RECIPIENT]};
    int rc = local_open(&local, cli);

    if (rc)
        return rc;
    diags_init(&diags);
    rc = local_campaign(&c, &local, cli, cli->args[0], &diags);
    if (rc == 0 && !cli->json && c.settings->standin)
        fprintf(cli->out, "%s\n", tr("TEST: on a stand-in, reaches nobody"));
    if (rc == 0)
        rc = p.recipient ? show_recipient(&p, &diags) : show_samples(&p, &diags);
    struct cli lines = *cli;
    lines.json = false; /* standard output is for the messages */
    say_diags(&lines, &diags);
    diags_dispose(&diags);
    local_campaign_close(&c);
    local_close(&local);
    return rc;
}
