/* A world from a seed: the same for the same numbers. What a test counts on is exact and does not
 * depend on the seed (which tags, whose customers); the rest is drawn. */
#include "faults.h"
#include "world.h"

#include <stdio.h>

enum { DAY_S = 24 * 3600 };

enum draw { DRAW_CREATED, DRAW_LOST, DRAW_TAPS, DRAW_WAY, DRAW_GENDER };

static unsigned percent_of(uint64_t seed, enum draw draw, size_t number)
{
    return (unsigned)(random_of(seed, draw, number) % 100);
}

static void seed_member(struct world *w, const struct plan *p, size_t i)
{
    static const char *const ids[] = {"lin.yue", "he.qi"};
    static const char *const names[] = {"林月", "何琪"};
    unsigned taps = percent_of(p->seed, DRAW_TAPS, i);
    char id[ID_MAX];
    struct member *m;
    size_t made;

    snprintf(id, sizeof(id), "member.%03zu", i + 1);
    made = world_member(w, i < 2 ? ids[i] : id); /* moves the members */
    m = &w->members[made];
    if (i < 2)
        text_copy(m->name, sizeof(m->name), names[i]);
    else
        snprintf(m->name, sizeof(m->name), "成员%03zu", i + 1);
    if (p->after_ms[1] < 0)
        return; /* until a test says otherwise, nobody taps */
    m->after_ms[0] = p->after_ms[0];
    m->after_ms[1] = p->after_ms[1];
    m->taps = TAPS_SOON;
    if (taps < p->never)
        m->taps = TAPS_NEVER;
    else if (taps < p->never + p->reminded)
        m->taps = TAPS_REMINDED;
    else if (taps < p->never + p->reminded + p->partly)
        m->taps = TAPS_PARTLY;
}

/* Three of five came from the fair, one of fifty has asked not to be written to. */
static uint32_t tags_of(size_t i)
{
    uint32_t tags = i % 5 < 3 ? 1u << 0 : 1u << 1;

    if (i % 7 == 0)
        tags |= 1u << 2;
    if (i % 50 == 40) /* of those from the fair, too */
        tags |= 1u << 3;
    return tags;
}

static void seed_follow(struct world *w, const struct plan *p, size_t customer, size_t member,
                        int64_t now_ms)
{
    struct customer *c = &w->customers[customer];
    struct follow *f = customer_follow(c, member, true);
    uint64_t age = random_of(p->seed, DRAW_CREATED, customer * 16 + c->follow_count) % 300;

    f->created_s = now_ms / 1000 - ((int64_t)age + 1) * DAY_S;
    f->add_way = percent_of(p->seed, DRAW_WAY, customer) < 70 ? 1 : 4;
    f->tags = tags_of(customer);
    f->lost = percent_of(p->seed, DRAW_LOST, customer) < p->lost;
    text_copy(f->state, sizeof(f->state), f->tags & 1 ? "spring_expo_north_gate_day01" : "");
    snprintf(f->remark, sizeof(f->remark), "客户%05zu", customer + 1);
}

static void seed_customer(struct world *w, const struct plan *p, size_t i, int64_t now_ms)
{
    size_t owner = i % w->member_count;
    char id[ID_MAX];
    struct customer *c;
    size_t made;

    snprintf(id, sizeof(id), "wmPACER%025zu", i + 1);
    made = world_customer(w, id);
    c = &w->customers[made];
    snprintf(c->name, sizeof(c->name), "客户%05zu", i + 1);
    snprintf(c->union_id, sizeof(c->union_id), "oPACERUNION%zu", i + 1);
    c->gender = (int64_t)(random_of(p->seed, DRAW_GENDER, i) % 3);
    seed_follow(w, p, made, owner, now_ms);
    if (w->member_count > 1 && i % 100 < (size_t)p->shared)
        seed_follow(w, p, made, (owner + 1) % w->member_count, now_ms);
}

static void seed_group(struct world *w, const struct plan *p, size_t i, int64_t now_ms)
{
    size_t owners =
        p->owners > 0 && (size_t)p->owners < w->member_count ? (size_t)p->owners : w->member_count;
    char id[ID_MAX];
    struct group *g;
    size_t made;

    snprintf(id, sizeof(id), "wrPACER%025zu", i + 1);
    made = world_group(w, id, i % owners);
    g = &w->groups[made];
    snprintf(g->name, sizeof(g->name), "%s客群%zu", i % 4 == 3 ? "新" : "老", i + 1);
    g->created_s = now_ms / 1000 - (int64_t)(i + 1) * 3600;
    g->people = w->customer_count < 30 ? w->customer_count : 30;
}

void world_seed(struct world *w, const struct plan *p, int64_t now_ms)
{
    w->seed = p->seed;
    if (p->members > 0) {
        world_tag(w, "渠道", "展会");
        world_tag(w, "渠道", "直播");
        world_tag(w, "等级", "VIP");
        world_tag(w, "状态", "已退订");
    }
    for (size_t i = 0; i < (size_t)p->members; i++)
        seed_member(w, p, i);
    for (size_t i = 0; w->member_count > 0 && i < (size_t)p->customers; i++)
        seed_customer(w, p, i, now_ms);
    for (size_t i = 0; w->member_count > 0 && i < (size_t)p->groups; i++)
        seed_group(w, p, i, now_ms);
}
