// SPDX-License-Identifier: MIT
// Answers as lines of JSON. How it fails: the buffer's own flag, when memory is refused.
#include "sums/currency.h"
#include "tool/tally/tally_protocol.h"

void tally_put_ready(struct buf *out, const struct tally_ready *ready) {
    const struct store_settings *s = ready->settings;
    buf_put_str(out, "{\"ready\":true,\"version\":\"" SALESTIDE_VERSION "\",\"currency\":");
    buf_put_json(out, text_of(s->currency));
    buf_put_str(out, ",\"timezone\":");
    buf_put_json(out, text_of(s->timezone));
    buf_printf(out, ",\"late_limit_ms\":%lld,\"raw\":%s}\n", (long long)s->late_limit_ms,
               ready->raw ? "true" : "false");
}

void tally_put_claims_begin(struct buf *out) {
    buf_put_str(out, "{\"claims\":[");
}

void tally_put_claim(struct buf *out, int32_t partition, const struct position_claim *claim,
                     struct id_window_start history) {
    if (out->len > 0 && out->at[out->len - 1] == '}') {
        buf_put_char(out, ',');
    }
    buf_printf(out,
               "{\"partition\":%d,\"next_offset\":%lld,\"epoch_us\":%lld,\"lane\":%d,"
               "\"window_offset\":%lld,\"window_ms\":%lld,\"refused\":[",
               partition, (long long)claim->next_offset, (long long)claim->epoch_us, claim->lane,
               (long long)history.offset, (long long)history.time_ms);
    for (size_t i = 0; i < claim->n_refused; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        buf_put_i64(out, claim->refused[i]);
    }
    buf_put_str(out, "],\"other_id\":");
    buf_put_json(out, text_of(claim->other_id));
    buf_put_char(out, '}');
}

void tally_put_claims_end(struct buf *out) {
    buf_put_str(out, "]}\n");
}

void tally_put_state(struct buf *out, const struct aggregates_state *state, int64_t now_ms) {
    buf_printf(out,
               "{\"minute_floor\":%d,\"hour_floor\":%d,\"now_ms\":%lld,\"last_batch_id\":%lld,"
               "\"gross\":{",
               state->minute_floor, state->hour_floor, (long long)now_ms,
               (long long)state->last_batch_id);
    const char *comma = "";
    for (int32_t i = 0; i < N_CURRENCIES; i++) {
        if (state->gross_e4[i] != 0) {
            char name[4];
            currency_name(i, name);
            buf_printf(out, "%s\"%s\":\"%lld\"", comma, name, (long long)state->gross_e4[i]);
            comma = ",";
        }
    }
    buf_put_str(out, "}}\n");
}

void tally_put_committed(struct buf *out, int64_t batch_id) {
    buf_printf(out, "{\"result\":\"ok\",\"batch_id\":%lld}\n", (long long)batch_id);
}

static void put_message(struct buf *out, const char *result, const char *message) {
    buf_printf(out, "{\"result\":\"%s\",\"message\":", result);
    buf_put_json(out, text_of(message));
    buf_put_str(out, "}\n");
}

void tally_put_failed(struct buf *out, const char *message) {
    put_message(out, "failed", message);
}

void tally_put_fenced(struct buf *out, const char *message) {
    put_message(out, "fenced", message);
}
