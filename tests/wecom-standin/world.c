/* Growing arrays, with one index of all ids. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *room_for(void *things, size_t count, size_t size)
{
    void *grown = things;

    if ((count & (count - 1)) == 0) /* it was full: 0, 1, 2, 4, … */
        grown = realloc(things, (count ? 2 * count : 1) * size);
    if (!grown)
        abort();
    memset((char *)grown + count * size, 0, size);
    return grown;
}

void text_copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

void stamps_add(struct stamps *stamps, int64_t at_ms)
{
    stamps->at_ms = room_for(stamps->at_ms, stamps->count, sizeof(*stamps->at_ms));
    stamps->at_ms[stamps->count++] = at_ms;
}

size_t stamps_since(const struct stamps *stamps, int64_t from_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < stamps->count; i++)
        n += stamps->at_ms[i] >= from_ms;
    return n;
}

void world_init(struct world *w)
{
    w->index = json_object();
    w->sent = json_object();
}

void world_dispose(struct world *w)
{
    for (size_t i = 0; i < w->member_count; i++)
        free(w->members[i].messages.at_ms);
    for (size_t i = 0; i < w->customer_count; i++) {
        free(w->customers[i].follows);
        free(w->customers[i].received.at_ms);
    }
    for (size_t i = 0; i < w->group_count; i++)
        free(w->groups[i].received.at_ms);
    for (size_t i = 0; i < w->task_count; i++) {
        json_decref(w->tasks[i].content);
        free(w->tasks[i].parts);
        free(w->tasks[i].rows);
    }
    free(w->members);
    free(w->customers);
    free(w->groups);
    free(w->tasks);
    free(w->media);
    json_decref(w->index);
    json_decref(w->sent);
}

static void index_key(char key[ID_MAX + 2], char kind, const char *id)
{
    snprintf(key, ID_MAX + 2, "%c:%s", kind, id);
}

size_t world_find(const struct world *w, char kind, const char *id)
{
    char key[ID_MAX + 2];
    const json_t *place;

    if (!id || strlen(id) >= ID_MAX)
        return NONE;
    index_key(key, kind, id);
    place = json_object_get(w->index, key);
    return place ? (size_t)json_integer_value(place) : NONE;
}

static void index_add(struct world *w, char kind, const char *id, size_t place)
{
    char key[ID_MAX + 2];

    index_key(key, kind, id);
    json_object_set_new(w->index, key, json_integer((json_int_t)place));
}

size_t world_member(struct world *w, const char *id)
{
    size_t found = world_find(w, 'm', id);

    if (found != NONE)
        return found;
    w->members = room_for(w->members, w->member_count, sizeof(*w->members));
    found = w->member_count++;
    text_copy(w->members[found].id, ID_MAX, id);
    text_copy(w->members[found].name, NAME_MAX_BYTES, id);
    w->members[found].follows = true;
    w->members[found].taps = TAPS_NEVER;
    w->members[found].share = 50;
    index_add(w, 'm', w->members[found].id, found);
    return found;
}

size_t world_customer(struct world *w, const char *id)
{
    size_t found = world_find(w, 'c', id);

    if (found != NONE)
        return found;
    w->customers = room_for(w->customers, w->customer_count, sizeof(*w->customers));
    found = w->customer_count++;
    text_copy(w->customers[found].id, ID_MAX, id);
    w->customers[found].type = 1;
    index_add(w, 'c', w->customers[found].id, found);
    return found;
}

struct follow *customer_follow(struct customer *c, size_t member, bool make)
{
    for (size_t i = 0; i < c->follow_count; i++) {
        if (c->follows[i].member == member)
            return &c->follows[i];
    }
    if (!make)
        return NULL;
    c->follows = room_for(c->follows, c->follow_count, sizeof(*c->follows));
    c->follows[c->follow_count].member = member;
    return &c->follows[c->follow_count++];
}

size_t world_group(struct world *w, const char *id, size_t owner)
{
    size_t found = world_find(w, 'g', id);

    if (found == NONE) {
        w->groups = room_for(w->groups, w->group_count, sizeof(*w->groups));
        found = w->group_count++;
        text_copy(w->groups[found].id, ID_MAX, id);
        index_add(w, 'g', w->groups[found].id, found);
    }
    w->groups[found].owner = owner;
    return found;
}

size_t world_find_tag(const struct world *w, const char *id)
{
    for (size_t i = 0; id && i < w->tag_count; i++) {
        if (!strcmp(w->tags[i].id, id))
            return i;
    }
    return NONE;
}

size_t world_tag(struct world *w, const char *group, const char *name)
{
    struct tag *t = &w->tags[w->tag_count];
    unsigned groups = 0;
    const char *group_id = NULL;

    for (size_t i = 0; i < w->tag_count; i++) {
        bool same = !strcmp(w->tags[i].group_name, group);

        if (same && !strcmp(w->tags[i].name, name))
            return i;
        if (same)
            group_id = w->tags[i].group_id;
        groups += i == 0 || strcmp(w->tags[i].group_id, w->tags[i - 1].group_id) != 0;
    }
    if (w->tag_count == TAGS_MAX)
        return NONE;
    snprintf(t->id, sizeof(t->id), "etPACER%02zu", w->tag_count + 1);
    text_copy(t->name, sizeof(t->name), name);
    text_copy(t->group_name, sizeof(t->group_name), group);
    if (group_id)
        text_copy(t->group_id, sizeof(t->group_id), group_id);
    else
        snprintf(t->group_id, sizeof(t->group_id), "etGRP%u", groups + 1);
    return w->tag_count++;
}

struct task *world_add_task(struct world *w)
{
    struct task *t;

    w->tasks = room_for(w->tasks, w->task_count, sizeof(*w->tasks));
    t = &w->tasks[w->task_count];
    t->creator = NONE;
    snprintf(t->id, sizeof(t->id), "msgPACER%024zu", w->task_count + 1);
    index_add(w, 't', t->id, w->task_count++);
    return t;
}

void world_add_media(struct world *w, const char *type, int64_t until_ms, char id[ID_MAX])
{
    struct media *m;

    w->media = room_for(w->media, w->media_count, sizeof(*w->media));
    m = &w->media[w->media_count];
    snprintf(m->id, sizeof(m->id), "MEDIA-%zu", w->media_count + 1);
    text_copy(m->type, sizeof(m->type), type);
    m->until_ms = until_ms;
    text_copy(id, ID_MAX, m->id);
    index_add(w, 'f', m->id, w->media_count++);
}
