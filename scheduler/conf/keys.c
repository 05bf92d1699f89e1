#include "conf/keys.h"

#include "base/lang.h"
#include "base/text.h"

#include <string.h>

enum { KEYS_MAX = 32 }; /* in one table */

/* --- the campaign file --- */

static const struct key groups_keys[] = {{.name = "name"}, {.name = "owners"}, {0}};
static const struct key where_keys[] = {
    {.name = "tags_any"},      {.name = "tags_all"},     {.name = "tags_none"},
    {.name = "not_contacted"}, {.name = "added_within"}, {.name = "not_added_within"},
    {.name = "added_ways"},    {.name = "added_states"}, {0}};
static const struct key audience_keys[] = {{.name = "file"},
                                           {.name = "recipients"},
                                           {.name = "contacts"},
                                           {.name = "groups", .inside = groups_keys},
                                           {.name = "senders"},
                                           {.name = "of_several"},
                                           {.name = "where", .inside = where_keys},
                                           {.name = "expect"},
                                           {.name = "tolerance"},
                                           {.name = "digest", .state = KEY_STORED},
                                           {.name = "not_contacted", .state = KEY_STORED},
                                           {.name = "rows", .state = KEY_STORED},
                                           {0}};
static const struct key link_keys[] = {{.name = "title"},       {.name = "url"},
                                       {.name = "description"}, {.name = "picture"},
                                       {.name = "trace"},       {0}};
static const struct key miniprogram_keys[] = {
    {.name = "appid"}, {.name = "title"}, {.name = "page"}, {.name = "picture"}, {0}};
static const struct key attachment_keys[] = {{.name = "image"},
                                             {.name = "link", .inside = link_keys},
                                             {.name = "miniprogram", .inside = miniprogram_keys},
                                             {.name = "video"},
                                             {.name = "file"},
                                             {.name = "digest", .state = KEY_STORED},
                                             {0}};
static const struct key message_keys[] = {
    {.name = "text"}, {.name = "format"}, {.name = "attachments", .inside = attachment_keys}, {0}};
static const struct key window_keys[] = {
    {.name = "days"}, {.name = "dates"}, {.name = "hours"}, {0}};
static const struct key also_keys[] = {
    {.name = "calendar"}, {.name = "quiet_hours"}, {.name = "windows", .inside = window_keys}, {0}};
static const struct key schedule_keys[] = {{.name = "start"},
                                           {.name = "end"},
                                           {.name = "timezone"},
                                           {.name = "fallback_timezone"},
                                           {.name = "calendar"},
                                           {.name = "windows", .inside = window_keys},
                                           {"also", KEY_STORED, also_keys, KEYS_CLOSED},
                                           {.name = "quiet_hours"},
                                           {.name = "skip_dates"},
                                           {0}};
static const struct key ramp_keys[] = {{.name = "from"}, {.name = "step"}, {.name = "every"}, {0}};
static const struct key limit_keys[] = {{.name = "max"},
                                        {.name = "per"},
                                        {.name = "scope"},
                                        {.name = "count"},
                                        {.name = "on_cap"},
                                        {.name = "ramp", .inside = ramp_keys},
                                        {0}};
static const struct key says_keys[] = {{.name = "en"}, {.name = "zh"}, {0}};
static const struct key pace_keys[] = {{.name = "interval"},
                                       {.name = "distribution"},
                                       {.name = "batch"},
                                       {.name = "priority"},
                                       {.name = "limits", .inside = limit_keys},
                                       {0}};
static const struct key confirm_keys[] = {
    {.name = "within"}, {.name = "remind"}, {.name = "late"}, {.name = "taps_per_day"}, {0}};
static const struct key stop_keys[] = {{.name = "not_a_friend"}, {0}};
static const struct key approval_keys[] = {{.name = "approvers"}, {0}};
static const struct key revision_keys[] = {{.name = "again"},
                                           {.name = "mode"},
                                           {.name = "only"},
                                           {.name = "options", .shape = KEYS_OPEN},
                                           {.name = "plugin"},
                                           {.name = "test"},
                                           {.name = "warnings", .inside = says_keys},
                                           {0}};

const struct key campaign_keys[] = {{.name = "campaign"},
                                    {.name = "title"},
                                    {.name = "channel"},
                                    {.name = "senders"},
                                    {.name = "audience", .inside = audience_keys},
                                    {.name = "message", .inside = message_keys},
                                    {.name = "schedule", .inside = schedule_keys},
                                    {.name = "pace", .inside = pace_keys},
                                    {.name = "confirm", .inside = confirm_keys},
                                    {.name = "policy"},
                                    {.name = "stop_when", .inside = stop_keys},
                                    {.name = "approval", .inside = approval_keys},
                                    {"revision", KEY_STORED, revision_keys, KEYS_CLOSED},
                                    {0}};

/* --- the service file --- */

