// SPDX-License-Identifier: MIT
// shop_clock in MySQL: instants are DATETIME in UTC. Rows of a year replace those that are there,
// so that setup brings other rules of the zone in.
#include "store/mysql/mysql_shop_clock.h"

#include "engine/zone_file.h"
#include "store/mysql/mysql_sql.h"
#include "store/shop_clock.h"

const char mysql_shop_clock_table[] =
    "CREATE TABLE IF NOT EXISTS `shop_clock` (\n  `utc_year` int NOT NULL,\n"
    "  `offset_s` int NOT NULL,\n  `change_1` datetime,\n  `offset_1_s` int,\n"
    "  `change_2` datetime,\n  `offset_2_s` int,\n  `change_3` datetime,\n  `offset_3_s` int,\n"
    "  `change_4` datetime,\n  `offset_4_s` int,\n  PRIMARY KEY (`utc_year`)\n) "
    "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

static void put_year(struct buf *out, const struct shop_clock_year *year) {
    buf_printf(out, "(%d, %d", year->year, (int)year->offset_s);
    for (int k = 0; k < SHOP_CLOCK_CHANGES; k++) {
        if (k < year->n_changes) {
            buf_put_str(out, ", ");
            sql_put_instant(out, year->changes[k].at_s * 1000);
            buf_printf(out, ", %d", (int)year->changes[k].offset_s);
        } else {
            buf_put_str(out, ", NULL, NULL");
        }
    }
    buf_put_char(out, ')');
}

bool mysql_shop_clock_rows(const char *timezone, struct buf *out, struct error *err) {
    struct zone *z;
    if (!zone_open(timezone, &z, err)) {
        return false;
    }
    const char *separator = "REPLACE INTO `shop_clock` VALUES\n";
    for (int y = SHOP_CLOCK_FIRST_YEAR; y <= SHOP_CLOCK_LAST_YEAR; y++) {
        struct shop_clock_year year;
        if (shop_clock_year_of(z, y, &year)) {
            buf_put_str(out, separator);
            put_year(out, &year);
            separator = ",\n";
        }
    }
    zone_free(z);
    return true;
}
