/* `check` and `config check`: everything that can be known without the service. */
#include "cli/local.h"

#include "base/strbuf.h"
#include "conf/policy.h"

#include <stdarg.h>
#include <string.h>

/* `12 recipients` behind what is there. */
static void add_count(struct strbuf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_count(struct strbuf *out, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    strbuf_printf(out, "%s%s", out->length ? tr(", ") : "", text);
}

static void print_sum(const struct cli *cli, const char *file, const struct local_campaign *c,
                      const struct review_sum *sum)
{
    struct strbuf line = STRBUF_INIT;
    size_t senders =
        c->campaign->sender_count ? c->campaign->sender_count : c->channel->sender_count;
    unsigned long long rows = sum->rows, sends = sum->calls;
    unsigned long long twice = sum->skipped[REASON_DUPLICATE];
    unsigned long long empty = sum->skipped[REASON_MISSING_VALUE];
    unsigned long long unasked = sum->skipped[REASON_NO_CONSENT];

    if (audience_of_service(c->campaign->source)) {
        strbuf_puts(&line, c->campaign->source == AUDIENCE_GROUPS
                               ? tr("customer groups")
                               : tr("recipients of the contact book"));
    } else {
        if (sum->open)
            add_count(&line, tr("at most %llu recipients"), rows);
        else
            add_count(&line, rows == 1 ? tr("%llu recipient") : tr("%llu recipients"), rows);
        if (!sum->senders_open)
            add_count(&line, sends == 1 ? tr("%llu send") : tr("%llu sends"), sends);
    }
    if (twice)
        add_count(&line, twice == 1 ? tr("%llu duplicate") : tr("%llu duplicates"), twice);
    if (unasked)
        add_count(&line, tr("%llu without consent"), unasked);
    if (empty)
        add_count(&line, tr("%llu without a value"), empty);
    if (sum->senders_open)
        add_count(&line, "%s", tr("the account's members send"));
    else
        add_count(&line, senders == 1 ? tr("%zu sender") : tr("%zu senders"), senders);
    if (c->campaign->recipient_zones && !audience_of_service(c->campaign->source)) {
        unsigned long long zones = sum->zones, fallback = sum->fallback;
        add_count(&line, zones == 1 ? tr("%llu time zone") : tr("%llu time zones"), zones);
        if (fallback)
            add_count(&line, tr("%llu by fallback_timezone"), fallback);
    }
    if (sum->taps_max)
        strbuf_printf(&line, tr(", at most %llu by one person"), (unsigned long long)sum->taps_max);
    put_safe(cli->out, file);
    fprintf(cli->out, tr(": ok: %s%s\n"), line.text,
            c->settings->standin ? tr(" (TEST: on a stand-in)") : "");
    strbuf_dispose(&line);
}

static int check_file(const struct cli *cli, struct local *local, const char *file)
{
    struct diags diags;
    struct local_campaign c;
    struct review_sum sum = {0};

    diags_init(&diags);
    int rc = local_campaign(&c, local, cli, file, &diags);
    if (rc == 0)
        rc = local_review(&c, NULL, NULL, &sum, &diags);
    say_diags(cli, &diags);
    if (rc == 0 && !cli->json)
        print_sum(cli, file, &c, &sum);
    diags_dispose(&diags);
    local_campaign_close(&c);
    return rc;
}

int cmd_check(struct cli *cli)
{
    struct local local;
    int worst = local_open(&local, cli);

    if (worst)
        return worst;
    for (size_t i = 0; i < cli->arg_count; i++) {
        int rc = check_file(cli, &local, cli->args[i]);
        if (rc > worst)
            worst = rc;
    }
    local_close(&local);
    return worst;
}

/* What files cannot tell: whether the steps in the platform's console are done. */
static void print_accounts(const struct cli *cli, const struct service *conf)
{
    for (size_t i = 0; i < conf->account_count; i++)
        fprintf(cli->out,
                tr("account %s: step 6 of docs/wecom.md is done; whether steps 1 to 5 are, the "
                   "platform says: paceline contacts sync %s\n"),
                conf->accounts[i].name, conf->accounts[i].name);
}

/* Plugins, options and secrets of every channel, all errors in one run. */
int cmd_config_check(struct cli *cli)
{
    struct local local;
    struct diags diags;
    int worst = local_open(&local, cli);

    if (worst)
        return worst;
    diags_init(&diags);
    for (size_t i = 0; i < local.service->channel_count; i++) {
        const struct service_channel *channel = &local.service->channels[i];
        const struct paceline_channel *kind;
        if (local_kind(&kind, &local, cli, channel, &diags) == 0)
            channel_settings_free(
                channel_settings_read(kind, local.service, channel, true, &diags));
    }
    policy_check(local.service, &diags);
    worst = say_diags(cli, &diags);
    if (worst == 0 && !cli->json) {
        struct strbuf line = STRBUF_INIT;
        size_t channels = local.service->channel_count, users = local.service->user_count;
        add_count(&line, channels == 1 ? tr("%zu channel") : tr("%zu channels"), channels);
        add_count(&line, users == 1 ? tr("%zu user") : tr("%zu users"), users);
        put_safe(cli->out, local.service->file);
        fprintf(cli->out, tr(": ok: %s%s\n"), line.text,
                local.service->allow_self ? tr(", one-person mode") : "");
        print_accounts(cli, local.service);
        strbuf_dispose(&line);
    }
    diags_dispose(&diags);
    local_close(&local);
    return worst;
}
