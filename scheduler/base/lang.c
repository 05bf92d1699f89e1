#include "base/lang.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic enum lang current = LANG_EN; /* a reload may change it under other threads */

static int compare(const void *key, const void *pair);

void lang_set(enum lang lang)
{
    current = lang;
}

enum lang lang_get(void)
{
    return current;
}

enum lang lang_of_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && value[0]) /* the first that is set decides, as in setlocale */
            return strncmp(value, "zh", 2) == 0 ? LANG_ZH : LANG_EN;
    }
    return LANG_EN;
}

const char *tr(const char *english)
{
    if (current == LANG_EN)
        return english;
    const struct lang_pair *pair =
        bsearch(english, lang_zh, lang_zh_count, sizeof(lang_zh[0]), compare);
    return pair ? pair->zh : english;
}

const char *lang_errno(int error)
{
    return tr(strerror(error));
}

static int compare(const void *key, const void *pair)
{
    return strcmp(key, ((const struct lang_pair *)pair)->en);
}
