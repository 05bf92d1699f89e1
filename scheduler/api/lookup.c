#include "api/lookup.h"

#include "api/emit.h"
#include "api/objects.h"
#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

enum { CAMPAIGN_ID_MAX = 63 };

static bool is_campaign_id(const char *s)
{
    size_t length = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length <= CAMPAIGN_ID_MAX && s[length] == '\0' && *s != '-';
}

bool lookup_init(struct lookup *l, struct request *rq, const char *digest)
{
    *l = (struct lookup){.campaign = rq->argument};
    if (!is_campaign_id(l->campaign)) {
        request_fail_with(rq, ERR_NOTFOUND, tr("there is no campaign '%.64s'"), l->campaign);
        return false;
    }
    if (digest) {
        l->has_digest = true;
        if (!digest_parse(digest, &l->digest)) {
            request_fail_with(rq, ERR_USAGE, tr("'%.80s' is not a digest; write sha256:<64 hex>"),
                              digest);
            return false;
        }
    }
    return true;
}

bool lookup_new(struct request *rq, const char *digest)
{
    struct lookup *l = arena_alloc(rq->arena, sizeof(*l));

    rq->state = l;
    return lookup_init(l, rq, digest);
}

int lookup_keep(void *ctx, const struct store_revision *r)
{
    struct lookup_copy *copy = ctx;

    copy->revision = revision_copy(copy->rq->arena, r);
    return 0;
}

static int no_campaign(struct request *rq, const struct lookup *l)
{
    return err_set(&rq->e, ERR_NOTFOUND, tr("there is no campaign '%s'"), l->campaign);
}

static int found(struct request *rq, struct lookup *l, const struct lookup_copy *copy, int rc)
{
    if (rc == ERR_NOTFOUND || (rc == 0 && !copy->revision))
        return no_campaign(rq, l);
    if (rc == 0)
        l->revision = copy->revision;
    return rc;
}

int lookup_current(struct store *s, struct request *rq, struct lookup *l)
{
    struct lookup_copy copy = {.rq = rq};

    return found(rq, l, &copy, store_campaign(s, l->campaign, lookup_keep, &copy, &rq->e));
}

int lookup_digest(struct store *s, struct request *rq, struct lookup *l)
{
    struct lookup_copy copy = {.rq = rq};
    int rc = store_revision_by_digest(s, l->campaign, &l->digest, lookup_keep, &copy, &rq->e);

    if (rc == ERR_NOTFOUND)
        return err_set(&rq->e, ERR_NOTFOUND, tr("campaign '%s' has no such revision"), l->campaign);
    return found(rq, l, &copy, rc);
}

int lookup_id(struct store *s, struct request *rq, struct lookup *l, int64_t id)
{
    struct lookup_copy copy = {.rq = rq};

    return found(rq, l, &copy, store_revision(s, id, lookup_keep, &copy, &rq->e));
}

int lookup_draft(struct store *s, struct request *rq, struct lookup *l)
{
    struct lookup_copy copy = {.rq = rq};
    int rc = store_draft(s, l->campaign, lookup_keep, &copy, &rq->e);

    if (rc == ERR_NOTFOUND) {
        rc = lookup_current(s, rq, l);
        return rc ? rc
                  : err_set(&rq->e, ERR_REFUSED, tr("no revision of '%s' waits for approval"),
                            l->campaign);
    }
    return found(rq, l, &copy, rc);
}

struct active {
    struct lookup_copy copy;
    const char *campaign;
    enum revision_status status;
};

static int keep_active(void *ctx, const struct store_revision *r)
{
    struct active *a = ctx;

    if (r->status != a->status || strcmp(r->campaign, a->campaign) != 0)
        return 0;
    if (a->copy.revision && a->copy.revision->id > r->id)
        return 0;
    return lookup_keep(&a->copy, r);
}

int lookup_active(struct store *s, struct request *rq, struct lookup *l, bool paused)
{
    struct active a = {.copy = {.rq = rq},
                       .campaign = l->campaign,
                       .status = paused ? REVISION_PAUSED : REVISION_APPROVED};
    int rc = store_active(s, keep_active, &a, &rq->e);

    if (rc)
        return rc;
    if (!a.copy.revision)
        return lookup_current(s, rq, l);
    l->revision = a.copy.revision;
    return 0;
}

bool lookup_delivery_id(struct request *rq, int64_t *id)
{
    size_t digits = strspn(rq->argument, "0123456789");

    if (digits == 0 || digits > 18 || rq->argument[digits]) {
        request_fail_with(rq, ERR_NOTFOUND, tr("there is no delivery '%.32s'"), rq->argument);
        return false;
    }
    *id = strtoll(rq->argument, NULL, 10);
    return true;
}

struct delivery_keep {
    struct request *rq;
    struct store_delivery *delivery;
};

static int keep_delivery(void *ctx, const struct store_delivery *d)
{
    struct delivery_keep *k = ctx;

    k->delivery = delivery_copy(k->rq->arena, d);
    return 0;
}

int lookup_delivery(struct store *s, struct request *rq, struct lookup *l, int64_t id,
                    struct store_delivery **out)
{
    struct delivery_keep k = {.rq = rq};
    int rc = store_delivery(s, id, keep_delivery, &k, &rq->e);

    if (rc == ERR_NOTFOUND || (rc == 0 && !k.delivery))
        return err_set(&rq->e, ERR_NOTFOUND, tr("there is no delivery '%s'"), rq->argument);
    if (rc)
        return rc;
    *out = k.delivery;
    l->campaign = k.delivery->campaign;
    return lookup_id(s, rq, l, k.delivery->revision);
}

void reply_campaign(struct request *rq, const struct store_revision *r)
{
    struct frame f = frame_of(r->manifest, request_zones(rq));

    object_campaign_open(&rq->answer.body.text, r, &f, rq->now);
    emit_key(&rq->answer.body.text, "plan");
    emit_raw(&rq->answer.body.text, r->plan ? r->plan : "null");
    strbuf_putc(&rq->answer.body.text, '}');
    request_reply(rq, 200);
}
