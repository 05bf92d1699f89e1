/* Chinese for what people read. Sorted by strcmp of the English: a test holds that. */
#include "base/lang.h"

#include <stddef.h>

const struct lang_pair lang_zh[] = {
    {"warning", "警告"},
    {NULL, NULL},
};
const unsigned lang_zh_count = sizeof(lang_zh) / sizeof(lang_zh[0]) - 1;
