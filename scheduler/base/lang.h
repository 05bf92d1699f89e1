/* What people read, in their language.
 *
 * The English text is the key: `tr("next send")`. lang_zh.c holds the Chinese for each; a test
 * finds texts without one and formats that differ. Set once at start, before any thread. */
#ifndef PACELINE_BASE_LANG_H
#define PACELINE_BASE_LANG_H

enum lang { LANG_EN, LANG_ZH };

void lang_set(enum lang lang);
enum lang lang_get(void);
/* From LC_ALL, LC_MESSAGES, LANG: `zh...` is Chinese, everything else English. */
enum lang lang_of_environment(void);

/* `english` itself when the language is English or a translation is missing. */
const char *tr(const char *english) __attribute__((format_arg(1)));

/* What strerror says of it, translated. */
const char *lang_errno(int error);

/* Marks a text of a table that is translated where it is shown. */
#define TR_TABLE(text) (text)

struct lang_pair {
    const char *en, *zh;
};
extern const struct lang_pair lang_zh[]; /* ends with {NULL, NULL}; sorted by strcmp of `en` */
extern const unsigned lang_zh_count;

#endif
