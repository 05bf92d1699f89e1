/* `stop_when:`: what pauses a campaign until a person has looked. */
#include "base/lang.h"
#include "conf/parts.h"

#include <string.h>

enum { PPM_A_PERCENT = 10000, DIGITS_MAX = 7 };

/* `1%`, `0.5%`, in parts of a million; 0: it is none. */
static uint32_t percent_parse(const char *text)
{
    size_t length = strlen(text), i = 0;
    uint32_t ppm = 0, unit = PPM_A_PERCENT;
    bool point = false;

    if (length < 2 || length > DIGITS_MAX || text[length - 1] != '%' || text[0] == '.')
        return 0;
    for (; i < length - 1; i++) {
        if (text[i] == '.' && !point && i + 2 < length) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || (point && unit < 10))
            return 0;
        if (point)
            ppm += (uint32_t)(text[i] - '0') * (unit /= 10);
        else
            ppm = ppm * 10 + (uint32_t)(text[i] - '0') * unit;
    }
    return ppm <= 100 * PPM_A_PERCENT ? ppm : 0;
}

void stop_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    const struct yaml_node *part;
    const char *text;

    if (!read_map(r, node, "stop_when"))
        return;
    part = read_required(r, node, "not_a_friend");
    text = part ? read_text(r, part, "not_a_friend") : NULL;
    if (!text)
        return;
    c->stop_not_a_friend_ppm = percent_parse(text);
    c->stop_not_a_friend = text;
    if (!c->stop_not_a_friend_ppm)
        read_error(r, part,
                   tr("'%s' must be a percentage such as 1%%, above 0%% and at most 100%%"),
                   "not_a_friend");
}
