/* The JSON Schema and the table of keys name the same keys, everywhere; what the table knows as a
 * mapping is one in the schema. */
#include "check.h"

#include "conf/keys.h"
#include "support.h"

#include <jansson.h>

static const json_t *object_of(const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");

    return json_object_get(items ? items : schema, "properties");
}

static void same_keys(const struct key *keys, const json_t *properties, const char *where)
{
    json_t *copy = json_copy((json_t *)properties);

    for (const struct key *k = keys; k->name; k++) {
        const json_t *schema = json_object_get(properties, k->name);

        if (k->state == KEY_STORED) {
            if (schema)
                fail_msg("%s: '%s' is of manifests only", where, k->name);
            continue;
        }
        if (!schema)
            fail_msg("%s: '%s' is not in the schema", where, k->name);
        if ((k->inside != NULL) != (object_of(schema) != NULL))
            fail_msg("%s: '%s' is a mapping in one and not in the other", where, k->name);
        if (k->inside)
            same_keys(k->inside, object_of(schema), k->name);
        json_object_del(copy, k->name);
    }
    if (json_object_size(copy) > 0)
        fail_msg("%s: '%s' is not in the table", where,
                 json_object_iter_key(json_object_iter(copy)));
    json_decref(copy);
}

static void schema_and_table_agree(void **state)
{
    json_error_t e;
    json_t *schema = json_load_file(SOURCE_DIR "/config/schema/campaign.schema.json",
                                    JSON_REJECT_DUPLICATES, &e);

    (void)state;
    if (!schema)
        fail_msg("line %d: %s", e.line, e.text);
    same_keys(campaign_keys, object_of(schema), "campaign");
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schema_and_table_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
