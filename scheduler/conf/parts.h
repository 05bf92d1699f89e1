/* What the pieces of the two readers share. Private to conf. */
#ifndef PACELINE_CONF_PARTS_H
#define PACELINE_CONF_PARTS_H

#include "conf/reader.h"
#include "conf/service.h"

/* Also the words of manifests, in the order of their numbers. NULL-terminated. */
extern const char *const day_words[];          /* mon..sun */
extern const char *const scope_words[];        /* enum limit_scope */
extern const char *const period_words[];       /* enum period */
extern const char *const distribution_words[]; /* enum pace_distribution */
extern const char *const priority_words[];     /* enum engine_priority */

/* A pack's `max`, until it is known which account's: in place of a number. */
enum { LIMIT_RECEIVE_CAP = 0 };

/* `schedule:` into `c` (zone_name, schedule, start_text, end_text). `node` may be NULL. */
void schedule_read(const struct reader *r, const struct yaml_node *node, const char *zone_default,
                   struct zones *zones, struct campaign *c);
/* Windows, their calendar and quiet hours of a pack (or of a manifest's `also`) into `pack`, in
 * the frame of `c`: its zone, start and end. They are bound to `c` when there are any. */
void schedule_read_also(const struct reader *r, const struct yaml_node *node, struct campaign *c,
                        struct campaign *pack);
/* `pace:` into `c`. `node` may be NULL. */
void pace_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
/* `message: attachments:` into `c`. `node` may be NULL. */
void message_attachments_read(const struct reader *r, const struct yaml_node *node,
                              struct campaign *c);
/* `confirm:` into `c`. `node` may be NULL: 4h, reminders after 1h and 3h, cancel, 3 a day. */
void confirm_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);

/* `stop_when:` into `c`. `node` may be NULL. */
void stop_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
/* `accounts:`. `node` may be NULL. */
const struct service_account *accounts_read(const struct reader *r, const struct yaml_node *node,
                                            size_t *count);
/* `api` and `standin` of a channel or an account. */
void standin_read(const struct reader *r, const struct yaml_node *node, bool *standin,
                  const char **out);

/* campaign_read for a manifest; `*root` lives in the campaign's arena. */
struct campaign *campaign_read_stored(const struct yaml_node **root, const char *bytes,
                                      size_t length, struct zones *zones, struct diags *diags);

#endif
