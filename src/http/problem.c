// SPDX-License-Identifier: MIT
// The table of problems and how one is written as JSON.
#include "http/problem.h"

#include <assert.h>
#include <string.h>

static const struct problem_kind kinds[PROBLEM_COUNT] = {
    [PROBLEM_NONE] = {"about:blank", "OK", 200},
    [PROBLEM_BAD_REQUEST] = {"/problems/bad-request", "The request cannot be understood", 400},
    [PROBLEM_BODY_UNREADABLE] = {"/problems/body-unreadable", "The body cannot be read", 400},
    [PROBLEM_BAD_PARAMETER] = {"/problems/bad-parameter", "A query parameter is wrong", 400},
    [PROBLEM_TOO_MANY_ROWS] = {"/problems/too-many-rows", "The answer would be too long", 400},
    [PROBLEM_KEY_NEEDED] = {"/problems/key-needed", "An API key is needed", 401},
    [PROBLEM_WRONG_SIGNATURE] = {"/problems/wrong-signature", "The signature is wrong", 401},
    [PROBLEM_KEY_SCOPE] = {"/problems/key-scope", "This API key is not for this call", 403},
    [PROBLEM_FOREIGN_PAGE] = {"/problems/foreign-page", "Refused: asked from another site", 403},
    [PROBLEM_NO_SUCH_PATH] = {"/problems/no-such-path", "There is nothing here", 404},
    [PROBLEM_NO_SUCH_ORDER] = {"/problems/no-such-order", "No such order", 404},
    [PROBLEM_NO_SUCH_EVENT] = {"/problems/no-such-event", "No such rejected event", 404},
    [PROBLEM_METHOD] = {"/problems/method-not-allowed", "Method not allowed", 405},
    [PROBLEM_BODY_TIMEOUT] = {"/problems/body-timeout", "The body came too slowly", 408},
    [PROBLEM_RETRY_UNDER_WAY] = {"/problems/retry-under-way", "Somebody else is sending it again",
                                 409},
    [PROBLEM_RULES_CHANGED] = {"/problems/rules-changed", "The rules were changed meanwhile", 412},
    [PROBLEM_BODY_TOO_LARGE] = {"/problems/body-too-large", "The body is too large", 413},
    [PROBLEM_TOO_MANY_EVENTS] = {"/problems/too-many-events", "Too many events in one request",
                                 413},
    [PROBLEM_TOO_MANY_TRIES] = {"/problems/too-many-tries", "Too many tries to sign in", 429},
    [PROBLEM_TARGET_TOO_LONG] = {"/problems/target-too-long", "The request line is too long", 414},
    [PROBLEM_CONTENT_TYPE] = {"/problems/content-type", "Content-Type not supported", 415},
    [PROBLEM_CONTENT_ENCODING] = {"/problems/content-encoding", "Content-Encoding not supported",
                                  415},
    [PROBLEM_NOTHING_ACCEPTED] = {"/problems/nothing-accepted", "Every event was rejected", 422},
    [PROBLEM_RULES_WRONG] = {"/problems/rules-wrong", "A rule of alerts is wrong", 422},
    [PROBLEM_HEAD_TOO_LARGE] = {"/problems/head-too-large", "The head is too large", 431},
    [PROBLEM_HTTP_VERSION] = {"/problems/http-version", "HTTP version not supported", 505},
    [PROBLEM_INTERNAL] = {"/problems/internal", "Something went wrong here", 500},
    [PROBLEM_QUEUE_FULL] = {"/problems/queue-full", "Too busy: try again", 503},
    [PROBLEM_MEMORY_FULL] = {"/problems/memory-full", "Too busy: try again", 503},
    [PROBLEM_STORE_UNAVAILABLE] = {"/problems/store-unavailable",
                                   "Orders cannot be stored just now", 503},
    [PROBLEM_STOPPING] = {"/problems/stopping", "The server is stopping", 503},
    [PROBLEM_TOO_MANY_VIEWERS] = {"/problems/too-many-viewers", "Too many live viewers", 503},
    [PROBLEM_QUERY_FAILED] = {"/problems/query-failed", "The question could not be answered", 503},
    [PROBLEM_NOT_READY] = {"/problems/not-ready", "Not ready", 503},
    [PROBLEM_RULES_UNAVAILABLE] = {"/problems/rules-unavailable",
                                   "The rules of alerts cannot be read or written", 503},
};

const struct problem_kind *problem_kind(enum problem p) {
    assert((int)p >= 0 && p < PROBLEM_COUNT && kinds[p].type != NULL);
    return &kinds[p];
}

void problem_open(struct buf *out, enum problem p, const char *detail) {
    const struct problem_kind *kind = problem_kind(p);
    buf_printf(out, "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%u", kind->type, kind->title,
               kind->status);
    if (detail != NULL && detail[0] != '\0') {
        buf_put_str(out, ",\"detail\":");
        buf_put_json(out, text_of(detail));
    }
}

void problem_put(struct buf *out, enum problem p, const char *detail) {
    problem_open(out, p, detail);
    buf_put_char(out, '}');
}

static void cut_out(char *from, const char *to) {
    memmove(from, to, strlen(to) + 1);
}

static bool ends_word(char c) {
    return c == '\0' || strchr(" \t\n\"'`(),;<>[]{}=", c) != NULL;
}

void problem_hide_paths(char *detail, const char *directory) {
    size_t directory_len = directory != NULL ? strlen(directory) : 0;
    char *found = directory_len > 0 ? strstr(detail, directory) : NULL;
    while (found != NULL) {
        bool whole = (found == detail || ends_word(found[-1])) && found[directory_len] == '/';
        if (whole) {
            cut_out(found, found + directory_len + 1);
        }
        found = strstr(found + (whole ? 0 : 1), directory);
    }
    for (char *word = detail; *word != '\0';) {
        char *end = word, *last_slash = NULL;
        bool is_address = false;
        for (; !ends_word(*end); end++) {
            is_address |= end > word && strncmp(end, "://", 3) == 0 && end[3] != '/';
            bool inner = !ends_word(end[1]) && end[1] != ':' && end[1] != '/';
            last_slash = *end == '/' && inner ? end : last_slash;
        }
        bool is_path = *word == '/' || *word == '.' || strncmp(word, "file:", 5) == 0;
        if (last_slash != NULL && is_path && !is_address) {
            size_t left = (size_t)(end - last_slash) - 1;
            cut_out(word, last_slash + 1);
            end = word + left;
        }
        word = *end == '\0' ? end : end + 1;
    }
}
