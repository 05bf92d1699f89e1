/* The JSON Schema and the table of keys name the same keys, everywhere; what the table knows as a
 * mapping is one in the schema, each has a type, and what is not built yet says so. */
#include "check.h"

#include "conf/keys.h"
#include "support.h"

#include <jansson.h>
#include <string.h>

static const json_t *object_of(const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");

    return json_object_get(items ? items : schema, "properties");
}

static bool has_type(const json_t *schema)
{
    static const char *const types[] = {"type", "enum", "const", "$ref", "oneOf", "anyOf"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (json_object_get(schema, types[i]))
            return true;
    }
    return false;
}

static bool is_later(const json_t *schema)
{
    const char *text = json_string_value(json_object_get(schema, "description"));

    return text && strcasestr(text, "not built yet");
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
        if (!has_type(schema))
            fail_msg("%s: '%s' has no type in the schema", where, k->name);
        if ((k->state == KEY_LATER) != is_later(schema))
            fail_msg("%s: '%s' is built in one and not in the other", where, k->name);
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