const struct key secret_keys[] = {{.name = "file"}, {.name = "env"}, {.name = "credential"}, {0}};
static const struct key callback_keys[] = {{.name = "listen"},
                                           {.name = "token", .inside = secret_keys},
                                           {.name = "aes_key", .inside = secret_keys},
                                           {0}};
static const struct key reconcile_keys[] = {{.name = "after"}, {.name = "for"}, {0}};
static const struct key account_keys[] = {{.name = "corp_id"},
                                          {.name = "agent_id"},
                                          {.name = "secret", .inside = secret_keys},
                                          {"callback", KEY_LATER, callback_keys, KEYS_CLOSED},
                                          {.name = "receive_cap"},
                                          {.name = "suppress_tags"},
                                          {.name = "api"},
                                          {.name = "standin"},
                                          {.name = "poll"},
                                          {.name = "reconcile", .inside = reconcile_keys},
                                          {0}};
static const struct key channel_keys[] = {
    {.name = "plugin"},  {.name = "mode"},    {.name = "senders"}, {.name = "api"},
    {.name = "standin"}, {.name = "account"}, {.name = "policy"},  {0}};
static const struct key user_keys[] = {
    {.name = "name"}, {.name = "roles"}, {.name = "os_user"}, {.name = "senders"}, {0}};
static const struct key allow_keys[] = {{.name = "allow_self"}, {0}};

const struct key service_keys[] = {{.name = "store"},
                                   {.name = "socket"},
                                   {.name = "listen"},
                                   {.name = "timezone"},
                                   {.name = "language"},
                                   {.name = "policy"},
                                   {"accounts", KEY_READ, account_keys, KEYS_RECORDS},
                                   {"channels", KEY_READ, channel_keys, KEYS_NAMES},
                                   {.name = "users", .inside = user_keys},
                                   {.name = "approval", .inside = allow_keys},
                                   {0}};

/* --- a policy pack --- */

static const struct key rule_keys[] = {{.name = "id"},
                                       {.name = "terms"},
                                       {.name = "wants"},
                                       {.name = "audience"},
                                       {.name = "level"},
                                       {.name = "says", .inside = says_keys},
                                       {.name = "article", .inside = says_keys},
                                       {.name = "source"},
                                       {.name = "except"},
                                       {.name = "when"},
                                       {0}};

const struct key policy_keys[] = {{.name = "policy"},
                                  {.name = "version"},
                                  {.name = "title"},
                                  {.name = "source"},
                                  {.name = "read"},
                                  {.name = "interval"},
                                  {.name = "limits", .inside = limit_keys},
                                  {.name = "calendar"},
                                  {.name = "windows", .inside = window_keys},
                                  {.name = "quiet_hours"},
                                  {.name = "consent"},
                                  {.name = "block"},
                                  {.name = "rules", .inside = rule_keys},
                                  {0}};

/* --- checking --- */

static void shape_check(const struct reader *r, const struct yaml_node *node,
                        const struct key *keys, enum key_shape shape);
static void unknown_key(const struct reader *r, const struct yaml_node *key,
                        const struct key *keys);

void keys_check(const struct reader *r, const struct yaml_node *node, const struct key *keys)
{
    shape_check(r, node, keys, KEYS_CLOSED);
}

const struct key *key_find(const struct key *keys, const char *name)
{
    for (const struct key *k = keys; k && k->name; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static void shape_check(const struct reader *r, const struct yaml_node *node,
                        const struct key *keys, enum key_shape shape)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];

        if (node->kind == YAML_LIST) {
            if (item->kind == YAML_MAP)
                shape_check(r, item, keys, shape);
            continue;
        }
        if (shape == KEYS_NAMES || shape == KEYS_RECORDS) {
            if (item->kind == YAML_MAP)
                shape_check(r, item, keys, shape == KEYS_NAMES ? KEYS_OPEN : KEYS_CLOSED);
            continue;
        }
        const struct key *k = key_find(keys, item->key->text);
        if (item->key->bad)
            continue;
        if (!k || (k->state == KEY_STORED && !r->stored)) {
            if (shape == KEYS_CLOSED)
                unknown_key(r, item->key, keys);
        } else if (k->state == KEY_LATER) {
            read_error(r, item->key, tr("'%s' is not supported yet"), k->name);
        } else if (k->inside) {
            shape_check(r, item, k->inside, k->shape);
        }
    }
}

static void unknown_key(const struct reader *r, const struct yaml_node *key, const struct key *keys)
{
    const char *words[KEYS_MAX] = {0};
    size_t count = 0;

    for (const struct key *k = keys; k && k->name && count + 1 < KEYS_MAX; k++) {
        if (k->state != KEY_STORED || r->stored)
            words[count++] = k->name;
    }
    const char *nearest = text_nearest(key->text, words);
    if (nearest)
        read_error(r, key, tr("unknown key '%s', did you mean '%s'?"), key->text, nearest);
    else
        read_error(r, key, tr("unknown key '%s'"), key->text);
}
