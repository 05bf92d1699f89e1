/* Text as the content rules read it: full-width, upper case and compatibility forms are one letter
 * (Unicode NFKC_Casefold of each grapheme cluster), a traditional character is its simplified one
 * as far as a small table goes (hans.c), and what only stands between letters is left out: spaces,
 * format characters, symbols, and all punctuation but , ! ? ; : % and the full stops. The end of a
 * line stays. Terms and texts are folded by the same functions. Private to conf. */
#ifndef PACELINE_CONF_FOLD_H
#define PACELINE_CONF_FOLD_H

#include <stddef.h>
#include <stdint.h>

enum {
    FOLD_CLUSTER_MAX = 32,                   /* characters; a longer cluster is cut */
    FOLD_POINTS_MAX = FOLD_CLUSTER_MAX * 24, /* that one cluster can fold to */
    FOLD_NOTHING = -1,                       /* it is left out */
    FOLD_ASK = -2                            /* it takes fold_cluster() to know */
};

/* hans.c: pairs of characters, each of three bytes */
enum { FOLD_HANS_BYTES = 7 };
extern const char fold_hans[][FOLD_HANS_BYTES];
extern const size_t fold_hans_count;

/* What a character folds to whatever stands beside it, unless what follows it is FOLD_ASK. */
int32_t fold_alone(int32_t c);
/* The cluster that begins at text[at], `at` below `length`: its points, and in `*end` what follows.
 * A byte that is no character is one point that is in no term. */
size_t fold_cluster(const char *text, size_t length, size_t at, size_t *end,
                    int32_t out[FOLD_POINTS_MAX]);

#endif
