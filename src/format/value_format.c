// SPDX-License-Identifier: MIT
// Which form a message's value has goes by the names that make the form, never by a field of the
// order inside: who has said the wrong one is told which is right, not which field is missing.
#include "format/value_format.h"

#include "base/must.h"

static const char *const names[VALUE_FORMATS] = {"json", "connect", "debezium", "confluent-json"};
static const char *const described[VALUE_FORMATS] = {
    "plain JSON",
    "a Kafka Connect envelope (schema/payload)",
    "a Debezium change event (before/after/op)",
    "Confluent's wire format",
};

const char *value_format_name(enum value_format f) {
    return names[f];
}

bool value_format_of(struct text name, enum value_format *out) {
    for (int i = 0; i < VALUE_FORMATS; i++) {
        if (text_equal(name, text_of(names[i]))) {
            *out = (enum value_format)i;
            return true;
        }
    }
    return false;
}

bool value_has_schema_id(struct text value) {
    return value.len > SCHEMA_ID_BYTES && value.at[0] == '\0';
}

static bool is_change(yyjson_val *v) {
    return yyjson_is_str(yyjson_obj_get(v, "op")) &&
           (yyjson_obj_get(v, "after") != NULL || yyjson_obj_get(v, "before") != NULL);
}

enum value_format value_form_found(struct text value, yyjson_val *root) {
    if (value_has_schema_id(value)) {
        return VALUE_CONFLUENT_JSON;
    }
    if (!yyjson_is_obj(root) || yyjson_obj_get(root, "order_id") != NULL) {
        return VALUE_JSON;
    }
    yyjson_val *payload = yyjson_obj_get(root, "payload");
    if (payload != NULL && yyjson_obj_get(root, "schema") != NULL) {
        return is_change(payload) ? VALUE_DEBEZIUM : VALUE_CONNECT;
    }
    return is_change(root) ? VALUE_DEBEZIUM : VALUE_JSON;
}

static unsigned schema_id(struct text value) {
    const unsigned char *id = (const unsigned char *)value.at + 1;
    return (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3];
}

static bool refuse_schema_id(struct rejection *why, struct text value) {
    char first = value.at[SCHEMA_ID_BYTES];
    if (first == '{' || first == ' ' || first == '\n') {
        return reject(why, "", REJECT_FORM,
                      "this is Confluent's wire format (a zero byte and schema id %u, then JSON): "
                      "--value-format confluent-json",
                      schema_id(value));
    }
    return reject(why, "", REJECT_FORM,
                  "this is Confluent's wire format (a zero byte and schema id %u) without JSON "
                  "behind it, as Avro and Protobuf are: let the producer write JSON Schema, and "
                  "--value-format confluent-json",
                  schema_id(value));
}

bool value_form_refuse(struct rejection *why, struct text value, enum value_format found,
                       enum value_format said) {
    if (found == VALUE_CONFLUENT_JSON && value_has_schema_id(value)) {
        return refuse_schema_id(why, value);
    }
    if (found == VALUE_JSON && said == VALUE_CONFLUENT_JSON) {
        return reject(why, "", REJECT_FORM,
                      "this is plain JSON without Confluent's schema id (no zero byte before it, "
                      "no header __value_schema_id): --value-format json");
    }
    if (found == VALUE_JSON) {
        return reject(why, "", REJECT_FORM, "this is plain JSON, not %s: --value-format json",
                      described[said]);
    }
    return reject(why, "", REJECT_FORM, "this is %s: --value-format %s", described[found],
                  names[found]);
}
