#include "api/ties.h"

#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

struct members {
    struct arena *arena;
    struct conf_sender *list;
    size_t count, capacity;
};

static int keep_member(void *ctx, const char *name)
{
    struct members *m = ctx;

    m->list = xgrow(m->list, &m->capacity, m->count + 1, sizeof(*m->list));
    m->list[m->count++] = (struct conf_sender){.name = arena_strdup(m->arena, name)};
    return 0;
}

static int no_members(const char *account, bool read, bool groups, struct err *e)
{
    if (!read)
        return err_set(e, ERR_REFUSED,
                       tr("nobody has read the members of account '%s' yet: paceline contacts sync "
                          "%s"),
                       account, account);
    return err_set(e, ERR_REFUSED,
                   groups ? tr("no member of account '%s' owned a customer group when it was read "
                               "last: paceline contacts sync %s")
                          : tr("account '%s' had no member with the Customer Contact function in "
                               "the app's visible range when it was read last: paceline contacts "
                               "sync %s"),
                   account, account);
}

int ties_senders(const struct service_channel **channel, struct store *s, struct arena *arena,
                 struct err *e)
{
    const struct service_channel *c = *channel;
    bool groups = service_channel_groups(c), read = false;
    struct members m = {.arena = arena};
    struct service_channel *now;

    if (!c->all_senders)
        return 0;
    int rc = store_account_read(s, c->account->name, &read, e);
    if (!rc)
        rc = store_members(s, c->account->name, groups ? RELATION_GROUP : RELATION_CUSTOMER,
                           keep_member, &m, e);
    if (!rc && m.count == 0)
        rc = no_members(c->account->name, read, groups, e);
    if (!rc) {
        now = arena_alloc(arena, sizeof(*now));
        *now = *c;
        now->senders = arena_array(arena, m.count, sizeof(*m.list));
        memcpy((void *)now->senders, m.list, m.count * sizeof(*m.list));
        now->sender_count = m.count;
        *channel = now;
    }
    free(m.list);
    return rc;
}

static const char *const *names(struct arena *arena, const struct conf_sender *list, size_t count)
{
    const char **out = arena_array(arena, count + 1, sizeof(*out));

    for (size_t i = 0; i < count; i++)
        out[i] = list[i].name;
    return out;
}

void ties_init(struct ties *t, const struct service_channel *channel,
               const struct paceline_channel *kind, const struct campaign *c, instant_t now,
               struct arena *arena)
{
    const struct where *w = &c->where;
    bool own = c->sender_count > 0;
    size_t senders = own ? c->sender_count : channel->sender_count;

    *t = (struct ties){.account = kind->caps.knows_relations ? channel->account : NULL};
    if (!t->account)
        return;
    t->of = (struct store_choice){
        .senders = names(arena, own ? c->senders : channel->senders, senders),
        .sender_count = senders,
        .order = (enum relation_order)c->of_several,
        .added_from_ms = w->added_within ? now - w->added_within : 0,
        .added_to_ms = w->not_added_within ? now - w->not_added_within : 0,
        .ways = w->ways,
        .way_count = w->way_count,
        .states = w->states.names,
        .state_count = w->states.count,
    };
    t->left_out.any =
        (struct where_tags){names(arena, t->account->suppress_tags, t->account->suppress_tag_count),
                            t->account->suppress_tag_count};
}

void ties_dispose(struct ties *t)
{
    strbuf_dispose(&t->tags);
}

int ties_book(const struct ties *t, char **path, struct store *s, const struct campaign *c,
              const char *dir, struct err *e)
{
    struct book_choice choice = {.account = t->account ? t->account->name : NULL,
                                 .groups = c->source == AUDIENCE_GROUPS,
                                 .of = t->of,
                                 .name = c->groups_name};
    struct arena *arena;
    bool read = true;
    int rc = 0;

    *path = NULL;
    if (!audience_of_service(c->source))
        return 0;
    if (t->account)
        rc = store_account_read(s, t->account->name, &read, e);
    if (rc == 0 && !read)
        rc = err_set(e, ERR_REFUSED,
                     tr("nobody has read the customers of account '%s' yet: paceline contacts sync "
                        "%s"),
                     t->account->name, t->account->name);
    if (rc)
        return rc;
    arena = arena_new();
    if (choice.groups && c->groups_owner_count > 0) {
        choice.of.senders = names(arena, c->groups_owners, c->groups_owner_count);
        choice.of.sender_count = c->groups_owner_count;
    }
    rc = book_write(path, s, &choice, dir, e);
    arena_free(arena);
    return rc;
}

static int sender_of(void *ctx, const char *recipient, const char *wanted, size_t *index,
                     struct err *e)
{
    struct ties *t = ctx;

    return store_relation_sender(t->store, t->account->name, recipient, &t->of, wanted, index, e);
}

int ties_follow(struct ties *t, struct store *s, struct review *review, const struct campaign *c,
                struct diags *diags, struct err *e)
{
    int rc;

    t->store = s;
    if (!t->account || audience_of_service(c->source))
        return 0;
    rc = store_account_read(s, t->account->name, &t->read, e);
    if (rc)
        return rc;
    if (t->read)
        review_relations(review, sender_of, t);
    else
        diag_add(diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_WARNING, 0,
                 tr("nobody has read the customers of account '%s' yet, so whose they are is not "
                    "looked at: paceline contacts sync %s"),
                 t->account->name, t->account->name);
    return 0;
}

void ties_judge(struct ties *t, const struct review_row *row, const struct campaign *c,
                struct diags *diags)
{
    if (!t->account || t->read || t->told || row->sender_named || row->skipped != REASON_NONE)
        return;
    t->told = true;
    diag_add(diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR, ERR_REFUSED,
             tr("row %llu names no sender, and whose customer it is is not known yet: paceline "
                "contacts sync %s"),
             (unsigned long long)row->row, t->account->name);
}

int ties_left_out(struct ties *t, const char *recipient, struct err *e)
{
    int rc;

    if (!t->account || t->left_out.any.count == 0)
        return 0;
    rc = store_contact_tags(t->store, recipient, &t->tags, e);
    return rc ? rc : where_fits(&t->left_out, t->tags.text);
}
