// SPDX-License-Identifier: MIT
// One GET, by libcurl's easy interface, on the caller's thread.
//
// How it fails: nobody answers in time, or the answer is not 200. A server that is not ready says
// why in `detail` of a problem (RFC 9457); it is handed on.
#include "tool/ready.h"

#include "base/buf.h"
#include <curl/curl.h>
#include <yyjson.h>

enum {
    ANSWER_MAX_BYTES = 64 * 1024,
    READY_TIMEOUT_MS = 4000, // less than containers give a health check
};

static size_t take_answer(char *at, size_t one, size_t n, void *user) {
    struct buf *answer = user;
    if (answer->len + one * n > ANSWER_MAX_BYTES) {
        return 0; // curl ends the transfer
    }
    buf_put(answer, at, one * n);
    return answer->failed ? 0 : one * n;
}

static bool set_up(CURL *easy, const char *url, struct buf *answer) {
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && // it is on this machine
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "salestide") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)READY_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer) == CURLE_OK;
}

static bool not_ready(const char *url, long status, const struct buf *answer, struct error *err) {
    yyjson_doc *doc = answer->len > 0 ? yyjson_read(answer->at, answer->len, 0) : NULL;
    yyjson_val *detail = yyjson_obj_get(yyjson_doc_get_root(doc), "detail"); // NULL of NULL
    const char *why = yyjson_get_str(detail);
    error_set(err, ERROR_RETRIABLE, "%.200s answers %ld: %.300s", url, status,
              why != NULL ? why : "is it a Salestide server?");
    yyjson_doc_free(doc);
    return false;
}

bool ready_ask(const char *url, struct error *err) {
    struct buf answer = {0};
    CURL *easy =
        curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL; // once a run
    if (easy == NULL || !set_up(easy, url, &answer)) {
        curl_easy_cleanup(easy); // NULL is fine
        return error_set(err, ERROR_FATAL, "libcurl cannot be set up");
    }
    CURLcode code = curl_easy_perform(easy);
    long status = 0;
    bool ok = code == CURLE_OK &&
              curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
    if (!ok && code == CURLE_OK) {
        ok = not_ready(url, status, &answer, err);
    } else if (!ok) {
        error_set(err, ERROR_RETRIABLE, "%.200s: %.300s", url, curl_easy_strerror(code));
    }
    curl_easy_cleanup(easy);
    curl_global_cleanup();
    buf_free(&answer);
    return ok;
}
