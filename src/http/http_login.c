// SPDX-License-Identifier: MIT
// POST /login and POST /logout: people's way in, by the form of the page.
//
// 1. The body has the key, as JSON or as a form. A read key is answered with a cookie
//    (http/session.h) that no script sees and no other site's page can send.
// 2. Calls for reading take the cookie in place of a key (http_key.c).
// 3. Signing out takes the cookie back and ends the streams that it has open.
//
// The cookie's path is where the page is, as browsers say by themselves: behind a proxy only they
// know. It is for https alone when the form came by https.
//
// How it fails: no key in the body (400), none that is known (401), one that only sends orders
// (403), too many wrong ones from an address (429), another site's page (403, http_guard.c).
#include "http/http_internal.h"

#include "base/log.h"
#include "format/json_member.h"
#include "http/http_header.h"
#include "http/login_limit.h"
#include "http/session.h"
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#define FORM "application/x-www-form-urlencoded"

static struct text header_of(const struct request *r, const char *name) {
    return text_of(MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name));
}

// By the site that the form is of; a program that names none is believed to come by the proxy.
static bool came_by_https(const struct request *r) {
    const struct public_urls *urls = &r->server->options.public_urls;
    struct text origin = header_of(r, "Origin");
    if (origin.at != NULL) {
        return origin.len > 8 && strncasecmp(origin.at, "https://", 8) == 0;
    }
    return urls->n > 0 && strcmp(urls->at[0].scheme, "https") == 0;
}

// A form leads on to the page, which is beside it; programs are told that it is done.
static void reply_with_cookie(struct request *r, const char *value, int lasts_s) {
    char cookie[SESSION_TEXT_LEN + 128];
    bool by_form = header_is_type(header_of(r, "Content-Type"), FORM);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    snprintf(cookie, sizeof cookie, SESSION_COOKIE "=%s; Max-Age=%d; HttpOnly; SameSite=Strict%s",
             value, lasts_s, came_by_https(r) ? "; Secure" : "");
    if (response != NULL &&
        (MHD_add_response_header(response, "Set-Cookie", cookie) != MHD_YES ||
         MHD_add_response_header(response, "Cache-Control", "no-store") != MHD_YES ||
         (by_form && MHD_add_response_header(response, "Location", "./") != MHD_YES))) {
        MHD_destroy_response(response);
        response = NULL;
    }
    http_reply_response(r, by_form ? 303 : 204, response);
}

static bool read_key(struct request *r, char *out, size_t cap, size_t *len) {
    struct text body = body_text(&r->body);
    return header_is_type(header_of(r, "Content-Type"), FORM)
               ? header_form_field(body, "key", out, cap, len)
               : json_member_text(body, "key", out, cap, len);
}

static struct login_address address_of(const struct request *r) {
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    if (getpeername(r->connection->fd, (struct sockaddr *)&peer, &len) != 0) {
        peer.ss_family = AF_UNSPEC;
    }
    return login_address_of(&peer);
}

static void sign_in(struct request *r, const struct api_key *key) {
    char value[SESSION_TEXT_LEN + 1];
    if (!session_make(key, clock_now_ms(r->server->options.clock), value)) {
        http_reply_problem(r, PROBLEM_NOT_READY, "OpenSSL has no random numbers just now");
        return;
    }
    log_info("http", "somebody has signed in with key %s", key->id);
    reply_with_cookie(r, value, SESSION_LASTS_S);
}

void http_login(struct request *r) {
    struct http_server *s = r->server;
    char bytes[256];
    struct text key = {bytes, 0};
    struct login_address from = address_of(r);
    if (!s->keys_needed) {
        http_reply_problem(r, PROBLEM_NO_SUCH_PATH, "no key is needed here");
        return;
    }
    if (!read_key(r, bytes, sizeof bytes, &key.len)) {
        http_reply_problem(r, PROBLEM_BODY_UNREADABLE,
                           "send {\"key\": \"KEY\"}, or a form with the field key");
        return;
    }
    key = text_trim(key); // as it was copied
    if (!login_limit_allows(s->login_limit, from, s->now_ms)) {
        http_reply_problem(r, PROBLEM_TOO_MANY_TRIES,
                           "too many wrong keys came from your address: wait a few seconds");
        return;
    }
    const struct api_key *found = http_keys_find(s, key, KEY_READ);
    if (found != NULL) {
        sign_in(r, found);
        return;
    }
    login_limit_failed(s->login_limit, from, s->now_ms);
    bool sends_orders = http_keys_find(s, key, KEY_INGEST) != NULL;
    http_reply_problem(r, sends_orders ? PROBLEM_KEY_SCOPE : PROBLEM_KEY_NEEDED,
                       sends_orders ? "this key sends orders: signing in needs one of scope read"
                                    : "this key is not known here");
}

void http_logout(struct request *r) {
    struct http_server *s = r->server;
    struct session session;
    bool sent;
    if (s->keys_needed && session_read(s->keys, header_of(r, "Cookie"),
                                       clock_now_ms(s->options.clock), &session, &sent)) {
        http_viewers_end_session(s, session.nonce);
    }
    reply_with_cookie(r, "", 0);
}
