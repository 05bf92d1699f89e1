#include "console/words.h"

#include "base/lang.h"
#include "base/text.h"

#include <string.h>

void words_clock(struct strbuf *out, const char *rfc3339, const char *now)
{
    if (!rfc3339 || strlen(rfc3339) < 16) {
        strbuf_puts(out, "?");
        return;
    }
    if (!now || strncmp(rfc3339, now, 10) != 0)
        strbuf_printf(out, "%.5s ", rfc3339 + 5);
    strbuf_printf(out, "%.5s", rfc3339 + 11);
}

void words_recipients(struct strbuf *out, const struct deck *d, const struct prompt *p, size_t most)
{
    size_t open = deck_open_count(d, p), named = 0;

    if (p->recipient_count > 1)
        strbuf_printf(out, tr("%zu recipients: "), open);
    for (size_t i = 0; i < p->recipient_count; i++) {
        if (!deck_open(d, p, &p->recipients[i]))
            continue;
        if (named == most) {
            strbuf_puts(out, ", …");
            break;
        }
        strbuf_puts(out, named++ > 0 ? ", " : "");
        text_safe(out, p->recipients[i].name, false);
    }
}

void words_times(struct strbuf *out, const struct prompt *p, const char *now)
{
    struct strbuf clock = STRBUF_INIT;

    if (p->asked_at) {
        words_clock(&clock, p->asked_at, now);
        strbuf_printf(out, tr("asked %s"), clock.text);
    }
    if (p->reminders_used > 0)
        strbuf_printf(out, tr(", reminder %lld of %lld"), (long long)p->reminders_used,
                      (long long)p->reminders);
    if (p->late_at) {
        strbuf_reset(&clock);
        words_clock(&clock, p->late_at, now);
        strbuf_printf(out, p->late_cancels ? tr(", until %s (then canceled)") : tr(", until %s"),
                      clock.text);
    }
    strbuf_dispose(&clock);
}

void words_question(struct strbuf *out, enum question question, const struct prompt *p,
                    const char *now)
{
    struct strbuf clock = STRBUF_INIT;

    if (question == QUESTION_BEFORE) {
        words_clock(&clock, p->shown_at, now);
        strbuf_printf(out, tr("shown before at %s: already sent?"), clock.text);
    } else if (question == QUESTION_DOUBT) {
        strbuf_puts(out, tr("\"sent\" came within 2 seconds of the prompt being shown: did you "
                            "really send it?"));
    }
    strbuf_dispose(&clock);
}

bool words_text(struct strbuf *out, const struct prompt *p)
{
    return p->text && text_safe(out, p->text, true);
}
