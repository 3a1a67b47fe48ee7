// SPDX-License-Identifier: MIT
// SIGHUP: a thread of its own reads files again, however long that takes, while orders and
// questions go on. A signal that comes meanwhile is heeded when it is through, since the files may
// have changed after they were read; several are one. A stop waits for what is being read and lets
// go of what is not begun.
#include "host/site_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HALT_S = 5 };

struct site_reload {
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool wanted, stopping; // under the lock
};

static void *reload_main(void *user) {
    struct site *s = user;
    struct site_reload *r = s->reload;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        if (!r->wanted) {
            pthread_cond_wait(&r->wake, &r->lock);
            continue;
        }
        r->wanted = false;
        pthread_mutex_unlock(&r->lock);
        log_info(s->plan->command, "SIGHUP: reading files again");
        site_reload_parts(s);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

void site_reload_ask(struct site *s) {
    struct site_reload *r = s->reload;
    pthread_mutex_lock(&r->lock);
    r->wanted = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

static bool open_reload(struct site *s, struct error *err) {
    UNUSED(err);
    struct site_reload *r = s->reload = mem_zalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    return true;
}

static bool run_reload(struct site *s, struct error *err) {
    struct site_reload *r = s->reload;
    int code = pthread_create(&r->thread, NULL, reload_main, s);
    if (code != 0) {
        return error_set(err, ERROR_FATAL, "cannot start the thread for reloads: %s",
                         strerror(code));
    }
    pthread_setname_np(r->thread, "reload");
    r->runs = true;
    return true;
}

// Waits for a reload that is under way, but not for a file that never answers (a dead mount, a
// pipe): then the others are halted, which commits what is judged, and the process ends without
// closing.
static void halt_reload(struct site *s) {
    struct site_reload *r = s->reload;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (!r->runs) {
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HALT_S;
    if (pthread_timedjoin_np(r->thread, NULL, &until) != 0) {
        log_error(s->plan->command,
                  "a file that SIGHUP reads again does not answer; stopping without it");
        s->stuck = true;
    }
}

static void close_reload(struct site *s) {
    struct site_reload *r = s->reload;
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

const struct site_part part_reload = {
    .name = "reload",
    .open = open_reload,
    .run = run_reload,
    .halt = halt_reload,
    .close = close_reload,
};
