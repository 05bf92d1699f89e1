/* What only a person may say of one delivery: how an unknown one went, and that one which did not
 * go shall be tried again. */
#include "store/store_internal.h"

#include "base/lang.h"

struct verdict_of_person {
    const char *event;
    enum delivery_state from, to;
    enum reason reason;
    bool sent; /* of an outcome */
};

static int settle(struct store *s, int64_t delivery, const struct verdict_of_person *v,
                  const struct store_decision *d, struct err *e);

int store_outcome(struct store *s, int64_t delivery, bool sent, const struct store_decision *d,
                  struct err *e)
{
    struct verdict_of_person v = {"outcome", DELIVERY_UNKNOWN,
                                  sent ? DELIVERY_SENT : DELIVERY_FAILED,
                                  sent ? REASON_NONE : REASON_NOT_SENT, sent};

    return settle(s, delivery, &v, d, e);
}

int store_resend(struct store *s, int64_t delivery, const struct store_decision *d, struct err *e)
{
    struct verdict_of_person v = {"resend", DELIVERY_FAILED, DELIVERY_PENDING, REASON_NONE, false};

    return settle(s, delivery, &v, d, e);
}

static int may_settle(const struct standing *now, const struct revision_head *r,
                      const struct verdict_of_person *v, struct err *e)
{
    long long id = now->last.delivery;

    if (now->last.state != v->from || !delivery_person_may(v->from, v->to))
        return err_set(e, ERR_REFUSED,
                       v->to == DELIVERY_PENDING
                           ? tr("delivery %lld is %s: only a failed one can be sent again")
                           : tr("delivery %lld is %s: only an unknown one can be settled"),
                       id, tr(delivery_state_name(now->last.state)));
    if (v->to != DELIVERY_PENDING)
        return 0;
    if (r->status != REVISION_APPROVED && r->status != REVISION_PAUSED)
        return err_set(e, ERR_REFUSED, tr("%s is %s: delivery %lld cannot be sent again"),
                       r->campaign, revision_status_text(r->status), id);
    if (r->closed_state != DELIVERY_PENDING)
        return err_set(e, ERR_REFUSED, tr("%s has ended: delivery %lld cannot be sent again"),
                       r->campaign, id);
    return 0;
}

static int may_write_to(struct store *s, int64_t delivery, struct err *e)
{
    bool suppressed;
    int rc = suppress_judge(s, delivery, &suppressed, e);

    if (!rc && suppressed)
        rc = err_set(e, ERR_REFUSED,
                     tr("the recipient of delivery %lld is on the do-not-send list: it cannot be "
                        "sent again"),
                     (long long)delivery);
    return rc;
}

static int settle_record(struct store *s, const struct revision_head *r, int64_t delivery,
                         const struct verdict_of_person *v, const struct store_decision *d,
                         struct change *change, struct err *e)
{
    json_t *detail = json_object();
    int rc = detail_text(detail, "note", d->note, e);

    if (rc) {
        json_decref(detail);
        return rc;
    }
    detail_int(detail, "delivery", delivery);
    if (v->to != DELIVERY_PENDING)
        json_object_set_new(detail, "outcome", json_string(v->sent ? "sent" : "not-sent"));
    return decision_record(s, r, v->event, d->by, d->at, change, detail, e);
}

static int settle_in_txn(struct store *s, int64_t delivery, const struct verdict_of_person *v,
                         const struct store_decision *d, struct err *e)
{
    struct standing now;
    struct revision_head r = {0};
    struct change change = {0};
    int rc = standing_get(s, delivery, &now, e);

    if (!rc)
        rc = revision_get(s, now.revision, &r, e);
    if (!rc)
        rc = may_settle(&now, &r, v, e);
    if (!rc && v->to == DELIVERY_PENDING)
        rc = may_write_to(s, delivery, e);
    if (!rc) {
        struct life row = {.delivery = delivery,
                           .at = d->at,
                           .state = v->to,
                           .reason = v->reason,
                           .due_at = INSTANT_MIN,
                           .claimed_at = INSTANT_MIN,
                           .by = d->by};
        rc = change_add(s, &change, now.revision, v->from, &row, e);
    }
    if (!rc && v->to == DELIVERY_PENDING)
        rc = progress_lower(s, delivery, e);
    if (!rc)
        rc = settle_record(s, &r, delivery, v, d, &change, e);
    change_dispose(&change);
    revision_dispose(&r);
    return rc;
}

static int settle(struct store *s, int64_t delivery, const struct verdict_of_person *v,
                  const struct store_decision *d, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, settle_in_txn(s, delivery, v, d, e), e);
}
