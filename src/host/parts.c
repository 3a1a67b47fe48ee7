// SPDX-License-Identifier: MIT
// From addresses to stores. What is refused is one line that shows what there is.
#include "host/parts.h"

#include "base/clock.h"
#include "base/url.h"
#include "host/addresses.h"
#include "host/shop_settings.h"
#include "store/mysql/mysql_aggregates.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/sqlite_aggregates.h"
#include "store/sqlite/sqlite_raw.h"
#include <string.h>

static bool is(const char *value, const char *name) {
    return value != NULL && strcmp(value, name) == 0;
}

bool parts_embedded(const struct options *o) {
    return is(option_text(o, "raw"), "sqlite") && is(option_text(o, "aggregates"), "sqlite");
}

bool parts_check(const struct options *o, struct error *err) {
    const char *raw = option_text(o, "raw"), *aggregates = option_text(o, "aggregates");
    if (aggregates == NULL) {
        return error_set(err, ERROR_USAGE,
                         "say where aggregates go: --aggregates mysql://USER@HOST/DATABASE, or "
                         "--aggregates sqlite for the file in --data");
    }
    if (raw == NULL) {
        return error_set(err, ERROR_USAGE,
                         "say where raw orders go: --raw cassandra://HOST/KEYSPACE, --raw sqlite "
                         "for the file in --data, or --raw none when nobody needs them");
    }
    if (!is(aggregates, "sqlite") && !url_has_scheme(aggregates, "mysql")) {
        return error_set(err, ERROR_USAGE,
                         "--aggregates %.200s: there are mysql://USER@HOST/DATABASE and sqlite",
                         aggregates);
    }
    return is(raw, "none") || is(raw, "sqlite") || url_has_scheme(raw, "cassandra") ||
           error_set(err, ERROR_USAGE,
                     "--raw %.200s: there are cassandra://HOST/KEYSPACE, sqlite and none", raw);
}

static bool sqlite_options_read(const struct options *o, struct sqlite_options *out,
                                struct error *err) {
    *out = (struct sqlite_options){.directory = option_text(o, "data"), .clock = clock_system()};
    return settings_of_options(o, &out->settings, err);
}

bool parts_open_embedded(const struct options *o, struct store_settings *settings,
                         struct store **out, struct error *err) {
    struct sqlite_options options;
    if (!sqlite_options_read(o, &options, err)) {
        return false;
    }
    options.follows_log = true;
    return sqlite_store_open(&options, out, settings, err);
}

bool parts_open_aggregates(const struct options *o, struct store_wait *wait,
                           struct store_settings *settings, struct aggregates **out,
                           struct error *err) {
    if (is(option_text(o, "aggregates"), "sqlite")) {
        struct sqlite_options sqlite;
        return sqlite_options_read(o, &sqlite, err) &&
               sqlite_aggregates_open(&sqlite, out, settings, err);
    }
    struct mysql_aggregates_options options = {.clock = clock_system(), .wait = wait};
    bool ok = settings_of_options(o, &options.settings, err) &&
              mysql_address_of_options(o, option_text(o, "aggregates"), &options.address, err) &&
              mysql_aggregates_open(&options, out, settings, err);
    explicit_bzero(options.address.password, sizeof options.address.password);
    return ok;
}

bool parts_open_raw(const struct options *o, const atomic_bool *stop, struct raw_store **out,
                    struct error *err) {
    if (is(option_text(o, "raw"), "none")) {
        *out = NULL;
        return true;
    }
    if (is(option_text(o, "raw"), "sqlite")) {
        return sqlite_raw_open(option_text(o, "data"), NULL, out, err);
    }
    struct cassandra_address address;
    bool ok = cassandra_address_of_options(o, option_text(o, "raw"), &address, err) &&
              cassandra_raw_open(&address, stop, out, err);
    explicit_bzero(address.password, sizeof address.password);
    return ok;
}
