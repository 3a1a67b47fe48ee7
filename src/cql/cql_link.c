// SPDX-License-Identifier: MIT
// The connection of a CQL session: which contact point, when, and what is said about it.
//
// A connection that is lost is followed by one to the next contact point at once; when each was
// tried in vain, the tries wait, twice as long each time (with jitter, so that instances do not
// come in step), up to backoff_max_ms. Only a good answer sets that back: a server that accepts
// connections and answers nothing is no better than one that is down.
#include "cql/cql_session_internal.h"

#include "base/log.h"
#include <poll.h>
#include <stdio.h>

static uint64_t next_random(struct cql_session *s) { // xorshift64
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random;
}

static void name_server(struct cql_session *s) {
    const struct url_host *h = &s->contacts[s->contact];
    snprintf(s->server, sizeof s->server, strchr(h->name, ':') != NULL ? "[%s]:%u" : "%s:%u",
             h->name, h->port);
}

// On to the next contact point; returns the milliseconds until it is tried.
static int64_t plan_next_try(struct cql_session *s) {
    const struct cql_options *o = &s->options;
    s->contact = (s->contact + 1) % o->n_contacts;
    s->n_tried++;
    int64_t wait_ms = 0;
    if (s->n_tried % o->n_contacts == 0) {
        s->backoff_ms = s->backoff_ms == 0 ? o->backoff_min_ms : s->backoff_ms * 2;
        s->backoff_ms = s->backoff_ms > o->backoff_max_ms ? o->backoff_max_ms : s->backoff_ms;
        wait_ms = s->backoff_ms / 2 + (int64_t)(next_random(s) % (uint64_t)(s->backoff_ms / 2 + 1));
    }
    s->next_try_ns = cql_now_ns() + wait_ms * 1000000;
    return wait_ms;
}

bool cql_link_try(struct cql_session *s, struct error *err) {
    const struct url_host *h = &s->contacts[s->contact];
    struct cql_login login = {.user = s->user,
                              .password = s->password,
                              .tls = s->tls,
                              .body_max_bytes = s->options.answer_max_bytes};
    int64_t deadline_ns = cql_now_ns() + s->options.connect_timeout_ms * 1000000;
    name_server(s);
    struct error why;
    if (cql_connection_open(&s->connection, h->name, h->port, &login, deadline_ns, &why)) {
        s->generation++;
        log_info("store", "Cassandra %s: connected%s", s->server, s->tls != NULL ? ", TLS" : "");
        return true;
    }
    (void)error_set(err, why.cls, "Cassandra %s: no connection: %.400s", s->server, why.text);
    snprintf(s->problem, sizeof s->problem, "no connection: %.200s", why.text);
    int64_t wait_ms = plan_next_try(s);
    log_warn("store", "%s; next try (%s:%u) in %lld ms", err->text, s->contacts[s->contact].name,
             s->contacts[s->contact].port, (long long)wait_ms);
    return false;
}

void cql_link_up(struct cql_session *s, int64_t now_ns, int64_t until_ns) {
    if (s->options.stop != NULL && *s->options.stop) {
        if (cql_request_is(cql_control(s), REQUEST_QUEUED)) {
            cql_request_failed(s, cql_control(s), STORE_RETRY, "asked to stop while it is down");
        }
        cql_abandon(s, STORE_RETRY, "asked to stop while it is down");
        return;
    }
    if (now_ns < s->next_try_ns) {
        enum { LOOK_UP_NS = 50000000 }; // deadlines and the wish to stop are looked at so often
        int64_t wait_ns = s->next_try_ns < until_ns ? s->next_try_ns - now_ns : until_ns - now_ns;
        wait_ns = wait_ns > LOOK_UP_NS ? LOOK_UP_NS : wait_ns;
        (void)poll(NULL, 0, wait_ns <= 0 ? 0 : (int)((wait_ns + 999999) / 1000000));
        return;
    }
    struct error err;
    (void)!cql_link_try(s, &err);
}

void cql_link_lost(struct cql_session *s, const char *why) {
    if (!s->connection.open) {
        return;
    }
    cql_connection_close(&s->connection);
    s->down_ns = cql_now_ns();
    uint32_t n_unanswered = s->n_sent;
    cql_requeue_sent(s);
    snprintf(s->problem, sizeof s->problem, "connection lost: %.200s", why);
    int64_t wait_ms = plan_next_try(s);
    log_warn("store",
             "Cassandra %s: lost: %s; %u requests were not answered; next try (%s:%u) in %lld ms",
             s->server, why, n_unanswered, s->contacts[s->contact].name,
             s->contacts[s->contact].port, (long long)wait_ms);
}

void cql_link_good(struct cql_session *s) {
    s->n_tried = 0;
    s->backoff_ms = 0;
}
