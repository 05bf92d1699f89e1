/* The corp behind the stand-in: members, customers and whose they are, tags, groups, mass message
 * tasks, uploaded media. Everything is found by its id, and made from a seed or from what a test
 * says (control.c). Nothing is ever removed, so that an index stays valid. */
#ifndef PACELINE_STANDIN_WORLD_H
#define PACELINE_STANDIN_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_MAX = 64, NAME_MAX_BYTES = 128, TAGS_MAX = 32 };
#define NONE SIZE_MAX
#define NEVER INT64_MAX

/* How a member answers a task. */
enum taps {
    TAPS_SOON, /* after a while of after_ms[0]..after_ms[1] */
    TAPS_NEVER,
    TAPS_REMINDED, /* only when reminded, then after that while */
    TAPS_PARTLY,   /* after a while, to `share` percent; the others stay */
    TAPS_COUNT
};

struct member {
    char id[ID_MAX], name[NAME_MAX_BYTES];
    bool follows; /* has the customer contact function */
    enum taps taps;
    int64_t after_ms[2];
    unsigned share;
    struct stamps {
        int64_t *at_ms;
        size_t count, capacity;
    } messages; /* app messages received */
};

struct follow {
    size_t member;
    int64_t created_s;
    char remark[NAME_MAX_BYTES], state[ID_MAX];
    int64_t add_way;
    uint32_t tags; /* a bit a tag */
    bool lost;     /* the customer has deleted this member: the relation looks the same */
    bool removed;  /* the member has deleted the customer */
};

struct customer {
    char id[ID_MAX], name[NAME_MAX_BYTES], union_id[ID_MAX];
    int64_t type, gender;
    struct follow *follows;
    size_t follow_count;
    struct stamps received;
};

struct group {
    char id[ID_MAX], name[NAME_MAX_BYTES];
    size_t owner;
    int64_t created_s, status;
    size_t people; /* customers in it, beside the owner */
    bool dismissed, internal;
    struct stamps received;
};

struct tag {
    char id[ID_MAX], name[NAME_MAX_BYTES], group_id[ID_MAX], group_name[NAME_MAX_BYTES];
};

struct row {    /* one recipient of a task */
    size_t who; /* customer or group */
    int64_t status;
    int64_t sent_s;
};

struct part { /* one member's share of a task */
    size_t member;
    int64_t status; /* 0 not sent, 2 sent */
    int64_t sent_s;
    int64_t tap_ms;      /* when the member will tap; NEVER */
    size_t first, count; /* rows */
};

struct task {
    char id[ID_MAX];
    bool to_groups, canceled;
    size_t creator; /* of a member's own; NONE: through the interface */
    int64_t created_ms, visible_ms;
    json_t *content; /* {text, attachments} */
    int64_t reminded_ms[3];
    struct part *parts;
    size_t part_count;
    struct row *rows;
    size_t row_count;
};

struct media {
    char id[ID_MAX], type[16];
    int64_t until_ms;
};

enum cap { CAP_NONE, CAP_DAY, CAP_WEEK, CAP_MONTH, CAP_COUNT }; /* how often one may receive */

struct world {
    uint64_t seed;
    struct member *members;
    struct customer *customers;
    struct group *groups;
    struct task *tasks;
    struct media *media;
    size_t member_count, customer_count, group_count, task_count, media_count;
    struct tag tags[TAGS_MAX];
    size_t tag_count;
    json_t *index; /* "m:ID", "c:ID", … -> place */
    enum cap cap;
    json_t *sent; /* app messages for the duplicate check: body -> {at_ms, msgid} */
    uint64_t message_count;
};

struct plan { /* what a seeded world has */
    uint64_t seed;
    int64_t members, customers, groups, owners;
    int64_t shared, lost;            /* percent of the customers */
    int64_t never, reminded, partly; /* percent of the members */
    int64_t after_ms[2];             /* [1] < 0: nobody taps by themselves */
};

struct standin;

void world_init(struct world *w);
void world_dispose(struct world *w);
void world_seed(struct world *w, const struct plan *p, int64_t now_ms);

/* Found or made; `kind` is m, c, g, t (task), f (media). */
size_t world_find(const struct world *w, char kind, const char *id); /* NONE */
size_t world_member(struct world *w, const char *id);
size_t world_customer(struct world *w, const char *id);
size_t world_group(struct world *w, const char *id, size_t owner);
size_t world_tag(struct world *w, const char *group, const char *name);
size_t world_find_tag(const struct world *w, const char *id);
struct follow *customer_follow(struct customer *c, size_t member, bool make);
struct task *world_add_task(struct world *w);
void world_add_media(struct world *w, const char *type, int64_t until_ms, char id[ID_MAX]);
void stamps_add(struct stamps *stamps, int64_t at_ms);
size_t stamps_since(const struct stamps *stamps, int64_t from_ms);
void text_copy(char *out, size_t size, const char *text);
/* Memory for `count` things of `size`, doubled from time to time. Never NULL. */
void *room_for(void *things, size_t count, size_t size);

/* --- taps.c --- */

/* Says when the members of a new task will tap. */
void taps_arm(const struct world *w, struct task *t);
void taps_remind(const struct world *w, struct task *t, int64_t now_ms);
/* The member taps: `share` percent of those who wait. Writes down whom it reached. */
void taps_tap(struct standin *s, struct task *t, struct part *p, unsigned share, int64_t at_ms);
/* Everything that was due by now, in its order. */
void taps_run(struct standin *s, int64_t now_ms);

/* --- tasks.c --- */

/* A member's own mass message, made and sent by hand at once. */
int tasks_by_hand(struct standin *s, size_t member, bool to_groups, const json_t *recipients,
                  const char *text, int64_t now_ms);

#endif
